// What packets tell on their way: which routers they pass, and how large they may be.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <vector>

#include "base/time.h"
#include "core/doctor/network.h"

namespace turnpike::io {

namespace asio = boost::asio;

inline constexpr std::size_t kMaxHops = 4;
inline constexpr Duration kHopTime = std::chrono::milliseconds(800);
inline constexpr Duration kMtuTime = std::chrono::milliseconds(1500);

/// The first kMaxHops routers towards `server` (IPv4), the nearest first, by datagrams that live no longer; none where
/// one does not say that it let one die. Takes kHopTime. What follows the last one that answered is left off.
[[nodiscard]] asio::awaitable<std::vector<std::optional<IpAddress>>> find_hops(Endpoint server);

/// Asks the STUN server with datagrams that may not be cut into pieces. Takes at most 2 × kMtuTime.
[[nodiscard]] asio::awaitable<doctor::MtuFacts> measure_mtu(Endpoint server);

}  // namespace turnpike::io
