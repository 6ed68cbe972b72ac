#include "core/connect/proxy_url.h"

#include <algorithm>

#include "base/authority.h"
#include "base/base64.h"

namespace turnpike::connect {
namespace {

constexpr std::size_t kMaxUserinfo = 512;  // of user and of password, each

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  const char small = lower(c);
  if (small >= 'a' && small <= 'f') return static_cast<std::uint8_t>(small - 'a' + 10);
  return std::nullopt;
}

// Nothing for bad escapes, and for control characters, which no header may carry.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const auto high = digit(text[i + 1]);
      const auto low = digit(text[i + 2]);
      if (!high || !low) return std::nullopt;
      c = static_cast<char>(*high << 4U | *low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return std::nullopt;
    out.push_back(c);
  }
  return out.size() <= kMaxUserinfo ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<Credentials> parse_userinfo(std::string_view text) {
  const std::size_t colon = text.find(':');
  auto user = percent_decoded(text.substr(0, colon));
  auto password = percent_decoded(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  if (!user || !password || user->find(':') != std::string::npos) return std::nullopt;
  return Credentials{*std::move(user), *std::move(password)};
}

std::string scheme_of(std::string_view text) {
  const std::size_t end = text.find("://");
  std::string scheme(end == std::string_view::npos ? "http" : text.substr(0, end));
  std::ranges::transform(scheme, scheme.begin(), lower);
  return scheme;
}

}  // namespace

std::string Credentials::header() const {
  const std::string both = user + ":" + password;
  std::string out = to_base64url(bytes_of(both));  // the other alphabet, and without padding
  std::ranges::replace(out, '-', '+');
  std::ranges::replace(out, '_', '/');
  out.append((4 - out.size() % 4) % 4, '=');
  return "Basic " + out;
}

std::optional<ProxyUrl> ProxyUrl::parse(std::string_view text) {
  const std::string scheme = scheme_of(text);
  if (scheme != "http" && scheme != "https") return std::nullopt;
  if (const std::size_t end = text.find("://"); end != std::string_view::npos) text.remove_prefix(end + 3);

  ProxyUrl out;
  out.tls = scheme == "https";
  out.port = out.tls ? 443 : 80;
  if (text.ends_with('/')) text.remove_suffix(1);
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    out.credentials = parse_userinfo(text.substr(0, at));
    if (!out.credentials) return std::nullopt;
    text.remove_prefix(at + 1);
  }
  auto authority = Authority::parse(text);
  if (!authority) return std::nullopt;
  out.host = std::move(authority->host);
  out.port = authority->port.value_or(out.port);
  return out;
}

std::string_view ProxyUrl::why_not(std::string_view text) {
  const std::string scheme = scheme_of(text);
  if (scheme.starts_with("socks")) return "a SOCKS proxy, and only HTTP CONNECT is spoken here";
  if (scheme != "http" && scheme != "https") return "of an unknown scheme; give http://[user:password@]host:port";
  return "no proxy; give http://[user:password@]host:port";
}

std::string ProxyUrl::shown() const { return authority_of(host, port); }

std::string authority_of(std::string_view host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string_view::npos;
  return (is_v6 ? "[" : "") + std::string(host) + (is_v6 ? "]:" : ":") + std::to_string(port);
}

}  // namespace turnpike::connect
