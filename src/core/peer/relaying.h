// The brain's share in TURN coordination: carries what the coordinator wants to the links, the paths and the world.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/coordination/coordinator.h"
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
  Relaying(const coordination::Coordinator::Config& config, Random& random) : coordinator(config, random) {}

  /// What is proved of our own doors.
  void set_own_services(const std::vector<rendezvous::Service>& proved);
  /// Hands on what is wanted. True when there was something.
  bool drain(Now now, const std::vector<std::unique_ptr<Link>>& links, path::Paths& paths, std::deque<Command>& out);

  coordination::Coordinator coordinator;
};

}  // namespace turnpike::peer
