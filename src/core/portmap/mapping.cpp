#include "core/portmap/mapping.h"

namespace turnpike::portmap {

std::uint16_t offset_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::kPeerTcp:
    case Purpose::kPeerUdp:
      return 0;
    case Purpose::kHttp:
      return 1000;
    case Purpose::kTurnUdp:
    case Purpose::kTurnTcp:
      return 2000;
  }
  return 0;
}

Transport transport_of(Purpose purpose) {
  const bool udp = purpose == Purpose::kPeerUdp || purpose == Purpose::kTurnUdp;
  return udp ? Transport::kUdp : Transport::kTcp;
}

std::string_view name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::kPcp:
      return "pcp";
    case Protocol::kNatPmp:
      return "nat-pmp";
    case Protocol::kUpnp:
      return "upnp";
  }
  return "?";
}

std::string_view name_of(Transport transport) { return transport == Transport::kTcp ? "tcp" : "udp"; }

std::string_view name_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::kPeerTcp:
      return "peer-tcp";
    case Purpose::kPeerUdp:
      return "peer-udp";
    case Purpose::kHttp:
      return "http";
    case Purpose::kTurnUdp:
      return "turn-udp";
    case Purpose::kTurnTcp:
      return "turn-tcp";
  }
  return "?";
}

bool is_same_road(const Mapping& a, const Mapping& b) {
  Mapping other = b;
  other.expires = a.expires;
  return a == other;
}

}  // namespace turnpike::portmap
