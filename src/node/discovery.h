// How the node finds others where no bootstrap helps: the DHT, and whom it knows.
#pragma once

#include <optional>
#include <set>

#include "io/kad/kad_host.h"
#include "node/acquaintances.h"
#include "node/config.h"
#include "node/dht_view.h"

namespace turnpike::node {

/// All on the loop; all references outlive its run.
class Discovery {
 public:
  /// Where the configuration forbids `direct`, it connects to nobody and does nothing.
  Discovery(asio::any_io_executor loop, const identity::PeerId& self, const NodeConfig& config, io::Host& host,
            Brain& brain, io::StateDb& state, Random& random);

  /// Returns at once: nothing waits for anybody to be found.
  void start();
  void stop();
  void peer_identified(const std::shared_ptr<io::HostConnection>& connection);
  void peer_disconnected(const identity::PeerId& peer) { acquaintances_.peer_disconnected(peer); }
  void network_changed() { acquaintances_.network_changed(); }
  /// What others are told of us, and whether strangers can connect. To be called every second or so.
  void look(const std::vector<multiaddr::Multiaddr>& addresses, bool reachable);
  [[nodiscard]] DhtView dht() const;

 private:
  void on(const kad::NodeEvent& event);
  void offer_what_is_here();

  Brain& brain_;
  const NodeConfig& config_;
  Acquaintances acquaintances_;
  bool uses_dht_;
  io::KadHost kad_;
  std::optional<std::uint64_t> offered_version_;
  std::set<store::StoreId> offered_;
};

}  // namespace turnpike::node
