// Between our values and asio's. Also the one place that reads the clock.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>

#include "base/endpoint.h"
#include "base/time.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// Boot time: it goes on while the machine sleeps.
[[nodiscard]] Instant now();
[[nodiscard]] WallTime wall_now();
[[nodiscard]] inline Now both_now() { return {now(), wall_now()}; }
[[nodiscard]] std::chrono::steady_clock::time_point to_steady(Instant instant);
[[nodiscard]] asio::ip::udp::endpoint to_asio(const Endpoint& endpoint);
[[nodiscard]] Endpoint from_asio(const asio::ip::udp::endpoint& endpoint);
[[nodiscard]] asio::ip::tcp::endpoint to_asio_tcp(const Endpoint& endpoint);
[[nodiscard]] Endpoint from_asio(const asio::ip::tcp::endpoint& endpoint);
[[nodiscard]] asio::ip::address to_asio(const IpAddress& address);
[[nodiscard]] IpAddress from_asio(const asio::ip::address& address);

}  // namespace turnpike::io
