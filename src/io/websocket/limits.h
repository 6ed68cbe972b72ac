// What a WebSocket may cost, how long its peer may be silent, and what it says at its end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace turnpike::io {

/// What a peer may make one WebSocket hold or wait for.
struct WebSocketLimits {
  std::size_t max_message = std::size_t{2} << 20U;  ///< A longer one is answered with close code 1009.
  std::size_t max_queued = std::size_t{4} << 20U;   ///< Bytes `send` keeps for a slow peer; at least one message fits.
  Duration ping_after = std::chrono::seconds(20);   ///< Silence after which the peer is asked whether it lives.
  Duration dead_after = std::chrono::seconds(60);   ///< Silence after which it is given up: half-open connections.
};

/// Close codes of RFC 6455 §7.4.1 that we send.
enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kPolicy = 1008,
  kTooBig = 1009,
  kInternal = 1011,
};

}  // namespace turnpike::io
