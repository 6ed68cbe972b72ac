// What the bootstrap's tests share: a whole one on loopback, and real clients to talk to it.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "bootstrap/http_api.h"
#include "bootstrap/legacy_directory.h"
#include "bootstrap/legacy_relay.h"
#include "bootstrap/treasury.h"
#include "core/identity/statement.h"
#include "core/rendezvous/client.h"
#include "crypto/random.h"
#include "io/http/client.h"
#include "io/loop/convert.h"
#include "io/loop/run.h"

namespace turnpike::bootstrap {

struct Answer {
  unsigned status = 0;
  io::http::Headers headers;
  Bytes body;
};

/// A budget, and where its ledger lies.
struct Money {
  budget::Budget::Config config;
  std::filesystem::path file;
};

struct World {
  asio::io_context loop;
  crypto::SecureRandom random;
  crypto::SigningKey key = crypto::SigningKey::generate(random);
  std::unique_ptr<Treasury> treasury;
  Brain brain;
  RelaySwitch relays{loop.get_executor(), brain};
  Facts facts{.started = io::now(), .version = "1.2.3"};
  SourceLinks links{loop.get_executor(), brain, relays, key, random};
  io::WorkerPool pool{loop.get_executor(), 1};
  Legacy legacy{};
  LegacyDirectory legacy_directory{loop.get_executor(), brain, legacy, facts, random};
  LegacyRelay legacy_relay{brain, legacy, links, pool};
  io::http::Server server{loop.get_executor(), {}};
  Endpoint at;

  explicit World(relay::Policy policy = {}, const Money* money = nullptr)
      : treasury(money == nullptr ? nullptr
                                  : std::make_unique<Treasury>(loop.get_executor(), money->config, money->file)),
        brain(loop.get_executor(),
              {.id = {key.public_key()},
               .relay = policy,
               .budget = treasury ? &treasury->budget() : nullptr,
               .registry = {}},
              random) {
    if (treasury) brain.watch_money(treasury.get());
    if (treasury) legacy.budget = &treasury->budget();
    add_routes(server, brain, relays);
    legacy_directory.add_routes(server);
    legacy_relay.add_routes(server);
    auto listener = io::TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    at = (*listener)->local();
    server.listen(*std::move(listener));
  }

  [[nodiscard]] identity::PeerId id() const { return {key.public_key()}; }
  [[nodiscard]] io::Url url(const std::string& path) const { return *io::Url::parse("ws://" + at.to_string() + path); }

  template <class T>
  T run(asio::awaitable<T> work) {
    return io::run(loop, std::move(work));
  }
  /// Runs the loop until `is_so`.
  template <class F>
  void until(F is_so) {
    loop.restart();
    while (!is_so()) loop.run_one();
  }

  static asio::awaitable<std::optional<Answer>> fetch(Endpoint to, io::http::ClientRequest request) {
    auto client = co_await io::http::Client::connect(to);
    if (!client) co_return std::nullopt;
    auto head = co_await (*client)->request(std::move(request));
    if (!head) co_return std::nullopt;
    auto body = co_await (*client)->read_all(std::size_t{16} << 20U);
    if (!body) co_return std::nullopt;
    co_return Answer{head->status, std::move(head->headers), *std::move(body)};
  }
  Answer ask(io::http::ClientRequest request) {
    const auto answer = run(fetch(at, std::move(request)));
    EXPECT_TRUE(answer);
    return answer.value_or(Answer{});
  }
};

/// One home: the real client machine over a real WebSocket.
struct Home {
  explicit Home(World& of) : world(of) {}
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  World& world;
  crypto::SigningKey key = crypto::SigningKey::generate(world.random);
  identity::SequenceSource sequence;
  identity::ReplayWindow seen;
  rendezvous::Client client{{.key = &key, .sequence = &sequence, .seen_signals = &seen, .expected = {}, .url = {}},
                            world.random};
  std::shared_ptr<io::WebSocket> socket;
  std::vector<rendezvous::Client::Event> events;
  bool is_down = false;

  [[nodiscard]] identity::PeerId id() const { return {key.public_key()}; }

  void connect() { asio::co_spawn(world.loop, live(), asio::detached); }
  void drain() {
    while (auto frame = client.poll_send()) EXPECT_TRUE(socket->send(*std::move(frame)));
    while (auto event = client.poll_event()) events.push_back(*std::move(event));
  }
  template <class What>
  [[nodiscard]] const What* find() const {
    for (const auto& event : events) {
      if (const auto* what = std::get_if<What>(&event)) return what;
    }
    return nullptr;
  }
  /// Runs the world until the event has come.
  template <class What>
  const What& expect() {
    world.until([this] { return find<What>() != nullptr || is_down; });
    EXPECT_NE(find<What>(), nullptr);
    return *find<What>();
  }

 private:
  asio::awaitable<void> live() {
    const io::http::Headers no_extra;
    const io::WebSocketLimits limits;
    auto connected = co_await io::connect_websocket(world.url("/v1/connect"), std::nullopt, no_extra, limits);
    EXPECT_TRUE(connected);
    if (connected) socket = std::move(connected->socket);
    if (socket) client.handle_link_up(io::both_now());
    while (socket) {
      drain();
      const auto message = co_await socket->read_message();
      if (!message) break;
      client.handle_message(io::both_now(), *message);
    }
    is_down = true;
  }
};

}  // namespace turnpike::bootstrap
