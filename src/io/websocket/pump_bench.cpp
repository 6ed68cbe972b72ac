// What a relayed byte costs: two WebSocket ends and the pump between them, over loopback, in one process and one
// thread. The pump's own share is what is left after taking off `Direct`, the same ends without it.
#include "io/websocket/pump.h"

#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <filesystem>
#include <vector>

#include "io/http/server.h"
#include "io/loop/event.h"
#include "io/loop/run.h"
#include "io/websocket/websocket.h"

namespace turnpike::io {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10U;
constexpr std::uint64_t kBytes = std::uint64_t{256} << 20U;

/// A server that keeps the sockets it is given.
struct World {
  asio::io_context loop{1};
  http::Server server{loop.get_executor(), {}};
  std::filesystem::path folder = std::filesystem::temp_directory_path() / "turnpike-pump-bench";
  std::optional<TlsServerContext> context;
  Url url;
  std::vector<std::unique_ptr<BytePipe>> kept;
  Event arrived{loop.get_executor()};
  Event never{loop.get_executor()};

  explicit World(bool secure) {
    auto listener = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    url = *Url::parse((secure ? "wss://" : "ws://") + (*listener)->local().to_string());
    server.route(http::Method::kGet, "/", [this](http::Request request) { return accept(std::move(request)); });
    if (secure) {
      auto made = TlsServerContext::self_signed(folder);
      context = *made;
      server.listen_tls(std::move(*listener), *context);
    } else {
      server.listen(std::move(*listener));
    }
  }

  asio::awaitable<http::Response> accept(http::Request request) {
    const WebSocketHandler handler = [this](std::unique_ptr<WebSocket> socket) { return keep(std::move(socket)); };
    co_return accept_websocket(request, http::Headers(), WebSocketLimits(), handler);
  }
  asio::awaitable<void> keep(std::unique_ptr<WebSocket> socket) {
    Event& end = never;
    kept.push_back(as_pipe(std::move(socket)));
    arrived.set();
    co_await end.wait();
  }

  /// A client; the server's end of it is the last of `kept`.
  std::unique_ptr<BytePipe> dial() {
    std::optional<TlsClientContext> trust;
    if (context) trust = TlsClientContext::pinned({context->pin()});
    arrived.reset();
    auto connected = run(loop, connect_websocket(url, trust, {}, {}));
    run(loop, arrived.wait());
    return as_pipe(std::move(connected->socket));
  }
};

asio::awaitable<void> send(BytePipe& pipe, std::uint64_t size) {
  const Bytes piece(kPiece, 7);
  for (; size > 0; size -= kPiece) {
    const auto wrote = co_await pipe.write(piece);
    if (!wrote) co_return;
  }
}

asio::awaitable<void> receive(BytePipe& pipe, std::uint64_t size) {
  Bytes buffer(kPumpBuffer);
  while (size > 0) {
    const auto got = co_await pipe.read_some(buffer);
    if (!got) co_return;
    size -= *got;
  }
}

asio::awaitable<void> pump(BytePipe& first, BytePipe& second) {
  const PumpMeter meter = [](PumpSide, std::size_t) { return PumpVerdict::pass(); };
  co_await join_pipes(first, second, meter);
}

void measure(benchmark::State& state, bool secure, bool relayed) {
  World world(secure);
  const auto source = world.dial();
  auto sink = relayed ? world.dial() : std::move(world.kept.front());
  if (relayed) asio::co_spawn(world.loop, pump(*world.kept[0], *world.kept[1]), asio::detached);
  for (auto _ : state) {
    asio::co_spawn(world.loop, send(*source, kBytes), asio::detached);
    run(world.loop, receive(*sink, kBytes));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(kBytes) * static_cast<std::int64_t>(state.iterations()));
}

void BM_Direct(benchmark::State& state) { measure(state, false, false); }
void BM_Relayed(benchmark::State& state) { measure(state, false, true); }
void BM_DirectTls(benchmark::State& state) { measure(state, true, false); }
void BM_RelayedTls(benchmark::State& state) { measure(state, true, true); }
BENCHMARK(BM_Direct)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Relayed)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_DirectTls)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_RelayedTls)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace turnpike::io
