#include "core/doctor/network.h"

#include <algorithm>

namespace turnpike::doctor {
namespace {

constexpr unsigned kEthernet = 1500;
constexpr unsigned kQuicNeeds = 1280;  // RFC 9000 §14: 1,200 bytes of payload, and what is around them

}  // namespace

Check check_ipv6(const Ipv6Facts& facts) {
  const bool has_address = std::ranges::any_of(facts.own, [](const IpAddress& address) {
    return address.family == IpAddress::Family::kV6 && address.is_global();
  });
  if (!has_address) {
    return {"ipv6", State::kNote, "none", "no public IPv6 address",
            "turn IPv6 on in the router if the provider has it: it needs no NAT"};
  }
  if (!facts.bootstrap_has_v6 || !facts.connected) {
    return {"ipv6", State::kNote, "untested", "there is an IPv6 address, but no bootstrap with one to try it on", {}};
  }
  if (*facts.connected) return {"ipv6", State::kGood, "works", "IPv6 works", {}};
  return {"ipv6", State::kProblem, "broken", "there is an IPv6 address, but nothing is reached over it",
          "IPv6 of this network is broken: mend it in the router, or turn it off; IPv4 is used meanwhile"};
}

Check check_mtu(const MtuFacts& facts) {
  if (!facts.measured || !facts.path) return {"mtu", State::kUnknown, "unknown", "it was not measured", {}};
  const std::string size = std::to_string(*facts.path);
  if (facts.large_answered || (*facts.path < kEthernet && *facts.path >= kQuicNeeds && facts.middle_answered)) {
    return {"mtu", State::kGood, size, "packets of " + size + " bytes pass", {}};
  }
  if (*facts.path < kQuicNeeds) {
    return {"mtu", State::kProblem, size, "packets of more than " + size + " bytes do not pass",
            "QUIC needs 1280: raise the MTU of the tunnel or line on the way; TCP is used meanwhile"};
  }
  if (facts.middle_answered) {
    return {"mtu", State::kProblem, "black-hole", "packets of 1500 bytes vanish and no router says why (a black hole)",
            "a firewall on the way drops ICMP \"fragmentation needed\": allow it, or lower this machine's MTU to 1280"};
  }
  return {"mtu", State::kUnknown, "unknown", "no large packet was answered", {}};
}

MappingFacts mapping_of(std::string_view state, std::string_view reason, std::string_view protocol) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> states) {
    return std::ranges::find(states, state) != states.end();
  };
  MappingFacts out;
  out.reason = reason;
  out.protocol = protocol;
  out.mapped = is_one_of({"mapped", "mapped-singly"});
  out.asked = !is_one_of({"", "off", "no-gateway", "searching", "working"});
  out.answers = out.asked && state != "no-answer";
  return out;
}

Check check_mapping(const MappingFacts& facts) {
  if (!facts.behind_nat) return {"mapping", State::kGood, "not-needed", "no NAT, so no port needs to be mapped", {}};
  const std::string why = facts.reason.empty() ? "" : ": " + facts.reason;
  if (facts.mapped) {
    const std::string where = facts.external ? " at " + facts.external->to_string() : "";
    return {"mapping", State::kGood, facts.protocol, "the router maps ports (" + facts.protocol + ")" + where, {}};
  }
  if (facts.answers) {
    return {"mapping", State::kProblem, "none", "the router answers (" + facts.protocol + ") but maps nothing" + why,
            "allow port mapping (UPnP) for this machine in the router"};
  }
  if (!facts.asked) return {"mapping", State::kUnknown, "unknown", "no router was asked" + why, {}};
  return {"mapping", State::kProblem, "none", "the router speaks none of UPnP, NAT-PMP and PCP" + why,
          "turn UPnP on in the router, or forward the node's ports and name them with --advertise; without it others "
          "fetch from this home by relay only"};
}

Check check_ports(const std::vector<PortFacts>& ports, bool node_runs) {
  if (!node_runs) return {"ports", State::kUnknown, "unknown", "they are proved while a node runs", {}};
  if (ports.empty()) return {"ports", State::kUnknown, "unknown", "the node tells nothing of its ports yet", {}};
  std::string proved;
  std::string unproved;
  for (const PortFacts& port : ports) {
    std::string& list = port.proved ? proved : unproved;
    list += (list.empty() ? "" : ", ") + port.service + (port.proved ? "" : " (" + port.verdict + ")");
  }
  if (!proved.empty()) {
    return {"ports",
            State::kGood,
            "proved",
            "reachable from outside: " + proved + (unproved.empty() ? "" : "; not: " + unproved),
            {}};
  }
  return {"ports", State::kNote, "unproved", "not reachable from outside: " + unproved,
          "others fetch from this home by relay; see the mapping check"};
}

Check check_node(const NodeFacts& facts) {
  if (facts.runs) {
    return {"node",
            State::kGood,
            "runs",
            "a node runs here, with " + std::to_string(facts.stores) + " complete stores",
            {}};
  }
  return {"node",
          State::kNote,
          "not-running",
          "no node runs on this data folder" + (facts.reason.empty() ? std::string() : ": " + facts.reason),
          {}};
}

}  // namespace turnpike::doctor
