// The name of one control connection.
#pragma once

#include <compare>
#include <cstdint>

namespace turnpike::rendezvous {

/// Never used twice.
struct ConnectionId {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(const ConnectionId&, const ConnectionId&) = default;
};

}  // namespace turnpike::rendezvous
