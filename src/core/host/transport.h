// TCP or QUIC to a peer: which to try first, by what worked with it before (RFC 8305, remembering across attempts).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"
#include "core/identity/peer_id.h"

namespace turnpike::host {

enum class Transport : std::uint8_t { kTcp, kQuic };
[[nodiscard]] std::string_view name_of(Transport transport);

struct DialAddress {
  Transport transport = Transport::kTcp;
  Endpoint endpoint;
  friend bool operator==(const DialAddress&, const DialAddress&) = default;
};

/// Peers about whom something is remembered; when full, the one heard of longest ago is forgotten.
constexpr std::size_t kMaxRemembered = 4096;
/// How long TCP comes first where QUIC has lost the race, or a network began to swallow a peer's UDP in the middle of a
/// connection.
constexpr Duration kQuicRest = std::chrono::minutes(10);

/// A pure memory. QUIC comes first where nothing is known: it connects in fewer round trips, and a network that drops
/// UDP costs one stagger.
class TransportMemory {
 public:
  /// A dial has ended well. `raced_quic`: that there were addresses over QUIC to try; where there were none, TCP's
  /// success says nothing.
  void handle_worked(Instant now, const identity::PeerId& peer, Transport transport, bool raced_quic);
  /// A connection fell silent while it was used.
  void handle_died(Instant now, const identity::PeerId& peer, Transport transport);
  /// The network changed: what it swallowed it may take now.
  void forget();

  /// All of them, the two transports taking turns, in the order to be tried.
  [[nodiscard]] std::vector<DialAddress> order(Instant now, const std::optional<identity::PeerId>& peer,
                                               const std::vector<Endpoint>& tcp,
                                               const std::vector<Endpoint>& quic) const;
  [[nodiscard]] std::size_t size() const { return peers_.size(); }

 private:
  struct Known {
    Instant seen;
    std::optional<Instant> quic_rests_until;
  };
  Known& known(Instant now, const identity::PeerId& peer);

  std::map<identity::PeerId, Known> peers_;
};

}  // namespace turnpike::host
