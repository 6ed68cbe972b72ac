#include "io/interfaces/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <memory>

namespace turnpike::io {
namespace {

std::optional<IpAddress> address_of(const sockaddr* raw) {
  IpAddress out;
  if (raw != nullptr && raw->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, raw, sizeof v4);
    std::memcpy(out.octets.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return out;
  }
  if (raw != nullptr && raw->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, raw, sizeof v6);
    out.family = IpAddress::Family::kV6;
    std::memcpy(out.octets.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    return out;
  }
  return std::nullopt;
}

bool is_link_local(const IpAddress& address) {
  const auto& o = address.octets;
  if (address.family == IpAddress::Family::kV4) return o[0] == 169 && o[1] == 254;
  return o[0] == 0xfe && (o[1] & 0xc0U) == 0x80;
}

unsigned prefix_of(const sockaddr* mask) {
  const auto address = address_of(mask);
  unsigned out = 0;
  if (!address) return out;
  for (std::size_t i = 0; i < address->size(); ++i) out += static_cast<unsigned>(std::popcount(address->octets[i]));
  return out;
}

struct Free {
  void operator()(ifaddrs* list) const { freeifaddrs(list); }
};

}  // namespace

bool is_virtual_bridge(std::string_view name) {
  constexpr std::array<std::string_view, 7> kPrefixes{"docker", "br-", "virbr", "veth", "lxc", "podman", "cni"};
  return std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::vector<IpAddress> own_addresses() {
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return {};
  const std::unique_ptr<ifaddrs, Free> list(raw);
  std::vector<IpAddress> out;
  for (const ifaddrs* each = list.get(); each != nullptr; each = each->ifa_next) {
    if ((each->ifa_flags & IFF_UP) == 0 || is_virtual_bridge(each->ifa_name)) continue;
    const auto address = address_of(each->ifa_addr);
    if (!address || address->is_loopback() || address->is_unspecified() || is_link_local(*address)) continue;
    out.push_back(*address);
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

std::vector<Interface> multicast_interfaces() {
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return {};
  const std::unique_ptr<ifaddrs, Free> list(raw);
  std::map<unsigned, Interface> found;
  for (const ifaddrs* each = list.get(); each != nullptr; each = each->ifa_next) {
    constexpr unsigned kNeeded = IFF_UP | IFF_MULTICAST;  // and no tunnel: those at its other end are in another room
    if ((each->ifa_flags & (kNeeded | IFF_LOOPBACK | IFF_POINTOPOINT)) != kNeeded || is_virtual_bridge(each->ifa_name))
      continue;
    const auto address = address_of(each->ifa_addr);
    const unsigned index = if_nametoindex(each->ifa_name);
    if (!address || address->is_unspecified() || index == 0) continue;
    Interface& interface = found[index];
    interface.index = index;
    interface.name = each->ifa_name;
    interface.networks.push_back({*address, prefix_of(each->ifa_netmask)});
  }
  std::vector<Interface> out;
  for (auto& [index, interface] : found) {
    std::ranges::sort(interface.networks, {}, &IpNetwork::address);
    out.push_back(std::move(interface));
  }
  return out;
}

}  // namespace turnpike::io
