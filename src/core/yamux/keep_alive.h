// When to ping, how long the round trip is, and when to give a silent peer up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace turnpike::yamux {

/// Pings at once and then every interval. The peer is given up when after a ping nothing at all came for `patience`:
/// under bulk an answer may be late, but silence is silence.
class KeepAlive {
 public:
  KeepAlive(Instant now, Duration interval, Duration patience)
      : interval_(interval), patience_(patience), next_ping_(now) {}

  void handle_bytes() { awaiting_ = false; }

  /// The value of a ping that must go out now.
  [[nodiscard]] std::optional<std::uint32_t> poll_ping(Instant now) {
    if (now < next_ping_) return std::nullopt;
    next_ping_ = now + interval_;
    if (!awaiting_) silent_since_ = now;
    awaiting_ = true;
    sent_ = now;
    return ++value_;
  }

  /// Only the answer to the last ping measures; any other is late, and ordinary.
  void handle_pong(Instant now, std::uint32_t value) {
    if (value != value_ || !sent_) return;
    round_trip_ = now - *sent_;
    sent_.reset();
  }

  [[nodiscard]] bool is_dead(Instant now) const { return awaiting_ && now >= silent_since_ + patience_; }
  [[nodiscard]] Instant deadline() const {
    return awaiting_ ? std::min(next_ping_, silent_since_ + patience_) : next_ping_;
  }
  [[nodiscard]] const std::optional<Duration>& round_trip() const { return round_trip_; }

 private:
  Duration interval_;
  Duration patience_;
  Instant next_ping_;
  Instant silent_since_{};
  bool awaiting_ = false;
  std::uint32_t value_ = 0;
  std::optional<Instant> sent_;
  std::optional<Duration> round_trip_;
};

}  // namespace turnpike::yamux
