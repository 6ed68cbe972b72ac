// The settings of `node` and `bootstrap`: one table that both the flags and the keys of the configuration file are made
// of.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/config.h"
#include "node/config.h"

namespace turnpike::cli {

/// Values by name, as text, wherever they came from.
using Settings = std::map<std::string, std::vector<std::string>>;

struct Setting {
  std::string name;   ///< The flag is "--" and this; the key is this.
  std::string value;  ///< What it takes, for --help: "URL".
  std::string help;
  bool is_list = false;
};

/// Without `data`, which every command has.
[[nodiscard]] const std::vector<Setting>& node_settings();
/// Those of a node's that doctor has a use for.
[[nodiscard]] const std::vector<Setting>& doctor_settings();
[[nodiscard]] const std::vector<Setting>& bootstrap_settings();

/// Those of `flags`, and of `file` what `flags` does not name.
[[nodiscard]] Settings merged(Settings flags, const Settings& file);

/// Writes the settings over the defaults in `config`. On failure: one line that names the setting and says what it
/// takes. `variable` gives the environment, which names a proxy where the settings do not.
[[nodiscard]] std::optional<std::string> configure(node::NodeConfig& config, const Settings& settings,
                                                   const connect::Variable& variable = {});
[[nodiscard]] std::optional<std::string> configure(bootstrap::BootstrapConfig& config, const Settings& settings);

/// "SIZE:ROOT", a number of bytes and 64 hex digits.
[[nodiscard]] std::optional<store::Content> parse_content(std::string_view text);

}  // namespace turnpike::cli
