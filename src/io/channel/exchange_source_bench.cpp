// A store fetched over one loopback TCP connection: Noise, Yamux, the exchange, and for the second the tree and the
// disk. Both ends run in this process: bytes a second, and processor seconds for each GB of store.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "crypto/random.h"
#include "io/channel/channel_link.h"
#include "io/channel/channel_test_support.h"
#include "io/channel/exchange_source.h"
#include "io/channel/store_server.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{256} << 20U;

const TestStore& bench_store() {
  static const TestStore store(kSize);
  return store;
}

asio::awaitable<std::unique_ptr<BytePipe>> accept_one(TcpListener& listener) {
  auto accepted = co_await listener.accept();
  if (!accepted) std::abort();
  co_return *std::move(accepted);
}

asio::awaitable<std::unique_ptr<BytePipe>> dial(Endpoint to) {
  auto connected = co_await connect(to, std::chrono::seconds(5));
  if (!connected) std::abort();
  co_return *std::move(connected);
}

/// Takes everything and keeps nothing.
class Discard final : public RangeSink {
 public:
  asio::awaitable<std::span<std::uint8_t>> space() override {
    const std::span<std::uint8_t> all(space_);
    co_return all;
  }
  void commit(std::size_t) override {}

 private:
  Bytes space_ = Bytes(store::kPieceSize);
};

/// Two links over a TCP connection of the loopback.
struct Rig {
  Rig() : reader(bench_store()), server(reader) {
    auto listener = TcpListener::open(loop.get_executor(), Endpoint{IpAddress::v4(127, 0, 0, 1), 0});
    if (!listener) std::abort();
    std::optional<std::unique_ptr<BytePipe>> far;
    asio::co_spawn(loop, keep_result(accept_one(**listener), far), asio::detached);
    auto near = wait_for(loop, dial((*listener)->local()));
    while (!far) loop.run_one();
    channel::Config config;
    config.wide_protocols = {std::string(exchange::kProtocol)};
    config.protocols = config.wide_protocols;
    config.identity = &key;
    left.emplace(loop.get_executor(), std::move(near), config, random);
    config.role = channel::Role::kResponder;
    const auto serve = [this](std::unique_ptr<LinkStream> stream) { return server.serve(std::move(stream)); };
    right.emplace(loop.get_executor(), *std::move(far), config, random, serve);
    if (!wait_for(loop, left->established())) std::abort();
    source.emplace(*left);
  }

  crypto::SecureRandom random;
  crypto::SigningKey key = crypto::SigningKey::generate(random);
  MemoryReader reader;
  StoreServer server;
  asio::io_context loop;
  std::optional<ChannelLink> left;
  std::optional<ChannelLink> right;
  std::optional<ExchangeSource> source;
};

void note(benchmark::State& state, double processor_seconds) {
  const auto bytes = static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kSize);
  state.SetBytesProcessed(bytes);
  state.counters["cpu_s_per_GB"] = processor_seconds / (static_cast<double>(bytes) / 1e9);
}

double processor_now() {
  timespec reading{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &reading);
  return static_cast<double>(reading.tv_sec) + static_cast<double>(reading.tv_nsec) / 1e9;
}

void stream_range(benchmark::State& state) {
  Rig rig;
  const TestStore& store = bench_store();
  Discard sink;
  Stop stop;
  const double before = processor_now();
  for (auto _ : state) {
    if (!wait_for(rig.loop, rig.source->range(store.id, store.content(), 0, kSize, sink, stop))) std::abort();
  }
  note(state, processor_now() - before);
}
BENCHMARK(stream_range)->Unit(benchmark::kMillisecond)->UseRealTime();

void fetch_to_disk(benchmark::State& state) {
  Rig rig;
  WorkerPool pool(rig.loop.get_executor(), 2);
  const TestStore& store = bench_store();
  double used = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto folder = std::make_unique<TemporaryFolder>();
    Noted noted;
    auto opened =
        wait_for(rig.loop, PartialStore::open(pool, folder->path(), store.id, store.content(), {.reserve = 0}));
    if (!opened) std::abort();
    const double before = processor_now();
    state.ResumeTiming();
    Fetcher fetcher(*rig.source, **opened, pool, {{0, store.content().piece_count()}}, noted);
    if (wait_for(rig.loop, fetcher.run()).end != sync::FetchEnd::kDone) std::abort();
    state.PauseTiming();
    used += processor_now() - before;
    opened->reset();
    folder.reset();
    state.ResumeTiming();
  }
  note(state, used);
}
BENCHMARK(fetch_to_disk)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace turnpike::io
