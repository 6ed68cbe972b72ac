#include "sim/network.h"

namespace turnpike::sim {

Home& Network::add_home(Nat nat) {
  const auto n = static_cast<std::uint8_t>(homes.size() + 1);
  auto home = std::make_unique<Home>();
  home->name = "home" + std::to_string(n);
  home->address = IpAddress::v4(100, static_cast<std::uint8_t>(n < 64 ? 0 : 1), n, 1);
  home->nat = nat;
  homes.push_back(std::move(home));
  return *homes.back();
}

BootstrapHost& Network::add_bootstrap(const relay::Policy& policy) {
  Home& home = add_home(Nat::kOpen);
  home.name = "bootstrap" + std::to_string(bootstraps.size() + 1);
  home.up = home.down = 1e9;
  const identity::PeerId id{crypto::SigningKey::generate(world.dice()).public_key()};
  bootstraps.push_back(std::make_unique<BootstrapHost>(world, home, neighbourhood.doors, id, policy));
  neighbourhood.bootstraps.push_back(bootstraps.back().get());
  return *bootstraps.back();
}

NodeHost& Network::add_node(Nat nat, const NodeConfig& config) { return add_node(add_home(nat), config); }

NodeHost& Network::add_node(Home& home, const NodeConfig& config) {
  nodes.push_back(std::make_unique<NodeHost>(world, home, neighbourhood, library, config));
  return *nodes.back();
}

void Network::start_all() {
  for (const auto& node : nodes) node->start();
}

bool Network::everybody_has(const std::vector<const Original*>& originals) const {
  for (const auto& node : nodes) {
    if (!node->is_running()) continue;
    for (const Original* original : originals) {
      if (!node->has(*original)) return false;
    }
  }
  return true;
}

std::vector<std::string> Network::unexplained() const {
  std::vector<std::string> complaints;
  for (const auto& node : nodes) {
    if (!node->is_running()) continue;
    for (const peer::StoreView& view : node->brain().stores()) {
      if (view.state == "complete") continue;
      const std::string what = node->name() + ": " + view.store.to_string().substr(0, 8) + " is " + view.state;
      if (view.reason.empty()) complaints.push_back(what + " and does not say why");
      const bool under_way = view.state == "fetching" || view.state == "opening" || view.state == "committing" ||
                             view.state == "stopping" || view.state == "ready" || view.state == "missing";
      const bool is_not_wanted = view.state == "known";  // somebody else has it, and that is all
      if (!view.next_action && !under_way && !is_not_wanted)
        complaints.push_back(what + " and does not say when it goes on");
    }
  }
  return complaints;
}

std::string Network::story() const {
  std::string text;
  for (const auto& node : nodes) {
    if (!node->is_running()) {
      text += node->name() + " is not running\n";
      continue;
    }
    for (const peer::StoreView& view : node->brain().stores()) {
      if (view.state == "complete") continue;
      text += node->name() + ": " + view.store.to_string().substr(0, 8) + " " + view.state + ", " +
              std::to_string(view.pieces_verified) + "/" + std::to_string(view.pieces_total) + ": " + view.reason +
              "\n";
      for (const std::string& line : view.history) text += "    " + line + "\n";
    }
    for (const peer::PeerView& peer : node->brain().peers()) {
      text += "  " + node->name() + " to " + peer.peer.to_string().substr(0, 16) + ": " + peer.state + ", " +
              peer.reason + "\n";
    }
    for (const peer::BootstrapView& bootstrap : node->brain().bootstraps()) {
      text +=
          "  " + node->name() + " at the bootstrap: " + (bootstrap.connected ? "connected" : bootstrap.reason) + "\n";
    }
  }
  return text;
}

}  // namespace turnpike::sim
