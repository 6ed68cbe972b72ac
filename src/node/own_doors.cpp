#include "node/own_doors.h"

#include <algorithm>

#include "io/loop/convert.h"

namespace turnpike::node {
namespace {

/// Those that are connected, and who announces the store that is asked for, with what they have registered.
std::vector<dig::KnownPeer> known_peers(const Brain& brain, const io::Host& host, const dig::PeerRequest& request) {
  const bool asks = request.ask == dig::Ask::kPeerExchange || request.ask == dig::Ask::kStoreLocation;
  std::vector<dig::KnownPeer> out;
  if (!asks) return out;
  const auto store = request.store();
  const std::vector<identity::PeerId> holders = store ? brain.peer().holders(*store) : std::vector<identity::PeerId>();
  for (const peer::PeerView& row : brain.peer().peers()) {
    const bool holds = std::ranges::find(holders, row.peer) != holders.end();
    if (!holds && !host.find(row.peer)) continue;
    dig::KnownPeer known{.peer = row.peer, .last_seen_ms = io::wall_now().unix_ms, .stores = {}, .tcp = {}};
    if (holds) known.stores.push_back(*store);
    for (const Endpoint& endpoint : row.tcp) {
      if (endpoint.address.is_global()) known.tcp.push_back(endpoint);
    }
    out.push_back(std::move(known));
  }
  return out;
}

}  // namespace

std::vector<Endpoint> registered_http(const Brain& brain) {
  std::vector<Endpoint> out;
  for (const rendezvous::Service& each : brain.peer().services()) {
    if (each.kind == rendezvous::ServiceKind::kHttp) out.push_back(each.endpoint);
  }
  return out;
}

bool is_reachable(const Brain& brain) {
  return std::ranges::any_of(brain.peer().services(), [](const rendezvous::Service& each) {
    return each.kind == rendezvous::ServiceKind::kTcp && each.endpoint.address.is_global();
  });
}

OldNodeFacts old_node_facts(const Brain& brain, const io::Host& host, std::function<std::optional<Endpoint>()> turn) {
  return {.peers = [&](const dig::PeerRequest& request) { return known_peers(brain, host, request); },
          .http = [&] { return registered_http(brain); },
          .is_reachable = [&] { return is_reachable(brain); },
          .turn = std::move(turn)};
}

}  // namespace turnpike::node
