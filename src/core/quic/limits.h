// What a peer can make a QUIC endpoint hold or do, and how long we wait for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace turnpike::quic {

/// Half-open connections above which whoever is new must first show, by a Retry, that its address is its own (RFC 9000,
/// section 8.1.2).
constexpr std::size_t kRetryAbove = 64;
/// How long a Retry token is good for.
constexpr Duration kRetryTokenLifetime = std::chrono::seconds(15);
/// Version negotiations, Retries and stateless resets waiting to be sent; more are dropped.
constexpr std::size_t kMaxStatelessQueue = 64;
/// Version negotiations, Retries, refusals and stateless resets a second, over all sources.
constexpr std::size_t kMaxStatelessPerSecond = 400;
/// Connections that have ended and still answer late packets with their last words (RFC 9000, section 10.2.1).
constexpr std::size_t kMaxClosing = 1024;
/// Ours: the shard's number and eleven random bytes.
constexpr std::size_t kConnectionIdSize = 12;
/// Of one connection, at once (RFC 9000, section 5.1.1); a peer that wants more must retire some.
constexpr std::size_t kActiveConnectionIds = 4;
/// What every path takes (RFC 9000, section 14), and where a path goes back to when larger packets vanish.
constexpr std::size_t kMinDatagram = 1200;
/// The largest datagram we ask a path to take: Ethernet's over IPv4.
constexpr std::size_t kMaxDatagram = 1472;
/// How long after a black hole larger packets are tried again (RFC 8899, section 5.1.1).
constexpr Duration kPathMtuRaise = std::chrono::minutes(10);

struct Limits {
  Duration handshake_timeout = std::chrono::seconds(10);
  Duration negotiation_timeout = std::chrono::seconds(10);  ///< For a stream's protocol to be agreed.
  Duration idle_timeout = std::chrono::seconds(60);         ///< Of the two ends' the shorter holds (js: 10 s).
  Duration keepalive = std::chrono::seconds(15);  ///< At most; 0.4 of the idle timeout agreed if that is less.
  /// A connection whose streams moved bytes lately pings after `busy_ping` of silence and is over after `busy_silence`
  /// of it: so that a network that begins to drop UDP costs a transfer little.
  Duration busy_ping = std::chrono::milliseconds(400);
  Duration busy_silence = std::chrono::milliseconds(1600);
  Duration busy_for = std::chrono::seconds(10);  ///< How long ago "lately" is.

  std::size_t connections = 1024;          ///< In all; more are refused.
  std::size_t half_open = 256;             ///< Inbound, not yet established; more are dropped.
  std::size_t half_open_per_network = 64;  ///< From one /24 or /48.
  /// New ids one connection may make us issue in all: one a second for a day.
  std::size_t issued_connection_ids = 86'400;
  std::size_t inbound_streams = 256;        ///< At once, of one connection.
  std::size_t outbound_streams = 256;       ///< open_stream() fails beyond it.
  std::uint64_t stream_window = 4U << 20U;  ///< At first; grows to max_stream_window where the reader keeps up.
  std::uint64_t max_stream_window = 16U << 20U;
  std::uint64_t window = 8U << 20U;               ///< The sum over a connection's streams, at first.
  std::uint64_t max_window = 32U << 20U;          ///< The most unread bytes a peer can make us hold.
  std::size_t max_queued_per_stream = 1U << 20U;  ///< Accepted by write() and not yet sent once.
  std::size_t max_queued = 4U << 20U;             ///< The same over all streams of a connection.
};

}  // namespace turnpike::quic
