#include "core/peer/relaying.h"

#include <algorithm>

namespace turnpike::peer {
namespace {

struct Route {
  Now now;
  const std::vector<std::unique_ptr<Link>>& links;
  path::Paths& paths;
  std::deque<Command>& out;
  coordination::Coordinator& coordinator;

  void operator()(const coordination::Say& a) const { links[a.bootstrap]->client.signal(now, a.to, a.message); }
  void operator()(const coordination::List& a) const {
    if (!links[a.bootstrap]->client.turn_servers(now, a.about)) {
      coordinator.handle_servers(now, a.bootstrap, a.about, {});
    }
  }
  void operator()(const coordination::Granted& a) const {
    if (a.target.role == path::Role::kInitiator) return paths.handle_peer_grant(now, a.peer, a.target);
    (void)paths.serve(now, a.peer, a.target);
  }
  void operator()(const coordination::Denied& a) const {
    paths.handle_peer_denied(now, a.peer, a.reason, a.retry_after);
  }
  void operator()(const coordination::HoleOpened& a) const { paths.handle_hole(now, a.peer, a.remote, a.ours); }
  void operator()(const coordination::HoleGone& a) const { paths.handle_hole_gone(now, a.peer); }
  void operator()(const coordination::PunchDenied& a) const {
    paths.handle_punch_failed(now, a.peer, a.reason, a.retry_after);
  }
  template <class World>
  void operator()(const World& wish) const {
    out.emplace_back(wish);
  }
};

}  // namespace

void serve_offered(Now now, const std::vector<std::unique_ptr<Link>>& links, path::Paths& paths,
                   const rendezvous::RelayOffered& offered) {
  const auto at =
      std::ranges::find_if(links, [&](const auto& link) { return link->bootstrap() == offered.offer.bootstrap; });
  if (at == links.end()) return;
  paths.serve(now, offered.from,
              path::RelayTarget{.bootstrap = static_cast<std::size_t>(at - links.begin()),
                                .session = offered.offer.session,
                                .credential = offered.offer.credential,
                                .role = path::Role::kResponder,
                                .quote = offered.offer.quote});
}

void Relaying::set_own_services(const std::vector<rendezvous::Service>& proved) {
  coordination::OwnDoors own;
  for (const rendezvous::Service& each : proved) {
    if (each.kind == rendezvous::ServiceKind::kTcp && own.tcp.size() < signal::kMaxDialled) {
      own.tcp.push_back(each.endpoint);
    }
    if (each.kind == rendezvous::ServiceKind::kQuic && own.quic.size() < signal::kMaxDialled) {
      own.quic.push_back(each.endpoint);
    }
  }
  coordinator.set_own_doors(std::move(own));
}

bool Relaying::drain(Now now, const std::vector<std::unique_ptr<Link>>& links, path::Paths& paths,
                     std::deque<Command>& out) {
  bool any = false;
  while (const auto action = coordinator.poll_action()) {
    std::visit(Route{now, links, paths, out, coordinator}, *action);
    any = true;
  }
  while (const auto action = punching.poll_action()) {
    std::visit(Route{now, links, paths, out, coordinator}, *action);
    any = true;
  }
  return any;
}

void Relaying::handle_signal(Now now, std::size_t bootstrap, const rendezvous::SignalReceived& signal) {
  if (punching.handle_signal(now, bootstrap, signal.from, signal.observed, signal.message)) return;
  coordinator.handle_signal(now, bootstrap, signal.from, signal.observed, signal.message);
}

void Relaying::handle_punch(Now now, const PunchNews& news) {
  if (const auto* seen = std::get_if<NatSeen>(&news)) punching.handle_sightings(now, seen->sightings);
  if (const auto* opened = std::get_if<PunchOpened>(&news)) punching.handle_opened(now, opened->id, opened->remote);
  if (const auto* failed = std::get_if<PunchFailed>(&news)) punching.handle_punch_failed(now, failed->id, failed->why);
  if (const auto* lost = std::get_if<PunchLost>(&news)) punching.handle_lost(now, lost->id);
}

void Relaying::handle_network_changed() {
  coordinator.handle_network_changed();
  punching.handle_network_changed();
}

void Relaying::handle_timeout(Now now) {
  coordinator.handle_timeout(now);
  punching.handle_timeout(now);
}

std::optional<Instant> Relaying::poll_timeout() const {
  const auto relay = coordinator.poll_timeout();
  const auto punch = punching.poll_timeout();
  if (!relay || !punch) return relay ? relay : punch;
  return std::min(*relay, *punch);
}

void Relaying::set_candidates(const std::vector<reach::Candidate>& candidates) {
  std::vector<punch::Candidate> own;
  for (const reach::Candidate& each : candidates) {
    if (each.service.kind != rendezvous::ServiceKind::kQuic) continue;
    const bool is_own = each.origin == reach::Origin::kOwn;
    own.push_back({each.service.endpoint, is_own ? punch::CandidateKind::kHost : punch::CandidateKind::kMapped});
  }
  punching.set_own(std::move(own));
}

}  // namespace turnpike::peer
