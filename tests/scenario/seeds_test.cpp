// Many networks, each made up from a seed: different homes, lines, stores, and things that go wrong. Each must converge
// on the right bytes or say why it does not. Usage: [--seeds N] [--from K] [--seed K]; the last replays one with its
// story.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sim/network.h"

namespace turnpike::sim {
namespace {

constexpr std::uint64_t kMib = store::kPieceSize;

struct Verdict {
  bool good = true;
  std::string text;
};

Nat any_nat(Random& dice) { return static_cast<Nat>(dice.below(4)); }

void any_line(Random& dice, Home& home) {
  home.delay = 1ms * static_cast<int>(1 + dice.below(120));
  home.up = 2e5 * static_cast<double>(1 + dice.below(50));
  home.down = 1e6 * static_cast<double>(1 + dice.below(50));
  home.loss = dice.below(4) == 0 ? 0.02 : 0;
}

// One thing that goes wrong. What it breaks, it mends in the end.
void go_wrong(Network& network) {
  World& world = network.world;
  NodeHost& victim = *network.nodes[world.dice().below(network.nodes.size())];
  const Duration when = 100ms * static_cast<int>(1 + world.dice().below(200));
  const Duration time = 1s * static_cast<int>(1 + world.dice().below(90));
  switch (world.dice().below(5)) {
    case 0:
      world.after(when, [&network, time] { network.bootstraps[0]->restart(time); });
      break;
    case 1:
    case 2: {
      const bool power = world.chance(0.5);
      world.after(when, [&victim, power] { victim.kill(power); });
      world.after(when + time, [&victim] { victim.start(); });
      break;
    }
    case 3:
      world.after(when, [&victim] { victim.home().unplugged = true; });
      world.after(when + time, [&victim] {
        victim.home().unplugged = false;
        if (victim.is_running()) victim.tell([](peer::Peer& brain, Now now) { brain.handle_network_changed(now); });
      });
      break;
    default:
      world.after(when, [&victim] { victim.disk().fail_with(sync::DiskError::kNoSpace); });
      world.after(when + time, [&victim] { victim.disk().fail_with(std::nullopt); });
      break;
  }
}

Verdict play(std::uint64_t seed, bool trace) {
  Network network(seed);
  World& world = network.world;
  world.trace(trace);
  Random& dice = world.dice();
  network.add_bootstrap({.bytes = (3 + dice.below(64)) * kMib,
                         .bytes_per_second = dice.below(3) == 0 ? 2'000'000U : 0U,
                         .lifetime = 1min * static_cast<int>(1 + dice.below(60))});
  const std::size_t count = 2 + dice.below(4);
  for (std::size_t i = 0; i < count; ++i) any_line(dice, network.add_node(any_nat(dice)).home());
  std::vector<const Original*> originals;
  const std::size_t stores = 1 + dice.below(5);
  for (std::size_t i = 0; i < stores; ++i) {
    originals.push_back(&network.make_store(1 + dice.below((1 + dice.below(5)) * kMib)));
    const std::size_t holders = 1 + dice.below(2);
    for (std::size_t j = 0; j < holders; ++j) network.nodes[dice.below(count)]->put(*originals.back());
  }
  sync::Target lie;
  if (dice.below(3) == 0) {  // a liar beside the honest ones
    const auto honesty = static_cast<Honesty>(1 + dice.below(6));
    NodeHost& liar = network.add_node(Nat::kOpen, {.rungs = {}, .sync = sync::SyncMode::kOff, .honesty = honesty});
    any_line(dice, liar.home());
    const Original& store = *originals[dice.below(stores)];
    store::Content content = store.content();
    if (dice.below(2) == 0) content.root[0] ^= 1U;
    liar.pretend(store.store, content);
    lie = {store.store, content};
  }
  // Bytes that are announced by one network, never shown and never disproved are as good as any others that one
  // network announces: the store then stays contested, and says so.
  const store::StoreId* contested = nullptr;
  if (network.nodes.size() > count && !network.library.find(lie.store, lie.content)) contested = &lie.store;
  const std::size_t troubles = dice.below(4);
  for (std::size_t i = 0; i < troubles; ++i) go_wrong(network);
  network.start_all();

  const auto all_there = [&] {
    for (std::size_t i = 0; i < count; ++i) {
      if (!network.nodes[i]->is_running()) return false;
      for (const Original* original : originals) {
        if (network.nodes[i]->has(*original)) continue;
        if (contested == nullptr || original->store != *contested) return false;
        const auto view = network.nodes[i]->brain().store(*contested);
        if (!view || view->state != "contested") return false;
      }
    }
    return true;
  };
  world.run_for(2min);  // by then whatever goes wrong has been mended
  const bool converged = world.run_until(all_there, 2h);
  world.run_for(1min);

  Verdict verdict;
  const auto fail = [&](const std::string& why) {
    verdict.good = false;
    verdict.text += "  " + why + "\n";
  };
  for (const std::string& breach : world.breaches()) fail(breach);
  for (const std::string& complaint : network.unexplained()) fail(complaint);
  if (!converged) fail("did not converge in two hours\n" + network.story());
  return verdict;
}

}  // namespace
}  // namespace turnpike::sim

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t count = 200;
  bool trace = false;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--seeds") count = value;
    if (flag == "--from") first = value;
    if (flag == "--seed") {
      first = value;
      count = 1;
      trace = true;
    }
  }
  std::uint64_t failed = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const turnpike::sim::Verdict verdict = turnpike::sim::play(seed, trace);
    if (verdict.good) continue;
    ++failed;
    std::printf("seed %llu failed; replay it with --seed %llu\n%s", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(seed), verdict.text.c_str());
    std::fflush(stdout);
  }
  std::printf("%llu networks, %llu failed\n", static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}
