#include "io/tcp/url.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace turnpike::io {
namespace {

struct SchemeName {
  Url::Scheme scheme;
  std::string_view name;
  std::uint16_t port;
};

constexpr std::array<SchemeName, 5> kSchemes{{{Url::Scheme::kHttp, "http", 80},
                                              {Url::Scheme::kHttps, "https", 443},
                                              {Url::Scheme::kWs, "ws", 80},
                                              {Url::Scheme::kWss, "wss", 443},
                                              {Url::Scheme::kTls, "tls", 443}}};
/// RFC 1035 §2.3.4.
constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxTarget = 4096;

const SchemeName& name_of(Url::Scheme scheme) { return *std::ranges::find(kSchemes, scheme, &SchemeName::scheme); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

/// Takes the host from the front of `authority`; what is left is empty or ":port".
std::optional<std::string> take_host(std::string_view& authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const auto address = IpAddress::parse(authority.substr(1, end - 1));
    if (!address || address->family != IpAddress::Family::kV6) return std::nullopt;
    authority.remove_prefix(end + 1);
    return address->to_string();
  }
  std::string host(authority.substr(0, authority.find(':')));
  authority.remove_prefix(host.size());
  std::ranges::transform(host, host.begin(), lower);
  if (host.empty() || host.size() > kMaxHost || !std::ranges::all_of(host, is_host_character)) return std::nullopt;
  return host;
}

}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  std::string name(text.substr(0, colon));
  std::ranges::transform(name, name.begin(), lower);
  const auto scheme = std::ranges::find(kSchemes, name, &SchemeName::name);
  if (scheme == kSchemes.end()) return std::nullopt;
  text.remove_prefix(colon + 3);

  const auto path = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, path);
  std::string target(text.substr(path));
  if (!target.starts_with('/')) target.insert(0, "/");
  // Spaces, controls and '#' could not stand in a request line, or would not be sent.
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f' && c != '#'; };
  if (target.size() > kMaxTarget || !std::ranges::all_of(target, is_plain)) return std::nullopt;

  auto host = take_host(authority);
  if (!host) return std::nullopt;
  Url url{scheme->scheme, std::move(*host), scheme->port, std::move(target)};
  if (!authority.empty()) {
    const auto port = authority.front() == ':' ? parse_port(authority.substr(1)) : std::nullopt;
    if (!port) return std::nullopt;
    url.port = *port;
  }
  return url;
}

std::string Url::to_string() const {
  return std::string(name_of(scheme).name) + "://" + authority() + (target == "/" ? "" : target);
}

bool Url::is_tls() const { return scheme == Scheme::kHttps || scheme == Scheme::kWss || scheme == Scheme::kTls; }

std::optional<Endpoint> Url::endpoint() const {
  const auto address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  return Endpoint{*address, port};
}

std::string Url::authority() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  const std::string name = is_v6 ? "[" + host + "]" : host;
  return port == name_of(scheme).port ? name : name + ":" + std::to_string(port);
}

Url Url::with(Scheme other, std::string path) const { return {other, host, port, std::move(path)}; }

}  // namespace turnpike::io
