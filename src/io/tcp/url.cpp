#include "io/tcp/url.h"

#include <algorithm>
#include <array>

#include "base/authority.h"

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
constexpr std::size_t kMaxTarget = 4096;

const SchemeName& name_of(Url::Scheme scheme) { return *std::ranges::find(kSchemes, scheme, &SchemeName::scheme); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

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
  const std::string_view authority = text.substr(0, path);
  std::string target(text.substr(path));
  if (!target.starts_with('/')) target.insert(0, "/");
  // Spaces, controls and '#' could not stand in a request line, or would not be sent.
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f' && c != '#'; };
  if (target.size() > kMaxTarget || !std::ranges::all_of(target, is_plain)) return std::nullopt;

  auto at = Authority::parse(authority);
  if (!at) return std::nullopt;
  return Url{scheme->scheme, std::move(at->host), at->port.value_or(scheme->port), std::move(target)};
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
