// What a registered peer and a store entry cost in memory, and how many look-ups one core answers.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/rendezvous/registry.h"

namespace turnpike::rendezvous {
namespace {

constexpr Now kNow{Instant{std::chrono::hours(1)}, WallTime{1'795'000'000'000}};

Digest digest(std::uint64_t n) {
  Digest out{};
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(n >> (8 * i));
  return out;
}

// Bytes the allocator has given out, its own overhead included.
std::size_t heap() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

IpAddress home(std::size_t n) {  // a few in each /24
  return IpAddress::v4(60, static_cast<std::uint8_t>(n >> 16U), static_cast<std::uint8_t>(n >> 8U),
                       static_cast<std::uint8_t>(n));
}

// Peer n's stores: `shared` means the same for everybody.
Registration registration_of(std::size_t n, std::size_t stores, bool shared) {
  Registration out{.http = {{home(n), 5001}, {IpAddress::v4(192, 168, 1, 2), 5001}}, .stores = {}};
  for (std::size_t i = 0; i < stores; ++i) {
    const std::uint64_t number = shared ? i : n * stores + i;
    out.stores.push_back({{digest(number)}, {1 + number, digest(~number)}});
  }
  std::ranges::sort(out.stores);
  return out;
}

std::unique_ptr<Registry> filled(Random& random, std::size_t peers, std::size_t stores, bool shared) {
  auto registry = std::make_unique<Registry>(random, RegistryLimits{.contents = 20'000'000});
  for (std::size_t n = 0; n < peers; ++n) {
    const Registration registration = registration_of(n, stores, shared);
    static_cast<void>(registry->put(kNow, {digest(n)}, home(n), kNow.wall.unix_ms, registration));
  }
  return registry;
}

void memory(benchmark::State& state, bool shared) {
  const auto peers = static_cast<std::size_t>(state.range(0));
  const auto stores = static_cast<std::size_t>(state.range(1));
  SeededRandom random(1);
  for (auto _ : state) {
    const std::size_t before = heap();
    const auto bare = filled(random, peers, 0, shared);
    const std::size_t per_peers = heap() - before;
    const auto full = filled(random, peers, stores, shared);
    const std::size_t with_stores = heap() - before - per_peers;
    state.counters["bytes/peer"] = static_cast<double>(per_peers) / static_cast<double>(peers);
    state.counters["bytes/entry"] =
        (static_cast<double>(with_stores) - static_cast<double>(per_peers)) / static_cast<double>(full->entry_count());
    state.counters["entries"] = static_cast<double>(full->entry_count());
  }
}
BENCHMARK_CAPTURE(memory, same_stores, true)
    ->Args({10'000, 49})
    ->Args({100'000, 49})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(memory, stores_of_their_own, false)->Args({10'000, 49})->Iterations(1)->Unit(benchmark::kMillisecond);

void look_up(benchmark::State& state) {
  const auto peers = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t kStores = 49;
  SeededRandom random(1);
  const auto registry = filled(random, peers, kStores, true);
  const Asker asker{IpAddress::v4(203, 0, 113, 1), PeerId{digest(5)}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(registry->lookup({digest(random.below(kStores))}, asker));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(look_up)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

// One request as a frame: found, encoded, as it would be sent.
void answer_a_look_up(benchmark::State& state) {
  SeededRandom random(1);
  const auto registry = filled(random, static_cast<std::size_t>(state.range(0)), 49, true);
  const Asker asker{IpAddress::v4(203, 0, 113, 1), PeerId{digest(5)}};
  for (auto _ : state) {
    const store::StoreId id{digest(random.below(49))};
    benchmark::DoNotOptimize(encode(ServerMessage{Found{1, {registry->lookup(id, asker)}}}));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(answer_a_look_up)->Arg(100'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace turnpike::rendezvous
