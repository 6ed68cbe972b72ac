// QUIC over a path made of numbers, in virtual time: what share of the path's rate a transfer gets, how many datagrams
// it takes, and how many round trips pass until the first byte. The figures are the same on every machine, but for a
// few bytes by which signatures differ; only the time it takes to compute them is the machine's.
#include <benchmark/benchmark.h>

#include "core/quic/endpoint_test_support.h"

namespace turnpike::quic {
namespace {

using namespace std::chrono_literals;

constexpr double kRate = 200e6;

/// 200 Mbit/s and 80 ms, a buffer of a fifth of what is on the way. The argument is the loss, in a million.
void lossy_long_path(benchmark::State& state) {
  double share = 0;
  double overhead = 0;
  for (auto _ : state) {
    World world;
    const LinkShape path{.delay = 40ms,
                         .loss_ppm = static_cast<std::uint32_t>(state.range(0)),
                         .bits_per_second = static_cast<std::uint64_t>(kRate),
                         .buffer = 400'000};
    world.to_server = world.to_client = path;
    world.connect();
    const Bytes bytes = pattern(100'000'000);
    const Instant start = world.now;
    const std::uint64_t before = world.dialling()->counters().sent;
    if (world.exchange(bytes, {}, 300s).at_server.size() != bytes.size()) std::abort();
    const double seconds = std::chrono::duration<double>(world.now - start).count();
    share = static_cast<double>(bytes.size()) * 8 / seconds / kRate;
    overhead = static_cast<double>(world.dialling()->counters().sent - before) / static_cast<double>(bytes.size());
  }
  state.counters["share_of_rate"] = share;
  state.counters["sent_per_byte"] = overhead;
}
BENCHMARK(lossy_long_path)->Arg(0)->Arg(1000)->Arg(10'000)->Iterations(1)->Unit(benchmark::kMillisecond);

/// From dialling to the first byte of an answer on a stream.
void connect_and_first_byte(benchmark::State& state) {
  double round_trips = 0;
  for (auto _ : state) {
    World world;
    world.to_server.delay = world.to_client.delay = 50ms;
    const Instant start = world.now;
    world.dial();
    world.run(5s, [&] { return world.dialling()->is_established(); });
    const channel::StreamId stream = world.open();
    world.write(stream, pattern(1));
    bool answered = false;
    world.run(5s, [&] {
      world.drain();
      if (world.serving() != nullptr && !answered && !world.at_server.empty()) {
        world.serving()->write(world.inbound, pattern(1));
        world.server.touch(*world.server_id);
        answered = true;
      }
      return !world.dialling()->readable(stream).empty();
    });
    round_trips = std::chrono::duration<double>(world.now - start).count() / 0.1;
  }
  state.counters["round_trips"] = round_trips;
}
BENCHMARK(connect_and_first_byte)->Unit(benchmark::kMillisecond);

/// Both ends' processor time for the bytes, without any socket.
void bytes_without_a_network(benchmark::State& state) {
  World world;
  world.to_server.delay = world.to_client.delay = 50us;
  world.connect();
  const Bytes bytes = pattern(64 << 20);
  for (auto _ : state) {
    if (world.exchange(bytes, {}, 300s).at_server.size() != bytes.size()) std::abort();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(bytes_without_a_network)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace turnpike::quic
