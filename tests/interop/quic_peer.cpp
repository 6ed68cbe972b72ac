// Our QUIC, for somebody else's at the other end.
//   quic_peer listen [update-keys]       prints "PORT PEER STORE SIZE ROOT", echoes and serves that store until its
//                                        input ends
//   quic_peer dial PORT PEER MEGABYTES   sends so much over a stream, wants it back, fetches the store that the far end
//            STORE SIZE ROOT             says it has, prints "FETCHED SHA256"; changes its keys meanwhile
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>

#include "base/hex.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "io/channel/channel_test_support.h"
#include "io/channel/exchange_source.h"
#include "io/channel/store_server.h"
#include "io/loop/run.h"
#include "io/quic/quic_host.h"

using namespace turnpike;
using namespace turnpike::io;

namespace {

constexpr std::string_view kEcho = "/turnpike/echo/1";
constexpr std::uint64_t kStoreSize = 5'000'000;
constexpr std::size_t kUpdateAfter = 1U << 20U;
// Keys may be changed once the last ones have stood for three times the time-out (RFC 9001 section 6.5), which on a
// busy machine is longer than all the bytes take: until then they trickle.
constexpr std::size_t kTrickle = 8U << 10U;
constexpr std::chrono::milliseconds kTricklePause{10};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "quic_peer: %s\n", why.c_str());
  std::_Exit(1);
}

void require(bool holds, const std::string& what) {
  if (!holds) die(what);
}

asio::awaitable<void> pause() {
  auto loop = co_await asio::this_coro::executor;
  asio::steady_timer timer(loop, kTricklePause);
  co_await timer.async_wait(asio::use_awaitable);
}

/// Whether the keys are still to be changed once `passed` bytes have gone by.
bool still_to_change(QuicLink* link, std::size_t passed) {
  return link != nullptr && passed > kUpdateAfter && !link->update_keys();
}

/// Sends back what comes; changes the keys once, when it is told to and enough has passed.
asio::awaitable<void> echo(std::unique_ptr<LinkStream> stream, QuicLink* changing) {
  std::size_t passed = 0;
  while (true) {
    const auto ready = co_await stream->wait_readable();
    if (!ready) break;
    const bool trickles = still_to_change(changing, passed);
    if (!trickles && passed > kUpdateAfter) changing = nullptr;
    if (trickles) co_await pause();
    ByteView next = stream->readable();
    if (trickles) next = next.first(std::min(next.size(), kTrickle));
    const Bytes bytes = copy_of(next);
    stream->consume(bytes.size());
    passed += bytes.size();
    const auto written = co_await stream->write(bytes);
    if (!written) co_return;
  }
  require(changing == nullptr, "the keys could not be changed");
  stream->finish();
}

struct Program {
  Program() : store(kStoreSize), reader(store), server(reader) {
    auto opened = UdpSocket::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    require(static_cast<bool>(opened), "no socket");
    socket = std::move(*opened);
  }

  void start(bool update_keys) {
    quic::Config config;
    config.identity = &key;
    config.protocols = {std::string(kEcho), std::string(exchange::kProtocol)};
    host.emplace(loop.get_executor(), *socket, std::move(config), random,
                 [this, update_keys](std::unique_ptr<QuicLink> link) -> Link::OnStream {
                   QuicLink* const changing = update_keys ? link.get() : nullptr;
                   links.push_back(std::move(link));
                   return [this, changing](std::unique_ptr<LinkStream> stream) -> asio::awaitable<void> {
                     if (stream->protocol() == kEcho) return echo(std::move(stream), changing);
                     return server.serve(std::move(stream));
                   };
                 });
  }

  asio::io_context loop;
  crypto::SecureRandom random;
  crypto::SigningKey key = crypto::SigningKey::generate(random);
  TestStore store;
  MemoryReader reader;
  StoreServer server;
  std::unique_ptr<UdpSocket> socket;
  std::vector<std::unique_ptr<QuicLink>> links;
  std::optional<QuicHost> host;
};

int listen(bool update_keys) {
  Program program;
  program.start(update_keys);
  std::printf("%u %s %s %llu %s\n", program.socket->local().port,
              identity::PeerId{program.key.public_key()}.to_string().c_str(), program.store.id.to_string().c_str(),
              static_cast<unsigned long long>(program.store.content().size),
              to_hex(program.store.content().root).c_str());
  std::fflush(stdout);
  std::thread watch([&program] {
    while (std::cin.get() != EOF) {
    }
    program.loop.stop();
  });
  const auto work = asio::make_work_guard(program.loop);
  program.loop.run();
  watch.join();
  std::_Exit(0);  // streams may be open still
}

asio::awaitable<void> send(LinkStream& stream, ByteView bytes) {
  const auto written = co_await stream.write(bytes);
  require(static_cast<bool>(written), "the stream was ended while written to");
  stream.finish();
}

asio::awaitable<Bytes> take(LinkStream& stream, QuicLink& link) {
  QuicLink* changing = &link;
  Bytes out;
  while (true) {
    const auto ready = co_await stream.wait_readable();
    if (!ready) break;
    const bool trickles = still_to_change(changing, out.size());
    if (!trickles && out.size() > kUpdateAfter) changing = nullptr;
    if (trickles) co_await pause();
    ByteView bytes = stream.readable();
    if (trickles) bytes = bytes.first(std::min(bytes.size(), kTrickle));
    out.insert(out.end(), bytes.begin(), bytes.end());
    stream.consume(bytes.size());
  }
  require(changing == nullptr, "the keys could not be changed");
  co_return out;
}

asio::awaitable<void> use(QuicLink& link, std::size_t megabytes, store::StoreId id, store::Content content) {
  auto stream = link.open(kEcho);
  require(stream != nullptr, "no stream");
  const Bytes sent = bytes_from_seed(megabytes << 20U, 77);
  auto loop = co_await asio::this_coro::executor;
  asio::co_spawn(loop, send(*stream, sent), asio::detached);
  const Bytes back = co_await take(*stream, link);
  require(back == sent, "what came back is not what was sent");
  require(link.counters().key_updates >= 1, "the keys were not changed");

  Collected sink;
  Stop stop;
  ExchangeSource source(link);
  const auto got = co_await source.range(id, content, 0, content.size, sink, stop);
  require(static_cast<bool>(got), "the store was not served");
  std::printf("FETCHED %s\n", to_hex(crypto::sha256(sink.bytes)).c_str());
}

int dial(char** args) {
  Program program;
  program.start(false);
  const auto peer = identity::PeerId::parse(args[1]);
  const auto id = store::StoreId::parse(args[3]);
  const auto root = digest_from_hex(args[5]);
  require(peer && id && root, "arguments");
  const Endpoint to{IpAddress::v4(127, 0, 0, 1), static_cast<std::uint16_t>(std::atoi(args[0]))};
  auto link = program.host->connect({quic::CarrierId::kSocket, to}, *peer);
  const auto up = run(program.loop, link->established());
  if (!up) {
    std::printf("REFUSED %s\n", std::string(channel::text_of(up.error())).c_str());
    std::fflush(stdout);
    std::_Exit(0);
  }
  const store::Content content{.size = std::strtoull(args[4], nullptr, 10), .root = *root};
  run(program.loop, use(*link, static_cast<std::size_t>(std::atoi(args[2])), *id, content));
  link->close();
  const auto over = run(program.loop, link->closed());
  require(over == channel::CloseReason::kClosedByUs, "no orderly end");
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 2 && std::strcmp(argv[1], "listen") == 0) return listen(argc > 2);
  if (argc == 8 && std::strcmp(argv[1], "dial") == 0) return dial(argv + 2);
  std::fprintf(stderr, "usage: quic_peer listen [update-keys] | dial PORT PEER MEGABYTES STORE SIZE ROOT\n");
  return 2;
}
