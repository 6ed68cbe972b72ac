// The kinds of door a peer may have open towards others, and one such door.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/endpoint.h"

namespace turnpike::rendezvous {

/// The numbers are those of the wire (docs/protocols/bootstrap.md); never reuse one.
enum class ServiceKind : std::uint8_t {
  kHttp = 1,     ///< TCP: downloads, GET /download/<store id>
  kTcp = 2,      ///< TCP: libp2p (multistream-select)
  kQuic = 3,     ///< UDP: QUIC v1 with the libp2p TLS certificate
  kTurnUdp = 4,  ///< UDP: STUN and TURN
  kTurnTcp = 5,  ///< TCP: STUN and TURN
};

inline constexpr std::array kAllServiceKinds{ServiceKind::kHttp, ServiceKind::kTcp, ServiceKind::kQuic,
                                             ServiceKind::kTurnUdp, ServiceKind::kTurnTcp};

/// "http", "tcp", "quic", "turn-udp", "turn-tcp": in JSON, logs and answers.
[[nodiscard]] constexpr std::string_view name_of(ServiceKind kind) {
  switch (kind) {
    case ServiceKind::kHttp:
      return "http";
    case ServiceKind::kTcp:
      return "tcp";
    case ServiceKind::kQuic:
      return "quic";
    case ServiceKind::kTurnUdp:
      return "turn-udp";
    case ServiceKind::kTurnTcp:
      return "turn-tcp";
  }
  return "unknown";
}

[[nodiscard]] constexpr bool is_kind(std::uint8_t number) { return number >= 1 && number <= kAllServiceKinds.size(); }
[[nodiscard]] constexpr bool is_udp(ServiceKind kind) {
  return kind == ServiceKind::kQuic || kind == ServiceKind::kTurnUdp;
}

/// Where one kind of question is answered.
struct Service {
  ServiceKind kind = ServiceKind::kHttp;
  Endpoint endpoint;

  friend constexpr auto operator<=>(const Service&, const Service&) = default;
};

/// Of the services of that kind.
[[nodiscard]] inline std::vector<Endpoint> endpoints_of(const std::vector<Service>& services, ServiceKind kind) {
  std::vector<Endpoint> out;
  for (const Service& service : services) {
    if (service.kind == kind) out.push_back(service.endpoint);
  }
  return out;
}

}  // namespace turnpike::rendezvous
