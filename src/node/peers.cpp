#include "node/peers.h"

#include "core/rendezvous/proof.h"
#include "io/log/log.h"

namespace turnpike::node {

asio::awaitable<void> StoreService::serve(std::shared_ptr<io::HostConnection> connection,
                                          std::unique_ptr<io::LinkStream> stream) {
  const identity::PeerId peer = connection->peer();
  std::shared_ptr<io::StoreServer> server = servers_[peer].lock();
  if (!server) {
    server = std::make_shared<io::StoreServer>(reader_, io::Share(upload_, pace::flow_of(peer)));
    servers_[peer] = server;
  }
  co_await server->serve(std::move(stream));
  server.reset();
  const auto at = servers_.find(peer);
  if (at != servers_.end() && at->second.expired()) servers_.erase(at);
}

void PeerNews::peer_connected(const io::HostConnection& connection) {
  const identity::PeerId peer = connection.peer();
  const path::Found found = connection.found();
  const IpAddress remote = connection.remote().address;
  brain_.tell([&](peer::Peer& brain, Now now) { brain.handle_peer_connected(now, peer, found, remote); });
}

void PeerNews::peer_identified(const std::shared_ptr<io::HostConnection>& connection) {
  io::log_debug("{} is {}", connection->peer().to_string(), connection->info()->agent);
  identified_(connection);
}

void PeerNews::peer_disconnected(const identity::PeerId& peer) {
  brain_.tell([&](peer::Peer& brain, Now now) { brain.handle_peer_disconnected(now, peer); });
  gone_(peer);
}

void PeerNews::strange_proposal(const Endpoint& from, const std::string& proposal) {
  const std::string_view text(proposal);
  if (!text.starts_with(rendezvous::kProofProtocol)) return;
  const auto nonce = rendezvous::parse_nonce(text.substr(rendezvous::kProofProtocol.size()));
  if (!nonce) return;
  brain_.tell([&](peer::Peer& brain, Now now) {
    brain.handle_nonce(now, rendezvous::ServiceKind::kTcp, *nonce, from.address);
  });
}

void PeerNews::dialling(const host::DialAddress& to) {
  const bool over_quic = to.transport == host::Transport::kQuic;
  const auto from = over_quic ? rendezvous::ServiceKind::kQuic : rendezvous::ServiceKind::kTcp;
  brain_.tell([&](peer::Peer& brain, Now now) { brain.handle_sent(now, from, to.endpoint.address); });
}

}  // namespace turnpike::node
