#include "core/dig/slots.h"

#include <algorithm>
#include <cstdint>

namespace turnpike::dig {
namespace {

IpAddress host_of(const IpAddress& address) {
  IpAddress out = address.unmapped();
  if (out.family == IpAddress::Family::kV6) std::fill(out.octets.begin() + 8, out.octets.end(), std::uint8_t{0});
  return out;
}

std::size_t count_of(const std::map<IpAddress, std::size_t>& counts, const IpAddress& key) {
  const auto at = counts.find(key);
  return at == counts.end() ? 0 : at->second;
}

void decrement(std::map<IpAddress, std::size_t>& counts, const IpAddress& key) {
  const auto at = counts.find(key);
  if (--at->second == 0) counts.erase(at);
}

}  // namespace

bool Slots::has_room(const IpAddress& from) const {
  return taken_ < limits_.all && count_of(by_address_, host_of(from)) < limits_.per_address &&
         count_of(by_network_, network_of(from.unmapped())) < limits_.per_network;
}

bool Slots::take(const IpAddress& from) {
  if (!has_room(from)) return false;
  ++taken_;
  ++by_address_[host_of(from)];
  ++by_network_[network_of(from.unmapped())];
  return true;
}

void Slots::give_back(const IpAddress& from) {
  --taken_;
  decrement(by_address_, host_of(from));
  decrement(by_network_, network_of(from.unmapped()));
}

}  // namespace turnpike::dig
