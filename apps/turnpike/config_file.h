// The configuration file: TOML whose keys are the long flags.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "settings.h"

namespace turnpike::cli {

/// Values become text: strings, numbers, booleans, and arrays of those. On failure: one line with file and place.
[[nodiscard]] Result<Settings, std::string> read_config_file(const std::filesystem::path& file);
[[nodiscard]] Result<Settings, std::string> parse_config(std::string_view text, std::string_view name);

}  // namespace turnpike::cli
