// A port of ours that a router forwards: what is wanted, what was granted, and by which protocol. Values only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/endpoint.h"
#include "base/time.h"

namespace turnpike::portmap {

/// In the order of preference: PCP tells most, UPnP least.
enum class Protocol : std::uint8_t { kPcp, kNatPmp, kUpnp };
inline constexpr std::array kAllProtocols{Protocol::kPcp, Protocol::kNatPmp, Protocol::kUpnp};

enum class Transport : std::uint8_t { kTcp, kUdp };

/// What a port of the node is for. The five stand at fixed distances from the first, P.
enum class Purpose : std::uint8_t { kPeerTcp, kPeerUdp, kHttp, kTurnUdp, kTurnTcp };
inline constexpr std::array kAllPurposes{Purpose::kPeerTcp, Purpose::kPeerUdp, Purpose::kHttp, Purpose::kTurnUdp,
                                         Purpose::kTurnTcp};

/// Above P: 0, 1000 (HTTP) or 2000 (TURN).
[[nodiscard]] std::uint16_t offset_of(Purpose purpose);
[[nodiscard]] Transport transport_of(Purpose purpose);
/// P + 2000 must be a port too.
constexpr std::uint16_t kMaxBase = 65535 - 2000;

[[nodiscard]] std::string_view name_of(Protocol protocol);    ///< "pcp", "nat-pmp", "upnp"
[[nodiscard]] std::string_view name_of(Transport transport);  ///< "tcp", "udp"
[[nodiscard]] std::string_view name_of(Purpose purpose);  ///< "peer-tcp", "peer-udp", "http", "turn-udp", "turn-tcp"

/// What a router says it forwards. That it does, is another matter: nobody may be told of `external` before something
/// has come in through it.
struct Mapping {
  Purpose purpose = Purpose::kPeerTcp;
  Transport transport = Transport::kTcp;
  Endpoint internal;
  Endpoint external;  ///< For an IPv6 pinhole the same as `internal`.
  Protocol protocol = Protocol::kPcp;
  Instant expires;        ///< Unless it is renewed, which happens from half-life on.
  bool in_group = false;  ///< All five are mapped, at the distances that old peers compute with.

  friend bool operator==(const Mapping&, const Mapping&) = default;
};

/// The same ports forwarded in the same way, whatever the lease.
[[nodiscard]] bool is_same_road(const Mapping& a, const Mapping& b);

}  // namespace turnpike::portmap
