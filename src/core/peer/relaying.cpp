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
  return any;
}

}  // namespace turnpike::peer
