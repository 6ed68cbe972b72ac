// The libp2p host, measured; the rival is libp2p_bench.mjs, which takes the same words. Prints one line of JSON.
//   host_bench bulk MEGABYTES     so much each way at once over one connection, every piece checked against the tree:
//                                 {"bytes", "seconds", "cpu"}, both ends together
//   host_bench handshakes COUNT   connections made one after the other, each with a stream answered: {"per_second",
//   "ms"}
//   host_bench streams COUNT      so many streams of one connection open at once, each answered:
//                                 {"per_second", "answered"}
//   host_bench idle COUNT         so many connections that do nothing: {"connections", "kib_each"}, both ends in it
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/merkle/tree.h"
#include "crypto/random.h"
#include "io/channel/exchange_source.h"
#include "io/channel/store_server.h"
#include "io/host/host.h"
#include "io/loop/convert.h"
#include "io/loop/run.h"

using namespace turnpike;
using namespace turnpike::io;
using nlohmann::json;

namespace {

constexpr std::string_view kEcho = "/bench/echo/1";

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "host_bench: %s\n", what);
  std::exit(1);
}

double processor_seconds() {
  timespec reading{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &reading);
  return static_cast<double>(reading.tv_sec) + static_cast<double>(reading.tv_nsec) / 1e9;
}

double seconds_since(Instant began) { return std::chrono::duration<double>(now() - began).count(); }

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

/// One store of whole pieces in memory.
class Blob final : public StoreReader {
 public:
  explicit Blob(std::size_t megabytes) : bytes_(megabytes << 20U) {
    SeededRandom random(7);
    random.fill(std::span(bytes_).first(store::kPieceSize));
    for (std::size_t at = store::kPieceSize; at < bytes_.size(); ++at) bytes_[at] = bytes_[at - store::kPieceSize];
    crypto::LeafHasher hasher;
    merkle::TreeBuilder builder(bytes_.size());
    for (std::size_t at = 0; at < bytes_.size(); at += store::kPieceSize) {
      builder.add_leaves(merkle::hash_leaves(hasher, ByteView(bytes_).subspan(at, store::kPieceSize)));
    }
    tree_ = builder.finish();
  }
  [[nodiscard]] const merkle::Tree& tree() const { return tree_; }

  asio::awaitable<Result<std::unique_ptr<ReadableStore>, Refusal>> open(store::StoreId, store::Content) override {
    std::unique_ptr<ReadableStore> out = std::make_unique<Open>(*this);
    co_return out;
  }
  asio::awaitable<Result<Bytes, Refusal>> layer_page(store::StoreId, store::Content, std::uint32_t) override {
    const Refusal no;
    co_return fail(no);
  }
  asio::awaitable<Result<Bytes, Refusal>> leaves(store::StoreId, store::Content, std::uint32_t) override {
    const Refusal no;
    co_return fail(no);
  }
  asio::awaitable<Result<Manifest, Refusal>> manifest(store::StoreId) override {
    const Refusal no;
    co_return fail(no);
  }

 private:
  struct Open final : ReadableStore {
    explicit Open(const Blob& of) : blob(of) {}
    asio::awaitable<bool> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
      const auto from = blob.bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
      std::copy_n(from, out.size(), out.begin());
      co_return true;
    }
    const Blob& blob;
  };

  Bytes bytes_;
  merkle::Tree tree_;
};

/// Hashes every piece and compares it.
class Checked final : public RangeSink {
 public:
  explicit Checked(const merkle::Tree& tree) : tree_(tree), piece_(store::kPieceSize) {}
  asio::awaitable<std::span<std::uint8_t>> space() override {
    const std::span<std::uint8_t> all(piece_);
    co_return all.subspan(filled_);
  }
  void commit(std::size_t size) override {
    filled_ += size;
    if (filled_ < piece_.size()) return;
    filled_ = 0;
    const auto verified = merkle::verify_piece(hasher_, tree_.content, index_, tree_.layer[index_], piece_);
    require(static_cast<bool>(verified), "a piece is not what it should be");
    ++index_;
  }

 private:
  const merkle::Tree& tree_;
  Bytes piece_;
  std::size_t filled_ = 0;
  std::uint32_t index_ = 0;
  crypto::LeafHasher hasher_;
};

asio::awaitable<void> echo(std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
  const std::shared_ptr<HostConnection> keep = connection;
  while (true) {
    const Status<StreamError> ready = co_await stream->wait_readable();
    if (!ready) break;
    const Bytes came = copy_of(stream->readable());
    stream->consume(came.size());
    const Status<StreamError> written = co_await stream->write(came);
    if (!written) co_return;
  }
  stream->finish();
}

asio::awaitable<void> ask(LinkStream& stream) {
  const Bytes byte(1, 1);
  const Status<StreamError> written = co_await stream.write(byte);
  const Status<StreamError> ready = co_await stream.wait_readable(now() + std::chrono::seconds(60));
  require(written && ready, "an echo did not come");
  stream.consume(1);
}

asio::awaitable<void> ask_and_count(LinkStream& stream, std::size_t& answered) {
  LinkStream& one = stream;
  co_await ask(one);
  ++answered;
}

HostSettings settings_of(const crypto::SigningKey& key) {
  HostSettings settings;
  settings.identity = &key;
  settings.limits = {.pending = 100'000,
                     .pending_per_network = 100'000,
                     .begun_per_network = 1'000'000,
                     .connections = 100'000,
                     .per_network = 100'000,
                     .per_peer = 100'000,
                     .streams_per_peer = 100'000,
                     .streams_per_network = 100'000};
  settings.channel.inbound_streams = settings.channel.outbound_streams = 2048;
  settings.channel.receive_cap = std::size_t{1} << 30U;
  return settings;
}

struct Rig {
  Rig() {
    server.handle(std::string(kEcho), {.streams = 2048}, echo);
    here = *server.listen({IpAddress::v4(127, 0, 0, 1), 0});
  }
  ~Rig() {
    client.close_all();
    server.close_all();
    loop.restart();
    loop.run_for(std::chrono::seconds(2));
  }
  std::shared_ptr<HostConnection> dial() {
    auto dialled = run(loop, client.dial_anybody(here));
    require(static_cast<bool>(dialled), "cannot connect");
    return *dialled;
  }

  asio::io_context loop{1};
  crypto::SecureRandom random;
  crypto::SigningKey server_key = crypto::SigningKey::generate(random);
  crypto::SigningKey client_key = crypto::SigningKey::generate(random);
  Host server{loop.get_executor(), settings_of(server_key), random};
  Host client{loop.get_executor(), settings_of(client_key), random};
  Endpoint here;
};

asio::awaitable<void> fetch_all(HostConnection& connection, const merkle::Tree& tree, std::size_t& running) {
  ExchangeSource source(connection.link());
  Checked sink(tree);
  Stop stop;
  const store::StoreId id;
  const auto done = co_await source.range(id, tree.content, 0, tree.content.size, sink, stop);
  require(static_cast<bool>(done), "the transfer broke");
  --running;
}

json bulk(std::size_t megabytes) {
  Rig rig;
  Blob blob(megabytes);
  StoreServer served(blob);
  const auto serve = [&served](std::shared_ptr<HostConnection>, std::unique_ptr<LinkStream> stream) {
    return served.serve(std::move(stream));
  };
  for (Host* const host : {&rig.server, &rig.client})
    host->handle(std::string(exchange::kProtocol), {.wide = true}, serve);
  const auto there = rig.dial();
  while (rig.server.all().empty()) rig.loop.run_one();
  const auto back = rig.server.all().front();
  const double cpu = processor_seconds();
  const Instant began = now();
  std::size_t running = 2;
  asio::co_spawn(rig.loop, fetch_all(*there, blob.tree(), running), asio::detached);
  asio::co_spawn(rig.loop, fetch_all(*back, blob.tree(), running), asio::detached);
  rig.loop.restart();
  while (running > 0) rig.loop.run_one();
  return {{"bytes", 2 * (megabytes << 20U)}, {"seconds", seconds_since(began)}, {"cpu", processor_seconds() - cpu}};
}

json handshakes(std::size_t count) {
  Rig rig;
  const Instant began = now();
  for (std::size_t i = 0; i < count; ++i) {
    const auto connection = rig.dial();
    const auto stream = connection->open(kEcho);
    run(rig.loop, ask(*stream));
    connection->close();
    run(rig.loop, [](HostConnection& closing) -> asio::awaitable<void> {
      const auto reason = co_await closing.closed();
      (void)reason;
    }(*connection));
  }
  const double seconds = seconds_since(began);
  return {{"per_second", static_cast<double>(count) / seconds}, {"ms", 1000 * seconds / static_cast<double>(count)}};
}

json many_streams(std::size_t count) {
  Rig rig;
  const auto connection = rig.dial();
  std::vector<std::unique_ptr<LinkStream>> streams;
  const Instant began = now();
  std::size_t answered = 0;
  while (streams.size() < count) {
    auto stream = connection->open(kEcho);
    if (!stream) {  // the acknowledgements of the last ones are on their way
      rig.loop.restart();
      rig.loop.run_one();
      continue;
    }
    asio::co_spawn(rig.loop, ask_and_count(*stream, answered), asio::detached);
    streams.push_back(std::move(stream));
  }
  rig.loop.restart();
  while (answered < count) rig.loop.run_one();
  return {{"per_second", static_cast<double>(count) / seconds_since(began)}, {"answered", answered}};
}

json idle(std::size_t count) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  Rig rig;
  std::vector<std::shared_ptr<HostConnection>> held;
  held.push_back(rig.dial());
  const double before = resident_kib();
  while (held.size() < count) held.push_back(rig.dial());
  rig.loop.restart();
  rig.loop.run_for(std::chrono::seconds(12));  // identify is over, and what it held is given back
  const double each = (resident_kib() - before) / static_cast<double>(count - 1);
  return {{"connections", rig.server.connections().size()}, {"kib_each", each}};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  const std::size_t number = argc > 2 ? static_cast<std::size_t>(std::atoll(argv[2])) : 0;
  require(number > 0, "usage: host_bench bulk|handshakes|streams|idle NUMBER");
  json out;
  if (verb == "bulk") out = bulk(number);
  if (verb == "handshakes") out = handshakes(number);
  if (verb == "streams") out = many_streams(number);
  if (verb == "idle") out = idle(number);
  std::printf("%s\n", out.dump().c_str());
  return 0;
}
