// A QUIC endpoint: it accepts and makes connections, and tells whose each datagram is by its connection id.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/datagram.h"
#include "base/random.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/quic/certificate.h"
#include "core/quic/connection.h"
#include "core/quic/limits.h"
#include "core/quic/path.h"
#include "crypto/sign.h"

namespace turnpike::quic {

/// A connection of one endpoint. An id whose connection is gone is ordinary; ids are never used again.
enum class ConnectionId : std::uint64_t {};

struct Config {
  const crypto::SigningKey* identity = nullptr;  ///< Borrowed; outlives the endpoint.
  std::vector<std::string> protocols;            ///< Accepted on inbound streams of any connection.
  /// Shown instead of a new one.
  std::optional<Certificate> certificate = {};
  /// Of the loop whose endpoint this is: the first byte of every connection id we issue, so that whoever gets a
  /// datagram knows whom it is for.
  std::uint8_t shard = 0;
  bool accepts = true;  ///< False: a client only.
  Limits limits = {};
};

/// Which shard issued the id a datagram is addressed to. Nothing for the first datagrams of a connection, which any
/// shard may take.
[[nodiscard]] std::optional<std::uint8_t> shard_of(ByteView datagram);

/// Pure: datagrams and the time in; datagrams, events and a deadline out. After every call that is not const, and after
/// every verb of a connection (then call touch() first), drain poll_transmit, poll_event and poll_timeout.
///
/// Except for the TLS library's own random numbers (keys, nonces), a run is determined by its inputs.
class Endpoint {
 public:
  struct Event {
    ConnectionId connection;
    channel::Event event;
  };

  /// `random` outlives the endpoint.
  Endpoint(Now now, Config config, Random& random);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // handle_*
  void handle_datagrams(Now now, CarrierId carrier, const DatagramBatch& batch);
  void handle_timeout(Now now);

  // verbs
  /// Whoever answers must be `expected`, if given. Nothing at Limits::connections.
  std::optional<ConnectionId> connect(Now now, const Path& path, std::optional<identity::PeerId> expected);
  /// What is accepted on inbound streams from now on, of any connection.
  void set_protocols(std::vector<std::string> protocols);
  /// Something was done to it: it may want to send.
  void touch(ConnectionId id);
  /// Forgets it and its events, at once and without a word: for a driver that lets go. Use Connection::close() to say
  /// goodbye.
  void drop(ConnectionId id);

  // poll_*
  /// Datagrams of one connection, written into `buffer`, which should take 64 KiB and must take kMaxDatagram.
  std::optional<PathBatch> poll_transmit(Instant now, std::span<std::uint8_t> buffer);
  /// A connection of which Closed was handed out is gone at the next call.
  std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // getters
  /// Until Closed was handed out. Valid until then.
  [[nodiscard]] Connection* find(ConnectionId id);
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] std::size_t half_open() const;
  /// What datagrams are routed by, those of connections that have ended lately included.
  [[nodiscard]] std::size_t connection_ids() const;

  struct Counters {
    std::uint64_t retries = 0;
    std::uint64_t version_negotiations = 0;
    std::uint64_t stateless_resets = 0;
    std::uint64_t refused = 0;  ///< New connections above a limit.
    std::uint64_t dropped = 0;  ///< Datagrams that were nobody's.
  };
  [[nodiscard]] const Counters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike::quic
