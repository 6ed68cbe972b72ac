// From what was measured, and what a running node tells, to the list of checks and how it is shown.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/doctor/check.h"
#include "io/doctor/examine.h"

namespace turnpike::cli {

/// What the node on the data folder answered to `status`; none, and why, if it does not run.
struct NodeStatus {
  std::optional<nlohmann::json> status;
  std::string reason;
};

/// The bootstraps that a node's status names.
[[nodiscard]] std::vector<io::Url> bootstraps_of(const NodeStatus& node);
/// All checks, in the order in which they are read best: what stops everything stands first.
[[nodiscard]] std::vector<doctor::Check> diagnose(const io::Examined& found, const NodeStatus& node);

/// {"ok": bool, "checks": [{check, state, value, text, advice}]}; no advice is null.
[[nodiscard]] nlohmann::json report_json(const std::vector<doctor::Check>& checks);
/// A line for each check, and below it what to do.
[[nodiscard]] std::string report_text(const std::vector<doctor::Check>& checks);

}  // namespace turnpike::cli
