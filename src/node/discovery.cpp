#include "node/discovery.h"

#include <algorithm>

#include "io/log/log.h"

namespace turnpike::node {
namespace {

std::vector<Endpoint> tcp_of(const std::vector<multiaddr::Multiaddr>& addresses) {
  std::vector<Endpoint> out;
  for (const multiaddr::Multiaddr& address : addresses) {
    if (const auto endpoint = address.tcp_endpoint()) out.push_back(*endpoint);
  }
  return out;
}

bool may_connect(const NodeConfig& config) {
  return std::ranges::find(config.rungs, path::Rung::kDirect) != config.rungs.end();
}

}  // namespace

Discovery::Discovery(asio::any_io_executor loop, const identity::PeerId& self, const NodeConfig& config, io::Host& host,
                     Brain& brain, io::StateDb& state, Random& random)
    : brain_(brain),
      config_(config),
      acquaintances_(loop, self, {may_connect(config), config.peer_exchange}, host, brain, state, random),
      uses_dht_(config.dht && may_connect(config)),
      kad_(loop, self, host, random, [this](const kad::NodeEvent& event) { on(event); }) {}

void Discovery::start() {
  if (uses_dht_) {
    kad_.start();
    brain_.set_look_up([this](const std::vector<store::StoreId>& stores) {
      kad_.tell([&](kad::Node& node, Instant now) {
        for (const store::StoreId& store : stores) (void)node.find(now, store.bytes);
      });
    });
  }
  acquaintances_.start(config_.peers);
}

void Discovery::stop() {
  acquaintances_.stop();
  kad_.stop();
}

void Discovery::peer_identified(const std::shared_ptr<io::HostConnection>& connection) {
  acquaintances_.peer_identified(connection);
  if (uses_dht_) kad_.peer_identified(*connection);
}

void Discovery::look(const std::vector<multiaddr::Multiaddr>& addresses, bool reachable) {
  acquaintances_.look();
  if (!uses_dht_) return;
  if (reachable != kad_.is_serving()) {
    io::log_info("the DHT: {}", reachable ? "strangers can reach us, so we answer them" : "we only ask");
  }
  kad_.set_addresses(addresses);
  kad_.set_serving(reachable);
  offer_what_is_here();
}

void Discovery::offer_what_is_here() {
  if (offered_version_ == brain_.peer().locals_version()) return;
  offered_version_ = brain_.peer().locals_version();
  std::set<store::StoreId> here;
  for (const store::Manifest& each : brain_.peer().public_stores()) here.insert(each.id);
  kad_.tell([&](kad::Node& node, Instant now) {
    for (const store::StoreId& store : offered_) {
      if (!here.contains(store)) node.withdraw(store.bytes);
    }
    for (const store::StoreId& store : here) {
      if (!offered_.contains(store)) node.offer(now, store.bytes);
    }
  });
  offered_ = std::move(here);
}

void Discovery::on(const kad::NodeEvent& event) {
  if (const auto* found = std::get_if<kad::FoundProvider>(&event)) {
    const auto peer = found->provider.id.ed25519();  // nobody else has stores
    if (peer) acquaintances_.meet(*peer, path::Found::kDht, tcp_of(found->provider.addresses));
  }
  if (const auto* ended = std::get_if<kad::FindEnded>(&event)) {
    io::log_debug("the DHT: {} have store {}; {} asked in {} hops{}", ended->providers,
                  store::StoreId{ended->store}.to_string(), ended->questions, ended->hops,
                  ended->cut_short ? ", cut short" : "");
  }
}

DhtView Discovery::dht() const {
  const kad::Node& node = kad_.node();
  return {uses_dht_, kad_.is_serving(), node.table().size(), node.records(), node.offered()};
}

}  // namespace turnpike::node
