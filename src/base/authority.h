// The part of a URL that says where: a host and perhaps a port.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace turnpike {

constexpr std::size_t kMaxHostSize = 253;  ///< RFC 1035 §2.3.4.

/// `host`, `host:port` or `[IPv6]:port` (RFC 3986 §3.2), without user names.
struct Authority {
  std::string host;  ///< A name in lower case, or an IP literal; an IPv6 one without its brackets.
  std::optional<std::uint16_t> port{};

  /// None for anything else: port 0, a name with other characters than letters, digits and "-._", one that is too long.
  [[nodiscard]] static std::optional<Authority> parse(std::string_view text);

  friend bool operator==(const Authority&, const Authority&) = default;
};

}  // namespace turnpike
