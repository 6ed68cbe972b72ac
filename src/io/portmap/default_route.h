// Who is the router of this machine, and which of our addresses does it know us by?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/portmap/mapper.h"

namespace turnpike::io {

struct Route {
  IpAddress gateway;
  std::string interface;
  std::uint32_t metric = 0;
};

/// The default route with the lowest metric in the text of /proc/net/route or /proc/net/ipv6_route; none in text that
/// is something else.
[[nodiscard]] std::optional<Route> parse_ipv4_routes(std::string_view text);
[[nodiscard]] std::optional<Route> parse_ipv6_routes(std::string_view text);

struct Surroundings {
  portmap::Network network;
  std::string interface_v4;
  std::string interface_v6;
  std::uint32_t scope_v6 = 0;  ///< The index of that interface: a link-local gateway is nothing without it.
  friend bool operator==(const Surroundings&, const Surroundings&) = default;
};

/// As it is now. Reads two small files of /proc and asks the kernel for two source addresses; sends nothing.
[[nodiscard]] Surroundings look_around();

}  // namespace turnpike::io
