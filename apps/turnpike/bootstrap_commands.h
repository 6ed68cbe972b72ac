// The commands about a bootstrap's budget: what a running one is asked, and the ledger on disk.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "command_line.h"
#include "console.h"

namespace turnpike::cli {

/// Gives an exit code.
[[nodiscard]] int run_bootstrap(Console& console, const Invocation& invocation, const BootstrapOrder& order);

/// The answer to "budget" for people.
[[nodiscard]] std::string show_budget(const nlohmann::json& answer);

}  // namespace turnpike::cli
