// A range of IP addresses, as operators write them: CIDR.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.h"

namespace turnpike {

/// "10.0.0.0/8", "2001:db8::/32", or one address alone. Bits behind the prefix are ignored, as everywhere.
struct IpNetwork {
  IpAddress address;
  unsigned prefix = 0;  ///< 0..32, or 0..128 for IPv6.

  [[nodiscard]] static std::optional<IpNetwork> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  /// An IPv4 address inside IPv6 (::ffff:…) counts as the IPv4 address.
  [[nodiscard]] bool contains(const IpAddress& other) const;

  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;
};

}  // namespace turnpike
