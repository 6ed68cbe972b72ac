#include "bootstrap/public_base.h"

#include <algorithm>

namespace turnpike::bootstrap {
namespace {

/// RFC 9110 §7.2: uri-host and port. Nothing that could lead a reader of the URL elsewhere (userinfo, a path, a query).
bool is_authority_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_' || c == ':' || c == '[' || c == ']';
}

bool is_host(const std::pair<std::string, std::string>& field) {
  constexpr std::string_view kHost = "host";
  return std::ranges::equal(field.first, kHost, {}, [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
}

}  // namespace

std::optional<io::Url> public_base(const io::http::Request& request, const std::optional<io::Url>& public_url) {
  if (public_url) {
    io::Url base = *public_url;
    base.target = base.target.substr(0, base.target.find('?'));
    while (base.target.ends_with('/')) base.target.pop_back();
    return base;
  }
  const auto& fields = request.headers.fields();
  if (std::ranges::count_if(fields, is_host) != 1) return std::nullopt;
  const std::string& host = std::ranges::find_if(fields, is_host)->second;
  if (host.empty() || !std::ranges::all_of(host, is_authority_character)) return std::nullopt;
  auto base = io::Url::parse((request.over_tls ? "https://" : "http://") + host);
  if (!base) return std::nullopt;
  base->target.clear();
  return base;
}

std::string absolute(const io::Url& base, std::string_view path) {
  return base.with(base.scheme, base.target + std::string(path)).to_string();
}

}  // namespace turnpike::bootstrap
