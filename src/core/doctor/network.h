// IPv6, the path's MTU, port mapping and the ports themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "core/doctor/check.h"

namespace turnpike::doctor {

struct Ipv6Facts {
  std::vector<IpAddress> own{};     ///< This machine's addresses, of both families.
  bool bootstrap_has_v6 = false;    ///< A bootstrap has an IPv6 address to be tried.
  std::optional<bool> connected{};  ///< TCP to it came about.
};
/// value: "works", "broken", "none", "untested".
[[nodiscard]] Check check_ipv6(const Ipv6Facts& facts);

/// Probes of IPv4 UDP that may not be fragmented.
struct MtuFacts {
  bool measured = false;
  std::optional<unsigned> path{};  ///< What the kernel has learnt, in bytes with all headers.
  bool large_answered = false;     ///< A datagram of 1,500 bytes was answered.
  bool middle_answered = false;    ///< One of 1,280, which QUIC needs.
};
/// value: the MTU in bytes, "black-hole" or "unknown". Below 1,280 QUIC does not work.
[[nodiscard]] Check check_mtu(const MtuFacts& facts);

/// What a running node tells, or what doctor asked the router itself.
struct MappingFacts {
  bool behind_nat = true;
  bool asked = false;      ///< A router was asked.
  bool answers = false;    ///< It speaks one of the protocols.
  bool mapped = false;     ///< It has mapped ports for us, or would.
  std::string protocol{};  ///< "upnp", "nat-pmp", "pcp"
  std::optional<IpAddress> external{};
  std::string reason{};  ///< Why not, in the router's or the node's words.
};
/// From the words in which port mapping tells of a router (`status`.mappings in docs/commands.md).
[[nodiscard]] MappingFacts mapping_of(std::string_view state, std::string_view reason, std::string_view protocol);
/// value: "upnp", "nat-pmp", "pcp", "not-needed", "none", "unknown".
[[nodiscard]] Check check_mapping(const MappingFacts& facts);

/// One of a node's ports, as its status has it.
struct PortFacts {
  std::string service{};  ///< "http 203.0.113.7:5001"
  std::string verdict{};  ///< "proved", or why not
  bool proved = false;
};
/// value: "proved", "unproved", "unknown".
[[nodiscard]] Check check_ports(const std::vector<PortFacts>& ports, bool node_runs);

struct NodeFacts {
  bool runs = false;
  std::string reason{};  ///< Why it does not answer.
  std::uint64_t stores = 0;
};
/// value: "runs", "not-running".
[[nodiscard]] Check check_node(const NodeFacts& facts);

}  // namespace turnpike::doctor
