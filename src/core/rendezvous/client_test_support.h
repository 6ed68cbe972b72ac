// A bootstrap and some nodes in one test: real clients and a real server, without delay, in virtual time.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/identity/statement.h"
#include "core/rendezvous/client.h"
#include "core/rendezvous/server.h"

namespace turnpike::rendezvous::test {

using namespace std::chrono_literals;

constexpr std::uint64_t kStartMs = 1'795'000'000'000;

inline store::StoreId id(std::size_t n) {
  return {{static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8U), 7}};
}
inline LocalStore local(std::size_t n, bool shared = true) {
  return {id(n), {1000 + n, {static_cast<std::uint8_t>(n), 1}}, shared};
}
inline Entry entry(std::size_t n) { return {local(n).id, local(n).content}; }

// One node's end: a real client, and all it has told.
struct Node {
  Node(Random& random, IpAddress address, std::optional<PeerId> expected = std::nullopt)
      : key(crypto::SigningKey::generate(random)),
        observed{address, 40000},
        client({.key = &key,
                .sequence = &sequence,
                .seen_signals = &seen,
                .expected = expected,
                .url = "wss://bootstrap.example",
                .follow_inventory = true,
                .show_elsewhere = true},
               random) {}

  template <class What>
  std::vector<What> told() const {
    std::vector<What> out;
    for (const Client::Event& event : events) {
      if (const auto* what = std::get_if<What>(&event)) out.push_back(*what);
    }
    return out;
  }
  std::set<Entry> inventory() const {
    std::set<Entry> out;
    for (const InventoryEntries& each : told<InventoryEntries>()) out.insert(each.entries.begin(), each.entries.end());
    return out;
  }
  PeerId peer() const { return {key.public_key()}; }

  crypto::SigningKey key;
  identity::SequenceSource sequence;
  identity::ReplayWindow seen;
  Endpoint observed;
  Client client;
  std::optional<ConnectionId> connection;
  std::vector<Client::Event> events;
  std::size_t frames_sent = 0;
  bool cut = false;  // its frames are lost
};

// A bootstrap and some nodes, without delay, in virtual time.
struct RendezvousTest : testing::Test {
  SeededRandom random{1};
  PeerId bootstrap{crypto::SigningKey::generate(random).public_key()};
  std::optional<Server> server;
  Now now{Instant{1h}, WallTime{kStartMs}};
  Node alice{random, IpAddress::v4(198, 51, 100, 1)};
  Node bob{random, IpAddress::v4(203, 0, 113, 1)};
  std::vector<Node*> nodes{&alice, &bob};

  RendezvousTest() { start(); }
  void start() {
    Server::Config config{.id = bootstrap, .relay = {}, .registry = {}};
    if (probe_home) config.probe_addresses.push_back(*probe_home);
    server.emplace(std::move(config), random);
  }

  void connect(Node& node) {
    node.connection = server->handle_connected(now, node.observed);
    node.client.handle_link_up(now);
    pump();
  }
  void disconnect(Node& node) {
    if (node.connection) server->handle_disconnected(now, *node.connection);
    node.connection.reset();
    node.client.handle_link_down(now);
    pump();
  }
  void pump() {
    for (bool busy = true; busy;) {
      busy = false;
      for (Node* node : nodes) {
        while (auto frame = node->client.poll_send()) {
          busy = true;
          ++node->frames_sent;
          if (node->connection && !node->cut) server->handle_message(now, *node->connection, *frame);
        }
        while (auto event = node->client.poll_event()) {
          const auto* order = std::get_if<ProbeOrder>(&*event);
          if (order != nullptr && nonces_arrive) deliver(order->target, order->nonce, node->observed.address);
          busy |= order != nullptr;
          node->events.push_back(*std::move(event));
        }
      }
      while (auto command = server->poll_command()) {
        busy = true;
        std::visit([this](const auto& each) { execute(each); }, *command);
      }
    }
  }
  // What is sent from here arrives, unless it is said that it does not.
  void execute(const ProbeFromHere& probe) {
    ++probes;
    if (probe_home && nonces_arrive) deliver(probe.target, probe.nonce, *probe_home);
  }
  void deliver(const Service& target, const ProofNonce& nonce, const IpAddress& from) {
    for (Node* node : nodes) {
      if (node->observed.address == target.endpoint.address) node->client.proof_seen(nonce, target.kind, from);
    }
  }
  std::optional<IpAddress> probe_home;
  bool nonces_arrive = true;
  std::size_t probes = 0;
  void execute(const Send& send) {
    for (Node* node : nodes) {
      if (node->connection == send.connection && !node->cut) node->client.handle_message(now, send.frame);
    }
  }
  void execute(const Close& close) {
    for (Node* node : nodes) {
      if (node->connection != close.connection) continue;
      node->connection.reset();
      node->client.handle_link_down(now);
    }
  }
  // Lets time pass, stopping wherever somebody asked to be woken.
  void pass(Duration duration) {
    const Instant end = now.mono + duration;
    while (now.mono < end) {
      std::optional<Instant> next = server->poll_timeout();
      for (const Node* node : nodes) {
        const auto other = node->client.poll_timeout();
        if (other && (!next || *other < *next)) next = other;
      }
      const Instant to = std::min(end, std::max(next.value_or(end), now.mono + 1us));
      now.wall.unix_ms = kStartMs + static_cast<std::uint64_t>((to - Instant{1h}) / 1ms);
      now.mono = to;
      server->handle_timeout(now);
      for (Node* node : nodes) node->client.handle_timeout(now);
      pump();
    }
  }
};

}  // namespace turnpike::rendezvous::test
