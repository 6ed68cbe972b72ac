// Which stores a node brings to itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace turnpike::sync {

/// all: every store anybody announces; listed: those the user asked for or pinned, kept up to date; off: only what
/// `get` asks for, once.
enum class SyncMode : std::uint8_t { kAll, kListed, kOff };

[[nodiscard]] constexpr std::string_view name_of(SyncMode mode) {
  switch (mode) {
    case SyncMode::kAll:
      return "all";
    case SyncMode::kListed:
      return "listed";
    case SyncMode::kOff:
      return "off";
  }
  return "unknown";
}

[[nodiscard]] constexpr std::optional<SyncMode> parse_sync_mode(std::string_view text) {
  for (const SyncMode mode : {SyncMode::kAll, SyncMode::kListed, SyncMode::kOff}) {
    if (text == name_of(mode)) return mode;
  }
  return std::nullopt;
}

}  // namespace turnpike::sync
