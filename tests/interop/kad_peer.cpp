// Our node of the DHT for somebody else's to talk to.
//   kad_peer
// Listens on a free loopback port, serves /dig/kad/1.0.0 and prints `listening PORT PEER_ID`. Obeys lines on its input,
// answering each with one line of JSON:
//   dial MULTIADDR     {"ok": true, "peer": …} once it is connected and identified
//   serve on|off       {"ok": true}
//   offer STORE        {"ok": true}: 64 hex digits; announced from now on
//   find STORE         {"ok": true, "providers": [{"peer": …, "addresses": […]}], "questions": …} when the look-up is
//   over state              {"ok": true, "contacts": […], "records": …} send PEER HEX      {"ok": true, "answer": HEX
//   or null}: these bytes on a stream of the protocol, and what came back
// Ends with its input.
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
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
#include "core/store/store_id.h"
#include "crypto/random.h"
#include "io/kad/kad_host.h"
#include "io/loop/convert.h"
#include "io/loop/event.h"
#include "io/loop/run.h"

using namespace turnpike;
using namespace turnpike::io;
using nlohmann::json;

namespace {

constexpr Duration kPatience = std::chrono::seconds(20);

json failure(const std::string& why) { return {{"ok", false}, {"error", why}}; }

class Peer final : public HostEvents {
 public:
  explicit Peer(asio::io_context& loop)
      : key_(crypto::SigningKey::generate(random_)),
        host_(loop.get_executor(), {.identity = &key_, .agent = "turnpike", .limits = {}, .channel = {}}, random_,
              this),
        kad_(loop.get_executor(), {key_.public_key()}, host_, random_, [this](const kad::NodeEvent& e) { on(e); }),
        ended_(loop.get_executor()) {
    kad_.start();
    kad_.set_serving(true);
    const auto here = host_.listen({IpAddress::v4(127, 0, 0, 1), 0});
    const std::vector<multiaddr::Multiaddr> addresses{multiaddr::Multiaddr::tcp(*here)};
    host_.set_addresses(addresses);
    kad_.set_addresses(addresses);
    std::printf("listening %u %s\n", here->port, identity::PeerId{key_.public_key()}.to_string().c_str());
    std::fflush(stdout);
  }

  void peer_connected(const HostConnection&) override {}
  void peer_identified(const std::shared_ptr<HostConnection>& connection) override {
    kad_.peer_identified(*connection);
  }
  void peer_disconnected(const identity::PeerId&) override {}

  asio::awaitable<json> obey(std::string line) {
    std::istringstream words(line);
    std::string verb;
    std::string argument;
    std::string more;
    words >> verb >> argument >> more;
    if (verb == "dial") co_return co_await dial(argument);
    if (verb == "state") co_return state();
    if (verb == "send") co_return co_await send(argument, more);
    if (verb == "serve") {
      kad_.set_serving(argument == "on");
      co_return json{{"ok", true}};
    }
    const auto store = store::StoreId::parse(argument);
    if (!store) co_return failure("no store: " + line);
    if (verb == "find") co_return co_await find(store->bytes);
    kad_.tell([&](kad::Node& node, Instant at) { node.offer(at, store->bytes); });
    co_return json{{"ok", true}};
  }
  void close() {
    kad_.stop();
    host_.close_all();
  }

 private:
  void on(const kad::NodeEvent& event) {
    if (const auto* found = std::get_if<kad::FoundProvider>(&event)) {
      json addresses = json::array();
      for (const auto& each : found->provider.addresses) addresses.push_back(each.to_string());
      providers_.push_back({{"peer", found->provider.id.to_string()}, {"addresses", addresses}});
    }
    if (const auto* end = std::get_if<kad::FindEnded>(&event)) {
      questions_ = end->questions;
      ended_.set();
    }
  }

  asio::awaitable<json> find(Digest store) {
    providers_ = json::array();
    ended_.reset();
    bool begun = false;
    kad_.tell([&](kad::Node& node, Instant at) { begun = node.find(at, store); });
    if (!begun) co_return failure("it was looked for a moment ago");
    co_await ended_.wait();
    co_return json{{"ok", true}, {"providers", providers_}, {"questions", questions_}};
  }

  asio::awaitable<json> dial(std::string text) {
    const auto address = multiaddr::Multiaddr::parse(text);
    const auto endpoint = address ? address->tcp_endpoint() : std::nullopt;
    const auto any = address ? address->peer() : std::nullopt;
    const auto peer = any ? any->ed25519() : std::nullopt;
    if (!endpoint || !peer) co_return failure("not a TCP address of an Ed25519 peer: " + text);
    std::vector<Endpoint> addresses(1, *endpoint);
    auto dialled = co_await host_.dial(*peer, std::move(addresses), path::Found::kKnown);
    if (!dialled) co_return failure(dialled.error().detail);
    const std::shared_ptr<HostConnection> connection = *dialled;
    co_await connection->identified();
    co_return json{{"ok", true}, {"peer", connection->peer().to_string()}};
  }

  asio::awaitable<json> send(std::string whom, std::string hex) {
    const auto peer = identity::PeerId::parse(whom);
    const auto bytes = from_hex(hex);
    const std::shared_ptr<HostConnection> connection = peer ? host_.find(*peer) : nullptr;
    if (!connection || !bytes) co_return failure("not connected to " + whom + ", or no bytes");
    const std::unique_ptr<LinkStream> stream = connection->open(kad::kProtocol);
    if (!stream) co_return failure("no stream");
    const Status<StreamError> written = co_await stream->write(*bytes);
    if (!written) co_return failure("it takes nothing");
    stream->finish();
    Bytes answer;
    const std::optional<Instant> deadline = now() + kPatience;
    while (true) {
      const Status<StreamError> ready = co_await stream->wait_readable(deadline);
      if (!ready && ready.error() == StreamError::kEnd) break;
      if (!ready) co_return json{{"ok", true}, {"answer", nullptr}};
      answer.insert(answer.end(), stream->readable().begin(), stream->readable().end());
      stream->consume(stream->readable().size());
    }
    co_return json{{"ok", true}, {"answer", to_hex(answer)}};
  }

  json state() const {
    json contacts = json::array();
    for (const kad::Contact& each : kad_.node().table().all()) contacts.push_back(each.peer.id.to_string());
    return {{"ok", true}, {"contacts", contacts}, {"records", kad_.node().records()}};
  }

  crypto::SecureRandom random_;
  crypto::SigningKey key_;
  Host host_;
  KadHost kad_;
  json providers_ = json::array();
  std::size_t questions_ = 0;
  Event ended_;
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

int main() {
  asio::io_context loop(1);
  Peer peer(loop);
  run(loop, obey_all(loop, peer));
  loop.restart();
  loop.run_for(std::chrono::seconds(2));
  return 0;
}
