// A store sent over QUIC or over our secure channel on TCP, measured; the rival is quic_bench.mjs, which takes the same
// words. What is sent is looked at by nobody: no hash, no disk.
//   quic_bench serve quic|tcp ADDRESS PORT             until it is killed
//   quic_bench fetch quic|tcp ADDRESS PORT MEGABYTES   {"bytes", "seconds", "cpu", "server_cpu"}
//   quic_bench first ADDRESS PORT COUNT                so many connections one after the other, each with the first
//                                                      byte of an answer: {"ms"}
//   quic_bench idle COUNT                              so many QUIC connections that do nothing: {"connections",
//                                                      "kib_each"}, one end in this process, the other in its child
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "crypto/random.h"
#include "io/channel/channel_link.h"
#include "io/channel/channel_test_support.h"
#include "io/channel/exchange_source.h"
#include "io/channel/store_server.h"
#include "io/loop/run.h"
#include "io/quic/quic_host.h"
#include "io/tcp/tcp.h"

using namespace turnpike;
using namespace turnpike::io;

namespace {

constexpr std::string_view kProcessor = "/bench/cpu/1";
constexpr std::uint64_t kStoreSize = std::uint64_t{128} << 20U;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "quic_bench: %s\n", what);
  std::_Exit(1);
}

double processor_seconds() {
  timespec reading{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &reading);
  return static_cast<double>(reading.tv_sec) + static_cast<double>(reading.tv_nsec) / 1e9;
}

double resident_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "VmRSS:") continue;
    double kib = 0;
    status >> kib;
    return kib;
  }
  return 0;
}

asio::awaitable<void> tell_processor(std::unique_ptr<LinkStream> stream) {
  const std::string text = std::to_string(processor_seconds());
  const auto written = co_await stream->write(bytes_of(text));
  if (written) stream->finish();
  while (true) {
    const auto more = co_await stream->wait_readable();
    if (!more) break;
    stream->consume(stream->readable().size());
  }
}

/// Either end; what it does not need it does not make.
struct Bench {
  explicit Bench(std::uint64_t store_size) : store(store_size), reader(store), server(reader) {}

  Link::OnStream serving() {
    return [this](std::unique_ptr<LinkStream> stream) -> asio::awaitable<void> {
      if (stream->protocol() == kProcessor) return tell_processor(std::move(stream));
      return server.serve(std::move(stream));
    };
  }
  void start_quic(Endpoint at, quic::Limits limits = {}) {
    auto opened = UdpSocket::open(loop.get_executor(), at);
    require(static_cast<bool>(opened), "no socket");
    socket = std::move(*opened);
    quic::Config config;
    config.identity = &key;
    config.protocols = {std::string(kProcessor), std::string(exchange::kProtocol)};
    config.limits = limits;
    host.emplace(loop.get_executor(), *socket, std::move(config), random, [this](std::unique_ptr<QuicLink> link) {
      links.push_back(std::move(link));
      return serving();
    });
  }
  channel::Config channel_config(channel::Role role) {
    channel::Config config;
    config.role = role;
    config.identity = &key;
    config.protocols = {std::string(kProcessor), std::string(exchange::kProtocol)};
    config.wide_protocols = {std::string(exchange::kProtocol)};
    return config;
  }

  asio::io_context loop;
  crypto::SecureRandom random;
  crypto::SigningKey key = crypto::SigningKey::generate(random);
  TestStore store;
  MemoryReader reader;
  StoreServer server;
  std::unique_ptr<UdpSocket> socket;
  std::vector<std::unique_ptr<Link>> links;
  std::optional<QuicHost> host;
};

asio::awaitable<void> accept_all(Bench& bench, TcpListener& listener) {
  auto loop = co_await asio::this_coro::executor;
  while (true) {
    auto pipe = co_await listener.accept();
    if (!pipe) break;
    bench.links.push_back(std::make_unique<ChannelLink>(
        loop, *std::move(pipe), bench.channel_config(channel::Role::kResponder), bench.random, bench.serving()));
  }
}

int serve(const std::string& carrier, Endpoint at) {
  Bench bench(kStoreSize);
  std::unique_ptr<TcpListener> listener;
  if (carrier == "quic") {
    bench.start_quic(at);
  } else {
    auto opened = TcpListener::open(bench.loop.get_executor(), at);
    require(static_cast<bool>(opened), "cannot listen");
    listener = std::move(*opened);
    asio::co_spawn(bench.loop, accept_all(bench, *listener), asio::detached);
  }
  const auto work = asio::make_work_guard(bench.loop);
  std::printf("READY\n");
  std::fflush(stdout);
  bench.loop.run();
  return 0;
}

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

asio::awaitable<std::unique_ptr<Link>> dial(Bench& bench, std::string carrier, Endpoint to) {
  auto loop = co_await asio::this_coro::executor;
  std::unique_ptr<Link> link;
  if (carrier == "quic") {
    link = bench.host->connect({quic::CarrierId::kSocket, to}, std::nullopt);
  } else {
    const Duration time = std::chrono::seconds(5);
    auto pipe = co_await connect(to, time);
    require(static_cast<bool>(pipe), "nobody listens");
    link = std::make_unique<ChannelLink>(loop, *std::move(pipe), bench.channel_config(channel::Role::kInitiator),
                                         bench.random);
  }
  const auto up = co_await link->established();
  require(static_cast<bool>(up), "no connection");
  co_return link;
}

asio::awaitable<double> server_processor(Link& link) {
  auto stream = link.open(kProcessor);
  require(stream != nullptr, "no stream");
  stream->finish();
  std::string text;
  while (true) {
    const auto more = co_await stream->wait_readable();
    if (!more) break;
    text += text_of(stream->readable());
    stream->consume(stream->readable().size());
  }
  co_return std::strtod(text.c_str(), nullptr);
}

asio::awaitable<void> fetch(Bench& bench, std::string carrier, Endpoint to, std::uint64_t megabytes) {
  const std::unique_ptr<Link> link = co_await dial(bench, carrier, to);
  const TestStore same(kStoreSize);  // the server made it of the same seed
  ExchangeSource source(*link);
  Discard sink;
  Stop stop;
  const double server_before = co_await server_processor(*link);
  const double before = processor_seconds();
  const Instant began = now();
  std::uint64_t bytes = 0;
  while (bytes < megabytes << 20U) {
    const auto got = co_await source.range(same.id, same.content(), 0, kStoreSize, sink, stop);
    require(static_cast<bool>(got), "the store was not served");
    bytes += kStoreSize;
  }
  const double seconds = std::chrono::duration<double>(now() - began).count();
  const double used = processor_seconds() - before;
  const double server_after = co_await server_processor(*link);
  std::printf(R"({"bytes": %llu, "seconds": %.6f, "cpu": %.6f, "server_cpu": %.6f})"
              "\n",
              static_cast<unsigned long long>(bytes), seconds, used, server_after - server_before);
}

asio::awaitable<void> first_bytes(Bench& bench, Endpoint to, int count) {
  const Instant began = now();
  for (int i = 0; i < count; ++i) {
    const std::unique_ptr<Link> link = co_await dial(bench, "quic", to);
    const double ignored = co_await server_processor(*link);
    (void)ignored;
  }
  const double seconds = std::chrono::duration<double>(now() - began).count();
  std::printf(R"({"ms": %.3f})"
              "\n",
              seconds * 1000 / count);
}

asio::awaitable<void> connect_many(Bench& bench, Endpoint to, std::size_t count) {
  const std::string carrier = "quic";
  for (std::size_t i = 0; i < count; ++i) {
    std::unique_ptr<Link> link = co_await dial(bench, carrier, to);
    bench.links.push_back(std::move(link));
  }
}

int idle(std::size_t count) {
  quic::Limits limits;
  limits.connections = count + 1;
  int port_pipe[2];
  require(::pipe(port_pipe) == 0, "no pipe");
  const Endpoint any{IpAddress::v4(127, 0, 0, 1), 0};
  const pid_t child = ::fork();
  if (child == 0) {
    Bench server(1000);
    server.start_quic(any, limits);
    const std::uint16_t port = server.socket->local().port;
    require(::write(port_pipe[1], &port, sizeof port) == sizeof port, "no pipe");
    const auto work = asio::make_work_guard(server.loop);
    server.loop.run();
    std::_Exit(0);
  }
  std::uint16_t port = 0;
  require(::read(port_pipe[0], &port, sizeof port) == sizeof port, "no child");
  Bench client(1000);
  client.start_quic(any, limits);
  run(client.loop, connect_many(client, {any.address, port}, 8));  // what is made once is made
  const double before = resident_kib();
  run(client.loop, connect_many(client, {any.address, port}, count - 8));
  client.loop.restart();
  client.loop.run_for(std::chrono::seconds(2));
  const double each = (resident_kib() - before) / static_cast<double>(count - 8);
  std::printf(R"({"connections": %zu, "kib_each": %.2f})"
              "\n",
              client.host->connections(), each);
  std::fflush(stdout);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  std::_Exit(0);
}

Endpoint endpoint_of(char** args) {
  const auto address = IpAddress::parse(args[0]);
  require(address.has_value(), "not an address");
  return {*address, static_cast<std::uint16_t>(std::atoi(args[1]))};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "serve" && argc == 5) return serve(argv[2], endpoint_of(argv + 3));
  if (verb == "idle" && argc == 3) return idle(static_cast<std::size_t>(std::atoi(argv[2])));
  if ((verb == "fetch" && argc == 6) || (verb == "first" && argc == 5)) {
    const bool bulk = verb == "fetch";
    const Endpoint to = endpoint_of(argv + (bulk ? 3 : 2));
    Bench bench(1000);
    Endpoint any;
    any.address.family = to.address.family;
    bench.start_quic(any);
    if (bulk) run(bench.loop, fetch(bench, argv[2], to, std::strtoull(argv[5], nullptr, 10)));
    if (!bulk) run(bench.loop, first_bytes(bench, to, std::atoi(argv[4])));
    std::fflush(stdout);
    std::_Exit(0);  // streams may be open still
  }
  std::fprintf(stderr, "usage: quic_bench serve|fetch|first|idle ..\n");
  return 2;
}
