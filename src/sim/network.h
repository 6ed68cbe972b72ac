// A whole network from a seed: homes, bootstraps and nodes in one world, and the question every scenario ends with:
// has it converged, and if not, does it say why?
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/library.h"
#include "sim/node_host.h"

namespace turnpike::sim {

class Network {
 public:
  explicit Network(std::uint64_t seed) : world(seed) {}

  /// Each home is in a /24 of its own.
  Home& add_home(Nat nat);
  BootstrapHost& add_bootstrap(const relay::Policy& policy = {});
  /// Not started. Bootstraps are to be added before.
  NodeHost& add_node(Nat nat, const NodeConfig& config = {});
  NodeHost& add_node(Home& home, const NodeConfig& config = {});
  const Original& make_store(std::uint64_t size) { return library.make(world.dice(), size); }
  void start_all();

  [[nodiscard]] bool everybody_has(const std::vector<const Original*>& originals) const;
  /// Every store that a running node wants and does not have must say why, and when something happens next. Gives the
  /// complaints, one a line.
  [[nodiscard]] std::vector<std::string> unexplained() const;
  /// What every node says of what it lacks: for the message of a failed test.
  [[nodiscard]] std::string story() const;

  World world;
  Library library;
  Neighbourhood neighbourhood;
  std::vector<std::unique_ptr<Home>> homes;
  std::vector<std::unique_ptr<BootstrapHost>> bootstraps;
  std::vector<std::unique_ptr<NodeHost>> nodes;
};

}  // namespace turnpike::sim
