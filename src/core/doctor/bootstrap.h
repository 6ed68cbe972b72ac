// The way to the bootstraps: each of them, the proxy before them, and the clock beside theirs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/captive/verdict.h"
#include "core/doctor/check.h"

namespace turnpike::doctor {

/// Slower than this is told as a note.
inline constexpr Duration kSlowBootstrap = std::chrono::milliseconds(500);
/// What signed statements tolerate (docs/protocols/statement.md), and what is worth a note.
inline constexpr Duration kClockLimit = std::chrono::minutes(10);
inline constexpr Duration kClockNote = std::chrono::minutes(1);

struct BootstrapFacts {
  std::string url{};
  bool connected = false;  ///< To its port, TLS included.
  bool through_proxy = false;
  std::string failure{};                      ///< If not connected.
  std::optional<captive::Verdict> verdict{};  ///< Who answers in its place, if not connected.
  std::optional<bool> is_ours{};              ///< /health was that of a Turnpike bootstrap.
  std::optional<Duration> round_trip{};       ///< Of one request on the open connection.
  std::optional<Duration> ahead{};            ///< Its clock before ours; half a round trip is already taken off.
};
/// value: "reached", "captive", "wrong-key", "stranger", "unreachable". Named "bootstrap URL".
[[nodiscard]] Check check_bootstrap(const BootstrapFacts& facts);

/// value: "open", "captive", "unknown": the network as all bootstraps show it.
[[nodiscard]] Check check_captive(const std::vector<BootstrapFacts>& bootstraps);

/// value: "right", "wrong", "unknown". Of several bootstraps the median counts.
[[nodiscard]] Check check_clock(const std::vector<BootstrapFacts>& bootstraps);

struct ProxyFacts {
  std::string address{};  ///< Empty: none is configured.
  std::string source{};   ///< The flag or variable that names it.
  std::string refusal{};  ///< What it said when it refused us.
};
/// value: "none", "not-needed" (direct works), "works", "refuses", "unused".
[[nodiscard]] Check check_proxy(const ProxyFacts& proxy, const std::vector<BootstrapFacts>& bootstraps);

}  // namespace turnpike::doctor
