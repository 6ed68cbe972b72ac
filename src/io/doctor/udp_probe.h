// Measures over UDP, with STUN, what core/doctor judges: the NAT, its filter and its hairpin.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "core/doctor/nat.h"
#include "core/stun/binding_client.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// One question is sent three times, and given up after as long as this.
inline constexpr Duration kStunTime = std::chrono::milliseconds(1400);
/// All of `measure_udp`.
inline constexpr Duration kUdpTime = std::chrono::seconds(6);

/// Asks `servers` (IPv4, STUN over UDP; RFC 5780 where the first that answers has a second address) as seen from
/// sockets of its own. The time is at most kUdpTime. `tcp_works` and `own` are left to the caller.
[[nodiscard]] asio::awaitable<doctor::UdpFacts> measure_udp(std::vector<Endpoint> servers);

}  // namespace turnpike::io
