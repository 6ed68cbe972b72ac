// An IP address and a port, as values: parsed once at the edge, never glued together as text.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace turnpike {

/// IPv4 or IPv6. An IPv4 address uses the first four octets; the rest are zero.
struct IpAddress {
  enum class Family : std::uint8_t { kV4, kV6 };

  Family family = Family::kV4;
  std::array<std::uint8_t, 16> octets{};

  [[nodiscard]] constexpr std::size_t size() const { return family == Family::kV4 ? 4 : 16; }

  [[nodiscard]] static constexpr IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return {Family::kV4, {a, b, c, d}};
  }

  /// "192.0.2.1" or "2001:db8::1" (no brackets, no zone); nothing else, and no leading zeros in IPv4.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;  ///< RFC 5952 for IPv6.

  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_unspecified() const;
  /// Reachable, by its range, from anywhere: not private, link-local, CGNAT (100.64/10), loopback, multicast or unset.
  /// Documentation ranges count as global: nothing real has them, and laboratories do.
  [[nodiscard]] bool is_global() const;
  /// ::ffff:a.b.c.d becomes a.b.c.d; anything else is returned as it is.
  [[nodiscard]] IpAddress unmapped() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// The network an address counts as when limits and witnesses are counted: its /24, or its /48 for IPv6.
[[nodiscard]] IpAddress network_of(const IpAddress& address);

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  /// "192.0.2.1:443" or "[2001:db8::1]:443".
  [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace turnpike
