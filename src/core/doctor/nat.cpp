#include "core/doctor/nat.h"

#include <algorithm>

namespace turnpike::doctor {
namespace {

Check unknown(std::string name, std::string text) {
  return {std::move(name), State::kUnknown, "unknown", std::move(text), {}};
}

bool holds(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::ranges::find(addresses, address) != addresses.end();
}

// Seen from outside exactly as from inside.
bool is_free_of_nat(const UdpFacts& facts) { return facts.first && holds(facts.own, facts.first->address); }

const char* const kNoAnswer = "no STUN server answered, so it cannot be told";

/// 100.64/10.
bool is_carriers(const IpAddress& address) {
  return address.family == IpAddress::Family::kV4 && address.octets[0] == 100 && (address.octets[1] & 0xC0U) == 64;
}

}  // namespace

Check check_udp(const UdpFacts& facts) {
  if (facts.answered) return {"udp", State::kGood, "open", "UDP passes", {}};
  if (!facts.asked) return unknown("udp", "no bootstrap is configured that could be asked");
  if (!facts.tcp_works) return unknown("udp", "the bootstrap answers neither over UDP nor over TCP");
  return {
      "udp", State::kProblem, "blocked", "UDP to the bootstrap is not answered, though TCP is",
      "a firewall on the way blocks UDP, or the bootstrap runs no STUN: everything works through relays, but slower; "
      "allow outgoing UDP if you can"};
}

Check check_nat_mapping(const UdpFacts& facts) {
  if (!facts.first) return unknown("nat-mapping", kNoAnswer);
  const std::string seen = "seen from outside as " + facts.first->to_string();
  if (is_free_of_nat(facts)) return {"nat-mapping", State::kGood, "none", "no NAT: " + seen, {}};
  if (!facts.other_address && !facts.other_both) {
    return {"nat-mapping", State::kNote, "nat", "there is a NAT, " + seen + "; its kind shows only to a second address",
            facts.has_second_address ? "" : "name a second bootstrap, or one with two addresses, to learn more"};
  }
  const bool same_address = !facts.other_address || facts.other_address == facts.first;
  const bool same_both = !facts.other_both || facts.other_both == facts.first;
  if (same_address && same_both) {
    return {"nat-mapping",
            State::kGood,
            "endpoint-independent",
            "one outside port for everybody (endpoint-independent), " + seen,
            {}};
  }
  const bool by_address = facts.other_address && facts.other_address != facts.first &&
                          (!facts.other_both || facts.other_both == facts.other_address);
  return {"nat-mapping", State::kProblem, by_address ? "address-dependent" : "address-and-port-dependent",
          std::string("another outside port for every ") + (by_address ? "address" : "address and port") +
              " (a symmetric NAT), " + seen,
          "holes are hard to punch here: turn UPnP on in the router or forward the node's ports, else relays carry "
          "what others fetch from you"};
}

Check check_nat_filtering(const UdpFacts& facts) {
  if (!facts.first) return unknown("nat-filtering", kNoAnswer);
  if (!facts.heard_from_elsewhere) {
    return unknown("nat-filtering", "it shows only to a STUN server with two addresses");
  }
  if (*facts.heard_from_elsewhere) {
    return {"nat-filtering", State::kGood, "endpoint-independent", "anybody may answer (endpoint-independent)", {}};
  }
  if (facts.heard_from_other_port.value_or(false)) {
    return {"nat-filtering",
            State::kGood,
            "address-dependent",
            "only addresses we have sent to may answer (address-dependent)",
            {}};
  }
  return {"nat-filtering",
          State::kNote,
          "address-and-port-dependent",
          "only whom we have sent to may answer (address-and-port-dependent); that is usual",
          {}};
}

Check check_hairpin(const UdpFacts& facts) {
  if (!facts.first) return unknown("hairpin", kNoAnswer);
  if (is_free_of_nat(facts)) return {"hairpin", State::kGood, "not-needed", "no NAT, so nothing to turn around", {}};
  if (!facts.hairpin) return unknown("hairpin", "it was not measured");
  if (*facts.hairpin)
    return {"hairpin", State::kGood, "works", "the NAT turns around what is sent to our own outside", {}};
  return {"hairpin",
          State::kNote,
          "no",
          "the NAT does not turn around what is sent to our own outside; machines of this home meet by their inner "
          "addresses",
          {}};
}

Check check_nat_layers(const LayerFacts& facts) {
  const auto carriers_at = std::ranges::find_if(facts.hops, [](const auto& hop) { return hop && is_carriers(*hop); });
  const bool own_is_carriers = std::ranges::any_of(facts.own, is_carriers);
  const bool router_has_carriers = facts.router_external && is_carriers(*facts.router_external);
  if (carriers_at != facts.hops.end() || own_is_carriers || router_has_carriers) {
    return {"nat-layers", State::kProblem, "carrier", "the provider has a NAT of its own (100.64/10, carrier-grade)",
            "no router setting makes this home reachable over IPv4: ask the provider for a public address or IPv6; "
            "until then relays and punched holes are used"};
  }
  const bool router_has_private = facts.router_external && !facts.router_external->is_global();
  const bool second_is_private = facts.hops.size() >= 2 && facts.hops[1] && !facts.hops[1]->is_global();
  const bool seen_as_another = facts.router_external && facts.observed &&
                               facts.observed->family == facts.router_external->family &&
                               *facts.observed != *facts.router_external;
  if (router_has_private || second_is_private || seen_as_another) {
    return {"nat-layers", State::kProblem, "double", "a second router stands behind the first (double NAT)",
            "put the inner router into bridge mode, or forward the node's ports on both"};
  }
  if (facts.observed && holds(facts.own, *facts.observed)) {
    return {"nat-layers", State::kGood, "none", "no NAT on the way", {}};
  }
  const bool second_is_public = facts.hops.size() >= 2 && facts.hops[1];
  if (second_is_public || facts.router_external) {
    return {"nat-layers", State::kGood, "none", "no second NAT behind the router", {}};
  }
  return unknown("nat-layers", "no router on the way told where it is");
}

}  // namespace turnpike::doctor
