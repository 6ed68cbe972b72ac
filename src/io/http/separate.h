// Nothing to include: Beast is compiled once, in separate.cpp, instead of into every file that uses it.
#pragma once
