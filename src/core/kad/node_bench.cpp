// What a look-up costs in a network of so many simulated nodes: questions, hops, time, bytes; and what a node holds.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <numeric>

#include "core/kad/node_network.h"

namespace turnpike::kad {
namespace {

constexpr std::size_t kHolders = 40;
constexpr std::size_t kLookups = 200;

Digest store(std::uint32_t number) {
  Bytes bytes;
  ByteWriter(bytes).u32(number);
  return crypto::sha256(bytes);
}

// Bytes the allocator has given out, its own overhead included.
std::size_t heap() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

// Everybody joins by somebody who is there already, and nobody is told more than that.
void join(NodeNetwork& network, std::size_t nodes, Random& random) {
  network.add();
  for (std::size_t i = 1; i < nodes; ++i) {
    network.add(random.below(i));
    network.run(std::chrono::milliseconds(10));
  }
  network.run(std::chrono::seconds(40));
}

void lookups(benchmark::State& state) {
  const auto nodes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    SeededRandom random(11);
    const std::size_t before = heap();
    NodeNetwork network;
    join(network, nodes, random);
    const std::size_t grown = heap() - before;
    for (std::uint32_t i = 0; i < kHolders; ++i) {
      network.tell(random.below(nodes), [&](Node& node, Instant now) { node.offer(now, store(i)); });
    }
    network.run(std::chrono::seconds(30));

    std::size_t found = 0;
    std::size_t questions = 0;
    std::size_t hops = 0;
    Duration longest{};
    Duration total{};
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    for (std::size_t i = 0; i < kLookups; ++i) {
      const std::size_t who = random.below(nodes);
      network[who].found.clear();
      network[who].ended.clear();
      const Instant began = network.now();
      network.count() = {};
      network.watch(who);
      network.tell(
          who, [&](Node& node, Instant now) { (void)node.find(now, store(static_cast<std::uint32_t>(i) % kHolders)); });
      while (network[who].ended.empty() && network.now() < began + kLookupTime) network.run(NodeNetwork::kOneWay);
      const auto& ended = network[who].ended;
      if (ended.empty()) continue;
      found += ended[0].providers > 0 ? 1U : 0U;
      questions += ended[0].questions;
      hops += ended[0].hops;
      bytes += network.count().bytes;
      messages += network.count().messages;
      total += network.now() - began;
      longest = std::max(longest, network.now() - began);
    }
    const auto per = [](auto sum) { return static_cast<double>(sum) / static_cast<double>(kLookups); };
    std::size_t contacts = 0;
    for (std::size_t i = 0; i < nodes; ++i) contacts += network[i].node->table().size();
    state.counters["found_%"] = 100 * per(found);
    state.counters["questions"] = per(questions);
    state.counters["hops"] = per(hops);
    state.counters["kB"] = per(bytes) / 1000;
    state.counters["messages"] = per(messages);
    state.counters["ms"] = per(std::chrono::duration_cast<std::chrono::milliseconds>(total).count());
    state.counters["ms_longest"] =
        static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(longest).count());
    state.counters["contacts"] = static_cast<double>(contacts) / static_cast<double>(nodes);
    state.counters["kB_of_a_node"] = static_cast<double>(grown) / static_cast<double>(nodes) / 1000;
  }
}
BENCHMARK(lookups)->Arg(200)->Arg(5000)->Unit(benchmark::kSecond)->Iterations(1);

// A node that holds all that strangers may have it hold: the records of providers, at their limits.
void records(benchmark::State& state) {
  for (auto _ : state) {
    const std::size_t before = heap();
    Providers providers;
    std::uint32_t number = 0;
    while (providers.size() < kMaxRecords) {
      const std::uint32_t who = number % 4096;
      (void)providers.add(Instant(), provider_key(store(number / 4)), peer(who), address_of(who));
      ++number;
    }
    state.counters["MB"] = static_cast<double>(heap() - before) / 1e6;
    state.counters["B_of_a_record"] = static_cast<double>(heap() - before) / static_cast<double>(providers.size());
  }
}
BENCHMARK(records)->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace
}  // namespace turnpike::kad
