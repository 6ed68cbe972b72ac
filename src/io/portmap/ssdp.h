// Who on the local network calls itself an Internet Gateway Device?
#pragma once

#include <string>
#include <vector>

namespace turnpike::io {

/// More answers than a home has devices are not looked at.
constexpr std::size_t kMaxSsdpAnswers = 16;

/// Blocks for `wait_ms`: call it on a worker. `interface` is the own IPv4 address to send the multicast from, or, for
/// IPv6, the interface's name. Returns description URLs, each once, of whoever answered.
[[nodiscard]] std::vector<std::string> discover_gateways(const std::string& interface, bool v6, int wait_ms);

}  // namespace turnpike::io
