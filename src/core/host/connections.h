// The table of a host's connections: who is let in, who makes room for whom, and how many streams each may have.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "core/host/limits.h"
#include "core/host/registry.h"
#include "core/identity/peer_id.h"
#include "core/path/found.h"

namespace turnpike::host {

using identity::PeerId;

/// Names one connection; never used again for another.
struct ConnectionId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const ConnectionId&, const ConnectionId&) = default;
};

enum class Direction : std::uint8_t { kInbound, kOutbound };

/// Nobody's fault: we have no room for it.
enum class Refusal : std::uint8_t {
  kFull,            ///< Limits::connections
  kPending,         ///< Limits::pending
  kNetworkPending,  ///< Limits::pending_per_network
  kTooFast,         ///< Limits::begun_per_network
  kNetwork,         ///< Limits::per_network
  kSelf,            ///< It is ourselves.
};
[[nodiscard]] std::string_view words_of(Refusal refusal);

/// One connection as people are shown it.
struct ConnectionView {
  ConnectionId id;
  PeerId peer;
  Endpoint remote;
  Direction direction = Direction::kInbound;
  path::Found found = path::Found::kInbound;
  Instant since;
  std::size_t streams = 0;  ///< Inbound ones under way.
};

/// A pure table. Whoever drives it closes the connections that poll_close() names and reports each end once.
class Connections {
 public:
  Connections(const PeerId& self, const Limits& limits) : self_(self), limits_(limits) {}

  /// A connection was accepted, or is to be dialled: before anything is read from it.
  [[nodiscard]] Result<ConnectionId, Refusal> begin(Instant now, Direction direction, const Endpoint& remote,
                                                    path::Found found);
  /// Its peer has proved who it is. When that peer has too many already, the one that was heard of longest ago makes
  /// room; when the table is full, a stale one does. After a refusal the connection is to be closed.
  [[nodiscard]] Status<Refusal> establish(Instant now, ConnectionId id, const PeerId& peer);
  /// Among whom a new connection of `peer` would make its room; mostly nobody. When each was heard of last decides, so
  /// that is to be told, by handle_heard, before establish().
  [[nodiscard]] std::vector<ConnectionId> rivals(const PeerId& peer) const;
  /// Something came on it.
  void handle_heard(Instant now, ConnectionId id);
  /// It has ended, whoever ended it. True when it was the last established one to its peer.
  bool handle_closed(ConnectionId id);

  /// A stream of `protocol`, which allows so many over one connection. False: reset it.
  [[nodiscard]] bool begin_stream(ConnectionId id, std::string_view protocol, const ProtocolOptions& options);
  void end_stream(ConnectionId id, std::string_view protocol);

  [[nodiscard]] std::optional<ConnectionId> poll_close();

  /// The newest established one.
  [[nodiscard]] std::optional<ConnectionId> find(const PeerId& peer) const;
  [[nodiscard]] std::size_t established() const { return established_; }
  [[nodiscard]] std::size_t pending() const { return connections_.size() - established_; }
  [[nodiscard]] std::vector<ConnectionView> view() const;

 private:
  struct Connection {
    Direction direction = Direction::kInbound;
    Endpoint remote;
    IpAddress network;
    path::Found found = path::Found::kInbound;
    Instant since;
    Instant heard;
    std::optional<PeerId> peer;  // once established
    std::map<std::string, std::size_t, std::less<>> streams;
    std::size_t stream_count = 0;
    bool closing = false;  // told to close: it counts for nothing any more
  };
  struct Network {
    std::size_t pending = 0;
    std::size_t established = 0;
    std::size_t streams = 0;
    Instant window_start;
    std::size_t begun = 0;  // within the window
  };

  void close(ConnectionId id, Connection& connection);
  void uncount(ConnectionId id, const Connection& connection);
  bool make_room(Instant now);
  /// Counting neither `but` nor those whose handshake is not done.
  [[nodiscard]] bool is_network_full(const IpAddress& network, std::optional<ConnectionId> but) const;
  [[nodiscard]] std::optional<ConnectionId> stalest(const std::vector<ConnectionId>& of) const;

  PeerId self_;
  Limits limits_;
  std::uint64_t last_id_ = 0;
  std::map<ConnectionId, Connection> connections_;
  std::map<PeerId, std::vector<ConnectionId>> peers_;  // oldest first
  std::map<PeerId, std::size_t> streams_;
  std::map<IpAddress, Network> networks_;
  std::size_t established_ = 0;
  std::size_t inbound_pending_ = 0;
  std::deque<ConnectionId> to_close_;
};

/// Networks whose connections are all gone are remembered for their rate; at most so many.
constexpr std::size_t kMaxNetworks = 8192;

}  // namespace turnpike::host
