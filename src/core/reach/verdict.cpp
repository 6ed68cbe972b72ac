#include "core/reach/verdict.h"

#include <algorithm>

namespace turnpike::reach {

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kProving:
      return "proving";
    case Verdict::kProved:
      return "proved";
    case Verdict::kLocal:
      return "local";
    case Verdict::kNoProber:
      return "no-prober";
    case Verdict::kFirewall:
      return "firewall";
    case Verdict::kCgnat:
      return "cgnat";
    case Verdict::kDoubleNat:
      return "double-nat";
    case Verdict::kLyingRouter:
      return "lying-router";
    case Verdict::kNotOurs:
      return "not-ours";
  }
  return "";
}

std::string_view words_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnknown:
      return "no bootstrap sees us over this family of addresses yet";
    case Verdict::kProving:
      return "a bootstrap has been asked to have it tried from outside";
    case Verdict::kProved:
      return "reached from outside";
    case Verdict::kLocal:
      return "a private address: only neighbours in this network are told of it";
    case Verdict::kNoProber:
      return "nobody in another network was there to try it from outside; it is tried as soon as somebody comes";
    case Verdict::kFirewall:
      return "the address is ours, and nothing arrives: a firewall, or a router without port forwarding, stands before "
             "it; let the port in there";
    case Verdict::kCgnat:
      return "the router itself is behind the carrier's NAT (100.64.0.0/10): no port can be opened there; ask the "
             "carrier for a public address, or use IPv6";
    case Verdict::kDoubleNat:
      return "the router's outside address is not the one that the world sees: there is a second router before it; "
             "forward the port there too, or make one of them a bridge";
    case Verdict::kLyingRouter:
      return "the router says that it forwards the port, and nothing arrives: restart it, renew its firmware, or "
             "forward the port by hand";
    case Verdict::kNotOurs:
      return "the world sees us at another address: this one is a NAT's inside, or belongs to another line";
  }
  return "";
}

bool is_carrier_grade(const IpAddress& address) {
  return address.family == IpAddress::Family::kV4 && address.octets[0] == 100 && (address.octets[1] & 0xc0U) == 64;
}

Verdict judge(Origin origin, const IpAddress& address, const std::vector<IpAddress>& seen) {
  if (origin == Origin::kMapped && is_carrier_grade(address)) return Verdict::kCgnat;
  if (!address.is_global()) return origin == Origin::kMapped ? Verdict::kDoubleNat : Verdict::kLocal;
  if (std::ranges::find(seen, address) != seen.end()) return Verdict::kProving;
  const bool same_family =
      std::ranges::any_of(seen, [&](const IpAddress& each) { return each.family == address.family; });
  if (!same_family) return Verdict::kUnknown;
  // IPv6 hosts have many addresses, and only one of them is seen: that says nothing of a NAT.
  if (address.family == IpAddress::Family::kV6) return Verdict::kUnknown;
  return origin == Origin::kMapped ? Verdict::kDoubleNat : Verdict::kNotOurs;
}

}  // namespace turnpike::reach
