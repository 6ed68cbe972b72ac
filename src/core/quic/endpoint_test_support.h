// A pair of endpoints that know how to connect and to move bytes: what the tests of core/quic share.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/quic/endpoint_pair.h"

namespace turnpike::quic {

inline Bytes pattern(std::size_t size, std::uint8_t salt = 0) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 251 + salt);
  return out;
}

struct WorldOptions {
  std::uint8_t shard = 0;
  Limits limits = {};
  Limits client_limits = {};
  std::optional<identity::PeerId> expected = {};  ///< Else the server.
  WallTime client_wall = EndpointPair::kWall;
  std::optional<Certificate> client_certificate = {};
  std::optional<Certificate> server_certificate = {};
  std::uint64_t seed = 1;
};

/// Member order: what the pair borrows comes before it.
struct WorldKeys {
  explicit WorldKeys(std::uint64_t seed)
      : random(seed),
        client_key(crypto::SigningKey::generate(random)),
        server_key(crypto::SigningKey::generate(random)) {}
  static Config config(const crypto::SigningKey& key, const Limits& limits = {}, std::uint8_t shard = 0,
                       std::optional<Certificate> certificate = {}) {
    return {.identity = &key,
            .protocols = {"/echo/1"},
            .certificate = std::move(certificate),
            .shard = shard,
            .limits = limits};
  }

  SeededRandom random;
  crypto::SigningKey client_key;
  crypto::SigningKey server_key;
};

struct World : WorldKeys, EndpointPair {
  explicit World(WorldOptions options = {})
      : WorldKeys(options.seed),
        EndpointPair(config(client_key, options.client_limits, 0, options.client_certificate),
                     config(server_key, options.limits, options.shard, options.server_certificate), random,
                     options.client_wall),
        expected(options.expected.value_or(server_peer())) {}

  [[nodiscard]] identity::PeerId client_peer() const { return {client_key.public_key()}; }
  [[nodiscard]] identity::PeerId server_peer() const { return {server_key.public_key()}; }

  ConnectionId dial() {
    id = *client.connect(both(), {CarrierId::kSocket, kServer}, expected);
    return id;
  }
  /// Takes the server's events; what they say is in the members below.
  void drain() {
    while (auto event = server.poll_event()) {
      if (!server_id) server_id = event->connection;
      if (event->connection != *server_id) continue;
      const auto& what = event->event;
      if (const auto* opened = std::get_if<channel::StreamOpened>(&what); opened != nullptr && opened->inbound) {
        inbound = opened->id;
        inbound_streams.push_back(opened->id);
      } else if (const auto* closed = std::get_if<channel::Closed>(&what)) {
        server_closed = closed->reason;
      } else if (std::holds_alternative<channel::StreamFinished>(what)) {
        peer_finished = true;
      } else if (const auto* reset = std::get_if<channel::StreamReset>(&what)) {
        server_resets.push_back(reset->id);
      }
    }
    if (!reads || !server_id) return;
    Connection* const connection = server.find(*server_id);
    if (connection == nullptr) return;
    bool moved = false;
    for (const channel::StreamId stream : inbound_streams) {
      while (!connection->readable(stream).empty()) {
        const ByteView bytes = connection->readable(stream);
        counts[stream] += bytes.size();
        at_server.insert(at_server.end(), bytes.begin(), bytes.end());
        connection->consume(now, stream, bytes.size());
        moved = true;
      }
    }
    if (moved) server.touch(*server_id);
    if (peer_finished && (inbound_streams.empty() || connection->readable(inbound).empty())) server_finished = true;
  }
  bool accepted() {
    drain();
    return server_id.has_value();
  }
  void connect() {
    dial();
    run(kConnectTime, [&] { return accepted() && dialling()->is_established() && serving()->is_established(); });
  }
  [[nodiscard]] Connection* dialling() { return client.find(id); }
  [[nodiscard]] Connection* serving() { return server_id ? server.find(*server_id) : nullptr; }

  channel::StreamId open() {
    const channel::StreamId stream = *dialling()->open_stream("/echo/1");
    client.touch(id);
    return stream;
  }
  std::size_t write(channel::StreamId stream, ByteView bytes) {
    Connection* const connection = dialling();
    if (bytes.empty() || connection == nullptr) return 0;
    const std::size_t taken = connection->write(stream, bytes);
    if (taken > 0) client.touch(id);
    return taken;
  }
  void finish(channel::StreamId stream) {
    if (dialling() == nullptr) return;
    dialling()->finish(stream);
    client.touch(id);
  }
  [[nodiscard]] std::size_t received(std::size_t index) const {
    return index < inbound_streams.size() ? counts.at(inbound_streams[index]) : 0;
  }

  struct Exchanged {
    Bytes at_server;
    Bytes at_client;
  };
  /// Sends `up` on a new stream and `down` back on it, both to their ends.
  Exchanged exchange(ByteView up, ByteView down, Duration time) {
    drain();
    at_server.clear();
    inbound_streams.clear();
    peer_finished = server_finished = false;
    const channel::StreamId stream = open();
    std::size_t sent_up = 0;
    std::size_t sent_down = 0;
    Bytes at_client;
    bool client_finished = false;
    run(time, [&] {
      sent_up += write(stream, up.subspan(sent_up));
      if (sent_up == up.size()) finish(stream);
      drain();
      if (!inbound_streams.empty() && serving() != nullptr) {
        if (const std::size_t taken = serving()->write(inbound, down.subspan(sent_down)); taken > 0) sent_down += taken;
        if (sent_down == down.size()) serving()->finish(inbound);
        server.touch(*server_id);
      }
      while (auto event = client.poll_event()) {
        if (std::holds_alternative<channel::StreamFinished>(event->event)) client_finished = true;
      }
      if (dialling() == nullptr) return true;
      while (!dialling()->readable(stream).empty()) {
        const ByteView bytes = dialling()->readable(stream);
        at_client.insert(at_client.end(), bytes.begin(), bytes.end());
        dialling()->consume(now, stream, bytes.size());
        client.touch(id);
      }
      return server_finished && client_finished && at_client.size() >= down.size();
    });
    return {at_server, at_client};
  }

  identity::PeerId expected;
  ConnectionId id{};
  std::optional<ConnectionId> server_id;
  channel::StreamId inbound{};
  std::vector<channel::StreamId> inbound_streams;
  std::vector<channel::StreamId> server_resets;
  std::map<channel::StreamId, std::size_t> counts;
  Bytes at_server;
  bool peer_finished = false;
  bool server_finished = false;
  bool reads = true;
  std::optional<channel::CloseReason> server_closed;

 private:
  static constexpr Duration kConnectTime = std::chrono::seconds(10);
};

}  // namespace turnpike::quic
