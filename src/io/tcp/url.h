// URLs as operators write them: scheme, host, port and path (RFC 3986), for http(s), ws(s) and our listeners.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.h"

namespace turnpike::io {

/// `http://host[:port][/path][?query]`. A host is a name or an IP literal (IPv6 in brackets in the text only). User
/// names and fragments are refused: nothing here would honour them.
struct Url {
  /// kTls ("tls://") is for listeners: whatever may speak on that port, under TLS.
  enum class Scheme : std::uint8_t { kHttp, kHttps, kWs, kWss, kTls };

  Scheme scheme = Scheme::kHttp;
  std::string host;          ///< Lower case; an IPv6 literal without its brackets.
  std::uint16_t port = 0;    ///< The scheme's own (80 or 443) where the text has none.
  std::string target = "/";  ///< Path and query as written: what stands in the request line.

  [[nodiscard]] static std::optional<Url> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] bool is_tls() const;
  /// Set when the host is an IP literal.
  [[nodiscard]] std::optional<Endpoint> endpoint() const;
  /// "host", "host:8080", "[2001:db8::1]:8080": the Host header. The scheme's own port is left out.
  [[nodiscard]] std::string authority() const;
  /// The same host and port with another scheme and `path` as the target.
  [[nodiscard]] Url with(Scheme other, std::string path) const;

  friend bool operator==(const Url&, const Url&) = default;
};

}  // namespace turnpike::io
