// The commands that work on the data folder itself, whether a node runs or not.
#pragma once

#include "command_line.h"
#include "console.h"

namespace turnpike::cli {

// Each returns an exit code.

[[nodiscard]] int run_add(Console& console, const Invocation& invocation, const AddOrder& order);
[[nodiscard]] int run_share(Console& console, const Invocation& invocation, const ShareOrder& order);
[[nodiscard]] int run_hash(Console& console, const Invocation& invocation, const HashOrder& order);
[[nodiscard]] int run_verify(Console& console, const Invocation& invocation, const VerifyOrder& order);
[[nodiscard]] int run_id(Console& console, const Invocation& invocation);

}  // namespace turnpike::cli
