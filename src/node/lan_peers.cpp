#include "node/lan_peers.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "io/log/log.h"

namespace turnpike::node {

LanPeers::LanPeers(asio::any_io_executor loop, const identity::PeerId& self, bool enabled, io::Host& host, Brain& brain,
                   Random& random)
    : loop_(loop),
      self_(self),
      enabled_(enabled),
      host_(host),
      brain_(brain),
      neighbours_(std::move(loop), identity::AnyPeerId(self), random,
                  [this](const mdns::Found& neighbour) { found(neighbour); }) {}

void LanPeers::look(std::uint16_t port) {
  if (stopping_) return;
  std::vector<io::Interface> interfaces = io::multicast_interfaces();
  std::vector<IpNetwork> networks;
  for (const io::Interface& interface : interfaces) {
    networks.insert(networks.end(), interface.networks.begin(), interface.networks.end());
  }
  if (networks != networks_) {
    networks_ = networks;
    brain_.tell([&](peer::Peer& peer, Now now) { peer.handle_networks(now, networks); });
  }
  if (enabled_) neighbours_.set_interfaces(std::move(interfaces), port, host_.quic() != nullptr);
}

void LanPeers::stop() {
  stopping_ = true;
  neighbours_.stop();
}

void LanPeers::found(const mdns::Found& neighbour) {
  const auto peer = neighbour.peer.ed25519();
  if (!peer || *peer == self_) return;  // only such peers are ever Turnpike's, or old nodes
  brain_.tell([&](peer::Peer& brain, Now now) { brain.handle_neighbour(now, *peer, neighbour.tcp, neighbour.quic); });
  if (host_.find(*peer) || greeting_.size() >= kMaxGreetings || !greeting_.insert(*peer).second) return;
  asio::co_spawn(loop_, greet(*peer, neighbour), asio::detached);
}

asio::awaitable<void> LanPeers::greet(identity::PeerId peer, mdns::Found neighbour) {
  const mdns::Found at = std::move(neighbour);
  if (peer < self_) {
    boost::system::error_code woken;
    asio::steady_timer hold(loop_, kGreetingHold);
    co_await hold.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  if (!stopping_ && !host_.find(peer)) {
    const auto connection = co_await host_.dial(peer, at.tcp, path::Found::kLan, io::kDialTime, at.quic);
    if (connection) {
      io::log_info("neighbour {} at {}", peer.to_string(), (*connection)->remote().to_string());
    } else {
      io::log_debug("neighbour {}: {}", peer.to_string(), connection.error().detail);
    }
  }
  greeting_.erase(peer);
}

}  // namespace turnpike::node
