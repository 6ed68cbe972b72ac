#include "core/dig/address.h"

#include <algorithm>
#include <charconv>

namespace turnpike::dig {
namespace {

bool is_address_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
         c == ':' || c == '-' || c == '_';
}

/// Takes "/part" from the front.
std::string_view take_part(std::string_view& rest) {
  if (!rest.starts_with('/')) return {};
  rest.remove_prefix(1);
  const std::string_view part = rest.substr(0, rest.find('/'));
  rest.remove_prefix(part.size());
  return part;
}

}  // namespace

std::optional<Endpoint> tcp_of(std::string_view multiaddr) {
  const std::string_view family = take_part(multiaddr);
  const auto address = IpAddress::parse(take_part(multiaddr));
  const bool is_v4 = family == "ip4";
  if (!address || (!is_v4 && family != "ip6")) return std::nullopt;
  if ((address->family == IpAddress::Family::kV4) != is_v4 || take_part(multiaddr) != "tcp") return std::nullopt;
  const std::string_view digits = take_part(multiaddr);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  return Endpoint{*address, port};
}

std::string multiaddr_of(const Endpoint& tcp) {
  const std::string_view family = tcp.address.family == IpAddress::Family::kV4 ? "/ip4/" : "/ip6/";
  return std::string(family) + tcp.address.to_string() + "/tcp/" + std::to_string(tcp.port);
}

std::string multiaddr_of(const Endpoint& tcp, const identity::PeerId& peer) {
  return multiaddr_of(tcp) + "/p2p/" + peer.to_string();
}

std::optional<Endpoint> http_of(const Endpoint& tcp) {
  if (tcp.port == 0 || tcp.port > UINT16_MAX - kHttpOffset) return std::nullopt;
  return Endpoint{tcp.address, static_cast<std::uint16_t>(tcp.port + kHttpOffset)};
}

std::optional<Endpoint> told_for(const Endpoint& http) {
  if (http.port <= kHttpOffset) return std::nullopt;
  return Endpoint{http.address, static_cast<std::uint16_t>(http.port - kHttpOffset)};
}

std::vector<Endpoint> told_for(std::span<const Endpoint> http) {
  std::vector<Endpoint> out;
  for (const Endpoint& each : http) {
    const auto told = each.address.family == IpAddress::Family::kV4 ? told_for(each) : std::nullopt;
    if (told) out.push_back(*told);
  }
  return out;
}

bool is_multiaddr_text(std::string_view text) {
  return text.size() > 1 && text.size() <= kMaxMultiaddrText && text.front() == '/' &&
         std::ranges::all_of(text, is_address_character);
}

}  // namespace turnpike::dig
