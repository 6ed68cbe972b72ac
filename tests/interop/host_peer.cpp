// Our libp2p host for somebody else's to talk to.
//   host_peer [MEGABYTES [ADDRESS]]
// Listens on a free port of ADDRESS, else of loopback, and prints `listening PORT PEER_ID`. Answers /turnpike/echo/1,
// and /turnpike/blob/1 with MEGABYTES of a fixed pattern. Obeys lines on its input, answering each with one line of
// JSON:
//   dial MULTIADDR          {"ok": true, "peer": …} or {"ok": false, "error": …}
//   ping PEER               {"ok": true, "microseconds": …}
//   echo PEER BYTES         {"ok": true, "bytes": …}: so many bytes came back as they went
//   fetch PEER              {"ok": true, "bytes": …, "sha256": …}: all that /turnpike/blob/1 gave
//   streams PEER COUNT      {"ok": true, "usable": …}: of so many streams of /turnpike/hold/1 opened at once
//   info PEER               what it told by identify
//   connections             who is connected
//   addresses MULTIADDR..   tells these from now on
//   autonat PEER MULTIADDR  {"ok": true, "status": …, "dial_status": …, "from": …}: whether it can reach us there
//   close PEER
// Ends with its input.
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <istream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/hex.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "io/host/autonat.h"
#include "io/host/host.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/run.h"

using namespace turnpike;
using namespace turnpike::io;
using nlohmann::json;

namespace {

constexpr std::string_view kEcho = "/turnpike/echo/1";
constexpr std::string_view kBlob = "/turnpike/blob/1";
constexpr std::string_view kHold = "/turnpike/hold/1";
constexpr Duration kPatience = std::chrono::seconds(30);
constexpr std::size_t kBlock = 256U << 10U;

json failure(const std::string& why) { return {{"ok", false}, {"error", why}}; }

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

asio::awaitable<void> hold(std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
  const std::shared_ptr<HostConnection> keep = connection;
  while (true) {
    const Status<StreamError> ready = co_await stream->wait_readable();
    if (!ready) co_return;
    stream->consume(stream->readable().size());
  }
}

asio::awaitable<void> give_blob(std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream,
                                std::size_t megabytes) {
  const std::shared_ptr<HostConnection> keep = connection;
  Bytes block(kBlock);
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::uint8_t>(i * 131 >> 3U);
  for (std::size_t i = 0; i < megabytes * 4; ++i) {
    const Status<StreamError> written = co_await stream->write(block);
    if (!written) co_return;
  }
  stream->finish();
  const Status<StreamError> ended = co_await stream->wait_readable(now() + kPatience);
  if (ended) stream->reset();
}

class Peer {
 public:
  Peer(asio::io_context& loop, std::size_t megabytes, const IpAddress& address)
      : key_(crypto::SigningKey::generate(random_)),
        host_(loop.get_executor(), {.identity = &key_, .agent = "turnpike", .limits = {}, .channel = {}}, random_),
        autonat_(host_, random_, [] { return std::vector<IpAddress>(); }) {
    autonat_.serve();
    host_.handle(std::string(kEcho), {.streams = 64}, echo);
    host_.handle(std::string(kHold), {.streams = 1000}, hold);
    host_.handle(std::string(kBlob), {.wide = true},
                 [megabytes](std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
                   return give_blob(std::move(connection), std::move(stream), megabytes);
                 });
    const auto here = host_.listen({address, 0});
    const identity::PeerId self{key_.public_key()};
    host_.set_addresses({multiaddr::Multiaddr::tcp(*here)});
    std::printf("listening %u %s\n", here->port, self.to_string().c_str());
    std::fflush(stdout);
  }

  asio::awaitable<json> obey(std::string line) {
    std::istringstream words(line);
    std::string verb;
    std::string argument;
    words >> verb >> argument;
    if (verb == "dial") co_return co_await dial(argument);
    if (verb == "connections") co_return connections();
    if (verb == "addresses") co_return tell(argument, words);
    const auto peer = identity::PeerId::parse(argument);
    const std::shared_ptr<HostConnection> connection = peer ? host_.find(*peer) : nullptr;
    if (!connection) co_return failure("not connected to " + argument);
    std::size_t number = 0;
    words >> number;
    if (verb == "ping") co_return co_await ping(connection);
    if (verb == "echo") co_return co_await ask_echo(connection, number);
    if (verb == "autonat") {
      const std::string text = line.substr(line.rfind(' ') + 1);
      co_return co_await autonat(connection, text);
    }
    if (verb == "fetch") co_return co_await fetch(connection);
    if (verb == "streams") co_return co_await open_streams(connection, number);
    if (verb == "info") co_return co_await info(connection);
    if (verb == "close") {
      connection->close();
      co_return json{{"ok", true}};
    }
    co_return failure("no such verb: " + verb);
  }
  void close() { host_.close_all(); }

 private:
  asio::awaitable<json> dial(std::string text) {
    const auto address = multiaddr::Multiaddr::parse(text);
    const auto endpoint = address ? address->tcp_endpoint() : std::nullopt;
    if (!endpoint) co_return failure("not a TCP address: " + text);
    const auto peer = address->peer();
    const auto ours = peer ? peer->ed25519() : std::nullopt;
    const std::vector<Endpoint> addresses(1, *endpoint);
    std::optional<Result<std::shared_ptr<HostConnection>, HostDialFailure>> dialled;
    if (ours) {
      auto known = co_await host_.dial(*ours, addresses, path::Found::kKnown);
      dialled.emplace(std::move(known));
    } else {
      auto anybody = co_await host_.dial_anybody(*endpoint);
      dialled.emplace(std::move(anybody));
    }
    if (!*dialled) co_return failure(dialled->error().detail);
    co_return json{{"ok", true}, {"peer", (**dialled)->peer().to_string()}};
  }

  asio::awaitable<json> autonat(std::shared_ptr<HostConnection> connection, std::string text) {
    const auto address = multiaddr::Multiaddr::parse(text);
    if (!address) co_return failure("not an address: " + text);
    std::vector<multiaddr::Multiaddr> addresses(1, *address);
    const auto result = co_await autonat_.ask(connection, std::move(addresses));
    if (!result) co_return failure("error " + std::to_string(static_cast<int>(result.error())));
    co_return json{{"ok", true},
                   {"status", static_cast<unsigned>(result->response.status)},
                   {"dial_status", static_cast<unsigned>(result->response.dial_status)},
                   {"from", result->dialled_from ? result->dialled_from->address.to_string() : ""}};
  }

  asio::awaitable<json> ping(std::shared_ptr<HostConnection> connection) {
    const auto round_trip = co_await host_.ping(*connection);
    if (!round_trip) co_return failure("no answer: " + std::to_string(static_cast<int>(round_trip.error())));
    co_return json{{"ok", true}, {"microseconds", round_trip->count()}};
  }

  asio::awaitable<json> ask_echo(std::shared_ptr<HostConnection> connection, std::size_t size) {
    const std::unique_ptr<LinkStream> stream = connection->open(kEcho);
    if (!stream) co_return failure("no stream");
    Bytes block(std::min(size, std::size_t{64} << 10U));
    random_.fill(block);
    std::size_t sent = 0;
    std::size_t came = 0;
    bool equal = true;
    while (equal && came < size) {
      if (sent < size) {
        const ByteView piece = ByteView(block).first(std::min(block.size(), size - sent));
        const Status<StreamError> written = co_await stream->write(piece);
        if (!written) co_return failure("the stream ended while it was written to");
        sent += piece.size();
        if (sent == size) stream->finish();
      }
      while (came < sent) {
        const Status<StreamError> ready = co_await stream->wait_readable(now() + kPatience);
        if (!ready) co_return failure("the stream ended before all came back");
        for (const std::uint8_t byte : stream->readable()) equal = equal && byte == block[came++ % block.size()];
        stream->consume(stream->readable().size());
      }
    }
    if (!equal) co_return failure("other bytes came back");
    co_return json{{"ok", true}, {"bytes", came}};
  }

  asio::awaitable<json> fetch(std::shared_ptr<HostConnection> connection) {
    const std::unique_ptr<LinkStream> stream = connection->open(kBlob);
    if (!stream) co_return failure("no stream");
    stream->finish();
    crypto::Sha256 hash;
    std::size_t came = 0;
    while (true) {
      const Status<StreamError> ready = co_await stream->wait_readable(now() + kPatience);
      if (!ready && ready.error() == StreamError::kEnd) break;
      if (!ready) co_return failure("the stream broke");
      hash.update(stream->readable());
      came += stream->readable().size();
      stream->consume(stream->readable().size());
    }
    const Digest digest = hash.finish();
    co_return json{{"ok", true}, {"bytes", came}, {"sha256", to_hex(digest)}};
  }

  asio::awaitable<json> open_streams(std::shared_ptr<HostConnection> connection, std::size_t count) {
    held_.clear();
    const Bytes byte(1, 1);
    for (std::size_t i = 0; i < count; ++i) {
      std::unique_ptr<LinkStream> stream = connection->open(kHold);
      if (!stream) break;
      (void)co_await stream->write(byte);
      held_.push_back(std::move(stream));
    }
    const Duration settling = std::chrono::milliseconds(1500);
    co_await pause(settling);
    std::size_t usable = 0;
    for (const auto& stream : held_) usable += stream->is_usable() ? 1U : 0U;
    const std::size_t opened = held_.size();
    held_.clear();
    co_return json{{"ok", true}, {"opened", opened}, {"usable", usable}, {"open", connection->is_open()}};
  }

  asio::awaitable<json> info(std::shared_ptr<HostConnection> connection) {
    co_await connection->identified();
    if (!connection->info()) co_return failure("it told nothing");
    const identify::Info& told = *connection->info();
    json out{{"ok", true}, {"agent", told.agent}, {"protocols", told.protocols}};
    out["addresses"] = json::array();
    for (const multiaddr::Multiaddr& address : told.addresses()) out["addresses"].push_back(address.to_string());
    out["observed"] = told.observed ? json(told.observed->to_string()) : json(nullptr);
    out["record"] = told.record.has_value();
    co_return out;
  }

  json connections() const {
    json rows = json::array();
    for (const ConnectionInfo& row : host_.connections()) {
      rows.push_back({{"peer", row.connection.peer.to_string()},
                      {"remote", row.connection.remote.to_string()},
                      {"streams", row.connection.streams}});
    }
    return {{"ok", true}, {"connections", rows}};
  }

  json tell(std::string first, std::istringstream& rest) {
    std::vector<multiaddr::Multiaddr> addresses;
    for (std::string text = std::move(first); !text.empty();) {
      if (auto address = multiaddr::Multiaddr::parse(text)) addresses.push_back(*std::move(address));
      text.clear();
      rest >> text;
    }
    host_.set_addresses(std::move(addresses));
    return {{"ok", true}};
  }

  crypto::SecureRandom random_;
  crypto::SigningKey key_;
  Host host_;
  Autonat autonat_;
  std::vector<std::unique_ptr<LinkStream>> held_;
};

asio::awaitable<void> obey_all(asio::io_context& loop, Peer& peer) {
  asio::posix::stream_descriptor input(loop, ::dup(STDIN_FILENO));
  asio::streambuf buffer;
  while (true) {
    const auto [failed, size] =
        co_await asio::async_read_until(input, buffer, '\n', asio::as_tuple(asio::use_awaitable));
    if (failed) break;
    std::istream lines(&buffer);
    std::string line;
    std::getline(lines, line);
    const json answer = co_await peer.obey(line);
    std::printf("%s\n", answer.dump().c_str());
    std::fflush(stdout);
  }
  peer.close();
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context loop(1);
  const auto address = argc > 2 ? IpAddress::parse(argv[2]) : IpAddress::v4(127, 0, 0, 1);
  if (!address) return 2;
  Peer peer(loop, argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 64, *address);
  run(loop, obey_all(loop, peer));
  loop.restart();
  loop.run_for(std::chrono::seconds(2));
  return 0;
}
