#include "core/kad/realm.h"

namespace turnpike::kad {
namespace {

constexpr std::uint8_t kFirstMulticastV4 = 224;  // and what is reserved above it

bool is_link_local(const IpAddress& address) {
  if (address.family == IpAddress::Family::kV4) return address.octets[0] == 169 && address.octets[1] == 254;
  return address.octets[0] == 0xfe && (address.octets[1] & 0xc0U) == 0x80;
}

bool is_no_single_place(const IpAddress& address) {
  if (address.family == IpAddress::Family::kV4) return address.octets[0] == 0 || address.octets[0] >= kFirstMulticastV4;
  return address.is_unspecified() || address.octets[0] == 0xff;
}

}  // namespace

std::optional<Realm> realm_of(const IpAddress& given) {
  const IpAddress address = given.unmapped();
  if (is_no_single_place(address) || is_link_local(address)) return std::nullopt;
  if (address.is_loopback()) return Realm::kMachine;
  return address.is_global() ? Realm::kWorld : Realm::kSite;
}

std::optional<Endpoint> endpoint_of(const multiaddr::Multiaddr& address) {
  const auto tcp = address.tcp_endpoint();
  return tcp ? tcp : address.quic_endpoint();
}

std::vector<multiaddr::Multiaddr> passing(const std::vector<multiaddr::Multiaddr>& addresses, const IpAddress& peer,
                                          const identity::AnyPeerId& owner) {
  std::vector<multiaddr::Multiaddr> out;
  const auto nearest = realm_of(peer);
  if (!nearest) return out;
  for (const multiaddr::Multiaddr& address : addresses) {
    const auto endpoint = endpoint_of(address);
    if (!endpoint || endpoint->port == 0) continue;
    const auto realm = realm_of(endpoint->address);
    const auto named = address.peer();
    if (realm && *realm >= *nearest && (!named || *named == owner)) out.push_back(address);
  }
  return out;
}

}  // namespace turnpike::kad
