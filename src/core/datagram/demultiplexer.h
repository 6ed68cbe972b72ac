// Whose datagram is it? TURN, STUN and QUIC share one UDP port, and a batch may hold all three (RFC 7983, RFC 9443).
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "base/datagram.h"
#include "base/endpoint.h"

namespace turnpike::datagram {

/// TURN servers at which we have a live allocation from this socket.
constexpr std::size_t kMaxTurnServers = 256;

enum class Kind : std::uint8_t {
  kTurn,  ///< From a server of one of our live allocations: STUN answers, Data indications and ChannelData alike.
  kStun,  ///< A STUN message by its form (RFC 8489, section 5). Not verified.
  kQuic,  ///< Everything else: told apart, or dropped, by connection id.
};

class Demultiplexer {
 public:
  /// False, and unchanged, at kMaxTurnServers. Adding one twice is once.
  bool add_turn_server(const Endpoint& server);
  void remove_turn_server(const Endpoint& server) { turn_servers_.erase(server); }

  [[nodiscard]] Kind kind_of(const Endpoint& source, ByteView datagram) const;

  struct Run {
    Kind kind;
    DatagramBatch batch;
  };
  /// Takes the longest run of segments of one kind off the front of `rest`; nothing once that is empty. No segment is
  /// lost, copied or moved out of its order.
  [[nodiscard]] std::optional<Run> take_run(DatagramBatch& rest) const;

 private:
  std::set<Endpoint> turn_servers_;
};

}  // namespace turnpike::datagram
