// How far an address reaches, and so whose word of it is worth anything: nobody is believed of addresses nearer to us
// than he is himself.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/endpoint.h"
#include "core/identity/any_peer_id.h"
#include "core/multiaddr/multiaddr.h"

namespace turnpike::kad {

enum class Realm : std::uint8_t {
  kMachine,  ///< Loopback.
  kSite,     ///< Private ranges and a carrier's: the neighbours'.
  kWorld,
};

/// Nothing for what cannot be connected to: unspecified, multicast, broadcast, and link-local, which is worth nothing
/// without its interface.
[[nodiscard]] std::optional<Realm> realm_of(const IpAddress& address);
/// Where an address that is IP with TCP or QUIC v1 is.
[[nodiscard]] std::optional<Endpoint> endpoint_of(const multiaddr::Multiaddr& address);

/// Those of `addresses` that may pass between us and a peer at `peer`, in either direction, as addresses of `owner`: IP
/// with TCP or QUIC v1 and a port, naming nobody else, and of no nearer realm than the peer's own. A stranger's private
/// address would have us knock at our own neighbours' doors in his name; ours is of no use to a stranger.
[[nodiscard]] std::vector<multiaddr::Multiaddr> passing(const std::vector<multiaddr::Multiaddr>& addresses,
                                                        const IpAddress& peer, const identity::AnyPeerId& owner);

}  // namespace turnpike::kad
