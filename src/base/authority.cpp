#include "base/authority.h"

#include <algorithm>
#include <charconv>

#include "base/endpoint.h"

namespace turnpike {
namespace {

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

// Takes the host from the front; what is left is empty or ":port".
std::optional<std::string> take_host(std::string_view& text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const auto address = IpAddress::parse(text.substr(1, end - 1));
    if (!address || address->family != IpAddress::Family::kV6) return std::nullopt;
    text.remove_prefix(end + 1);
    return address->to_string();
  }
  std::string host(text.substr(0, text.find(':')));
  text.remove_prefix(host.size());
  std::ranges::transform(host, host.begin(), lower);
  if (host.empty() || host.size() > kMaxHostSize || !std::ranges::all_of(host, is_host_character)) return std::nullopt;
  return host;
}

}  // namespace

std::optional<Authority> Authority::parse(std::string_view text) {
  auto host = take_host(text);
  if (!host) return std::nullopt;
  Authority out{.host = *std::move(host)};
  if (text.empty()) return out;
  out.port = text.front() == ':' ? parse_port(text.substr(1)) : std::nullopt;
  return out.port ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace turnpike
