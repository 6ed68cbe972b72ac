// Whom a reverse proxy speaks for: X-Forwarded-For, and the PROXY protocol's header. Believed of configured networks
// only.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/network.h"
#include "base/result.h"

namespace turnpike::io::http {

/// Networks that a --trusted-proxy names at most.
inline constexpr std::size_t kMaxTrustedProxies = 64;
/// Entries of X-Forwarded-For that are looked at, from the right.
inline constexpr std::size_t kMaxForwardedHops = 16;
/// Of a PROXY header, version 1 or 2, with its extensions.
inline constexpr std::size_t kMaxProxyHeader = 536;

/// The networks of our own reverse proxies. Empty: nobody is believed.
class TrustedProxies {
 public:
  TrustedProxies() = default;
  explicit TrustedProxies(std::vector<IpNetwork> networks) : networks_(std::move(networks)) {}

  [[nodiscard]] bool empty() const { return networks_.empty(); }
  [[nodiscard]] bool contains(const IpAddress& address) const;
  /// The client of a request that came from `peer` with this X-Forwarded-For: the rightmost entry that is none of our
  /// proxies. `peer` itself when it is not trusted, or the entry that decides is no address: whatever stands further
  /// left was written by strangers. The port is 0 where the entry has none.
  [[nodiscard]] Endpoint client_of(const Endpoint& peer, std::string_view forwarded_for) const;

 private:
  std::vector<IpNetwork> networks_;
};

/// What stands before the first request on a connection of a proxy that speaks the PROXY protocol.
struct ProxyHeader {
  std::size_t size = 0;            ///< Bytes it takes.
  std::optional<Endpoint> client;  ///< None where the proxy speaks for itself (LOCAL, UNKNOWN).
};
enum class ProxyHeaderError : std::uint8_t { kIncomplete, kBad };

/// Could these first bytes be a PROXY header? False as soon as they cannot.
[[nodiscard]] bool may_be_proxy_header(ByteView bytes);
/// Version 1 (a line of text) or 2 (binary), TCP over IPv4 or IPv6.
[[nodiscard]] Result<ProxyHeader, ProxyHeaderError> parse_proxy_header(ByteView bytes);

}  // namespace turnpike::io::http
