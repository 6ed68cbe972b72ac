// The brain's share in meeting a peer that cannot be dialled, at a relay or through a hole: carries what is to be
// agreed on to the links, the paths and the world.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/coordination/coordinator.h"
#include "core/coordination/punching.h"
#include "core/path/paths.h"
#include "core/peer/command.h"
#include "core/peer/link.h"

namespace turnpike::peer {

/// Serves in a session that somebody opened towards us, but only at a bootstrap of our own choosing: an offer cannot
/// send us anywhere else.
void serve_offered(Now now, const std::vector<std::unique_ptr<Link>>& links, path::Paths& paths,
                   const rendezvous::RelayOffered& offered);

class Relaying {
 public:
  Relaying(const coordination::Coordinator::Config& config, Random& random)
      : coordinator(config, random), punching({config.key->public_key()}, random) {}

  void handle_signal(Now now, std::size_t bootstrap, const rendezvous::SignalReceived& signal);
  void handle_punch(Now now, const PunchNews& news);
  void handle_network_changed();
  void handle_timeout(Now now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// What may be a way in: those for QUIC are candidates of a punch.
  void set_candidates(const std::vector<reach::Candidate>& candidates);
  /// What is proved of our own doors.
  void set_own_services(const std::vector<rendezvous::Service>& proved);
  /// Hands on what is wanted. True when there was something.
  bool drain(Now now, const std::vector<std::unique_ptr<Link>>& links, path::Paths& paths, std::deque<Command>& out);

  coordination::Coordinator coordinator;
  coordination::Punching punching;
};

}  // namespace turnpike::peer
