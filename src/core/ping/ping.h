// libp2p ping, `/ipfs/ping/1.0.0`: 32 bytes there and the same 32 bytes back.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/time.h"

namespace turnpike::ping {

constexpr std::string_view kProtocol = "/ipfs/ping/1.0.0";
constexpr std::size_t kPayload = 32;
constexpr Duration kAnswerTime = std::chrono::seconds(10);  ///< js-libp2p ends the stream after as much.
/// Answers that may wait to be sent. A driver that polls after each piece it hands in never reaches it: a peer that
/// does not read its answers slows itself down.
constexpr std::size_t kMaxUnsent = 64U << 10U;
constexpr Duration kResponderIdle = std::chrono::minutes(2);  ///< A stream on which nothing is asked for so long.

/// The answering end of one stream. Answers every whole payload, also those that came together with the peer's end.
class Responder {
 public:
  explicit Responder(Instant now) : deadline_(now + kResponderIdle) {}

  /// What comes after kMaxUnsent bytes of answers is refused by ending.
  void handle_bytes(Instant now, ByteView bytes);
  void handle_end(Instant) { over_ = true; }
  void handle_timeout(Instant now) { over_ = over_ || now >= deadline_; }

  [[nodiscard]] std::optional<Bytes> poll_write();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  /// Nothing more will be answered: once poll_write() is empty, finish the stream.
  [[nodiscard]] bool is_over() const { return over_; }

 private:
  Bytes partial_;
  Bytes out_;
  Instant deadline_;
  bool over_ = false;
};

enum class PingError : std::uint8_t {
  kTimeout,  ///< Nothing, or not all of it, within kAnswerTime.
  kWrong,    ///< Other bytes than were sent: the peer's fault.
  kEnded,    ///< The stream ended before the answer.
};

/// One question on a stream of its own: a stream that is kept would be ended under it.
class Prober {
 public:
  Prober(Instant now, Random& random);

  void handle_bytes(Instant now, ByteView bytes);
  void handle_end(Instant now);
  void handle_timeout(Instant now);

  [[nodiscard]] std::optional<Bytes> poll_write();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] bool is_over() const { return error_ || round_trip_; }
  [[nodiscard]] const std::optional<Duration>& round_trip() const { return round_trip_; }
  [[nodiscard]] const std::optional<PingError>& error() const { return error_; }

 private:
  std::array<std::uint8_t, kPayload> payload_;
  Instant started_;
  bool sent_ = false;
  std::size_t matched_ = 0;
  std::optional<Duration> round_trip_;
  std::optional<PingError> error_;
};

}  // namespace turnpike::ping
