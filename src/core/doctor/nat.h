// What stands between this machine and the internet, as STUN (RFC 5780) and the routers on the way tell it.
#pragma once

#include <optional>
#include <vector>

#include "base/endpoint.h"
#include "core/doctor/check.h"

namespace turnpike::doctor {

/// Answers of STUN servers over UDP and IPv4 to one socket of ours, unless another one is named.
struct UdpFacts {
  bool asked = false;                       ///< A server was asked at all.
  bool tcp_works = false;                   ///< The same host answered over TCP.
  bool answered = false;                    ///< Any answer.
  std::vector<IpAddress> own{};             ///< This machine's addresses.
  Endpoint local{};                         ///< The socket; its address is the one that leads to the server.
  std::optional<Endpoint> first{};          ///< How the server saw it.
  std::optional<Endpoint> other_address{};  ///< From the server's other address, or from another server.
  std::optional<Endpoint> other_both{};     ///< From its other address and port.
  bool has_second_address = false;          ///< Somebody with a second address was asked.
  /// From a fresh socket that has sent to the first address only; unset where the server cannot do it.
  std::optional<bool> heard_from_elsewhere{};   ///< An answer from another address came through.
  std::optional<bool> heard_from_other_port{};  ///< One from the same address, another port.
  std::optional<bool> hairpin{};                ///< A datagram to our own outside address came back.
};

/// value: "open", "blocked", "unknown". UDP that does not come back.
[[nodiscard]] Check check_udp(const UdpFacts& facts);
/// value: "none" (no NAT), "endpoint-independent", "address-dependent", "address-and-port-dependent" (RFC 4787), "nat"
/// (one, of unknown kind), "unknown".
[[nodiscard]] Check check_nat_mapping(const UdpFacts& facts);
/// value: "endpoint-independent", "address-dependent", "address-and-port-dependent", "unknown".
[[nodiscard]] Check check_nat_filtering(const UdpFacts& facts);
/// value: "works", "no", "not-needed", "unknown".
[[nodiscard]] Check check_hairpin(const UdpFacts& facts);

/// Routers on the way, from the nearest on, as far as they told: none where one kept silent.
struct LayerFacts {
  std::vector<IpAddress> own{};
  std::vector<std::optional<IpAddress>> hops{};
  std::optional<IpAddress> router_external{};  ///< What our router says its outside address is.
  std::optional<IpAddress> observed{};         ///< How a server on the internet sees us.
};
/// value: "none", "carrier" (a provider's NAT, 100.64/10 of RFC 6598), "double" (a second router of one's own),
/// "unknown".
[[nodiscard]] Check check_nat_layers(const LayerFacts& facts);

}  // namespace turnpike::doctor
