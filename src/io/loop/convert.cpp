#include "io/loop/convert.h"

#include <time.h>

#include <algorithm>

namespace turnpike::io {

using std::chrono::duration_cast;

Instant now() {
  timespec reading{};
  clock_gettime(CLOCK_BOOTTIME, &reading);
  return Instant(
      duration_cast<Duration>(std::chrono::seconds(reading.tv_sec) + std::chrono::nanoseconds(reading.tv_nsec)));
}

WallTime wall_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {static_cast<std::uint64_t>(duration_cast<std::chrono::milliseconds>(since).count())};
}

std::chrono::steady_clock::time_point to_steady(Instant instant) {
  return std::chrono::steady_clock::now() + (instant - now());
}

asio::ip::address to_asio(const IpAddress& address) {
  if (address.family == IpAddress::Family::kV6) return asio::ip::address_v6(address.octets);
  asio::ip::address_v4::bytes_type v4{};
  std::copy_n(address.octets.begin(), v4.size(), v4.begin());
  return asio::ip::address_v4(v4);
}

IpAddress from_asio(const asio::ip::address& address) {
  if (address.is_v6()) return {IpAddress::Family::kV6, address.to_v6().to_bytes()};
  IpAddress out;
  std::ranges::copy(address.to_v4().to_bytes(), out.octets.begin());
  return out;
}

asio::ip::udp::endpoint to_asio(const Endpoint& endpoint) { return {to_asio(endpoint.address), endpoint.port}; }
asio::ip::tcp::endpoint to_asio_tcp(const Endpoint& endpoint) { return {to_asio(endpoint.address), endpoint.port}; }
Endpoint from_asio(const asio::ip::udp::endpoint& endpoint) { return {from_asio(endpoint.address()), endpoint.port()}; }
Endpoint from_asio(const asio::ip::tcp::endpoint& endpoint) { return {from_asio(endpoint.address()), endpoint.port()}; }

}  // namespace turnpike::io
