// The commands that a running node answers.
#pragma once

#include "command_line.h"
#include "console.h"

namespace turnpike::cli {

// Each returns an exit code.

[[nodiscard]] int run_list(Console& console, const Invocation& invocation, const ListOrder& order);
[[nodiscard]] int run_why(Console& console, const Invocation& invocation, const WhyOrder& order);
[[nodiscard]] int run_pin(Console& console, const Invocation& invocation, const PinOrder& order);
[[nodiscard]] int run_unwant(Console& console, const Invocation& invocation, const UnwantOrder& order);
[[nodiscard]] int run_get(Console& console, const Invocation& invocation, const GetOrder& order);

}  // namespace turnpike::cli
