// Where an HTTP proxy is and how we introduce ourselves to it, as operators write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace turnpike::connect {

/// What Basic authentication sends (RFC 7617). For the proxy's eyes alone: never logged, never shown.
struct Credentials {
  std::string user;  ///< Without a colon.
  std::string password;

  /// The value of Proxy-Authorization: "Basic " and base64.
  [[nodiscard]] std::string header() const;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// `[http[s]://][user[:password]@]host[:port][/]`. Percent-encoding in user and password is undone. Without a port 80,
/// or 443 for https.
struct ProxyUrl {
  std::string host;  ///< Lower case; an IPv6 literal without its brackets.
  std::uint16_t port = 80;
  bool tls = false;  ///< The way to the proxy itself is TLS, checked by the system's authorities.
  std::optional<Credentials> credentials;

  [[nodiscard]] static std::optional<ProxyUrl> parse(std::string_view text);
  /// Why `parse` gave nothing, for people: names no part of the text, as a password may stand in it.
  [[nodiscard]] static std::string_view why_not(std::string_view text);
  /// "host:port" or "[v6]:port", with nothing secret in it: what logs and status show.
  [[nodiscard]] std::string shown() const;

  friend bool operator==(const ProxyUrl&, const ProxyUrl&) = default;
};

/// "host:port", an IPv6 literal in brackets: the authority form of a request's target (RFC 9112, section 3.2.3).
[[nodiscard]] std::string authority_of(std::string_view host, std::uint16_t port);

}  // namespace turnpike::connect
