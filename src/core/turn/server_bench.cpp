// What an idle allocation costs in memory, how many allocations one core makes, and what a look-up costs.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <memory>
#include <vector>

#include "core/turn/turn_test_support.h"

namespace turnpike::turn {
namespace {

using namespace turnpike::turn::testing;

// Bytes the allocator has given out, its own overhead included.
std::size_t heap() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

// Seven external addresses: each has 16,384 ports.
ServerConfig wide() {
  ServerConfig out;
  for (std::uint8_t i = 1; i <= 7; ++i) out.external.push_back(IpAddress::v4(198, 51, 100, i));
  out.users = {{"alice", "secret"}};
  out.sessions = {.max_sessions = 60'000, .max_per_peer = 60'000, .max_per_network = 60'000};
  out.max_allocations = out.max_allocations_per_user = out.max_allocations_per_network = 200'000;
  out.challenge_rate = out.challenge_burst = 1'000'000;
  return out;
}

FiveTuple client(std::size_t n) {  // four in each address, 64 in each /24
  FiveTuple out = udp_client(0, static_cast<std::uint16_t>(10'000 + n % 4));
  out.client.address = IpAddress::v4(60, static_cast<std::uint8_t>(n >> 14U), static_cast<std::uint8_t>(n >> 6U),
                                     static_cast<std::uint8_t>(n / 4 % 16));
  return out;
}

void memory_of_static_users(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    SeededRandom random(1);
    const std::size_t before = heap();
    const auto server = std::make_unique<Server>(wide(), random);
    for (std::size_t n = 0; n < count; ++n) {
      Talker talker(*server, client(n), {"alice", "secret"});
      if (!talker.allocate(kNow).ok()) state.SkipWithError("refused");
    }
    state.counters["bytes/allocation"] = static_cast<double>(heap() - before) / static_cast<double>(count);
  }
}
BENCHMARK(memory_of_static_users)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);

void memory_of_sessions(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    SeededRandom random(1);
    const std::size_t before = heap();
    const auto server = std::make_unique<Server>(wide(), random);
    for (std::size_t n = 0; n < count; n += 2) {
      // Every session of its own pair, all of one requester: keys are costly to make, not to keep.
      Digest key{};
      for (std::size_t i = 0; i < 8; ++i) key[i] = static_cast<std::uint8_t>(n >> (8 * i));
      const auto opened =
          server->open_session(kNow, {Digest{9}}, client(n).client.address, {key}, IpAddress::Family::kV4);
      if (!opened) return state.SkipWithError("refused");
      Talker one(*server, client(n), opened->requester);
      Talker two(*server, client(n + 1), opened->responder);
      if (!one.allocate(kNow).ok() || !two.allocate(kNow).ok()) return state.SkipWithError("refused");
    }
    state.counters["bytes/allocation"] = static_cast<double>(heap() - before) / static_cast<double>(count);
  }
}
BENCHMARK(memory_of_sessions)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);

void allocate_and_delete(benchmark::State& state) {
  SeededRandom random(1);
  Server server(wide(), random);
  Talker talker(server, client(1), {"alice", "secret"});
  for (auto _ : state) {
    if (!talker.allocate(kNow).ok() || !talker.refresh(kNow, 0s).ok()) state.SkipWithError("refused");
  }
}
BENCHMARK(allocate_and_delete)->Unit(benchmark::kMicrosecond);

void look_up_and_charge(benchmark::State& state) {
  const auto flows = static_cast<std::size_t>(state.range(0));
  SeededRandom random(1);
  Server server(wide(), random);
  std::vector<FiveTuple> from;
  for (std::size_t n = 0; n < flows; ++n) {
    Talker one(server, client(2 * n), {"alice", "secret"});
    Talker two(server, client(2 * n + 1), {"alice", "secret"});
    const auto at_one = *one.allocate(kNow).address(AttributeType::kXorRelayedAddress);
    const auto at_two = *two.allocate(kNow).address(AttributeType::kXorRelayedAddress);
    (void)one.bind(kNow, kFirstChannel, at_two);
    (void)two.bind(kNow, kFirstChannel, at_one);
    one.send_channel(kNow, kFirstChannel, bytes_of("x"));
    from.push_back(one.at());
  }
  std::size_t n = 0;
  for (auto _ : state) {
    const Route* const route = server.route(kStart, from[n++ % flows], kFirstChannel);
    benchmark::DoNotOptimize(server.charge(kNow, *route, 1200).allowed);
  }
}
BENCHMARK(look_up_and_charge)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace turnpike::turn
