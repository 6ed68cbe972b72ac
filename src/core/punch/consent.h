// Whether the peer still wants what we send it (RFC 7675), and how seldom a NAT may be spoken to before it forgets us.
#pragma once

#include <cstdint>
#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "core/punch/check.h"

namespace turnpike::punch {

constexpr Duration kConsentInterval = std::chrono::seconds(5);   ///< ±20 % (RFC 7675, section 5.1).
constexpr Duration kConsentLifetime = std::chrono::seconds(30);  ///< Since the last answer; then nothing more is sent.

/// Checks of an opened pair, from our side. A machine for one path; the owner sends what poll_transmit gives along it.
class Consent {
 public:
  struct Expired {};
  using Event = Expired;

  Consent(Random& random, Instant now, Role role, Credentials ours, Credentials theirs);

  /// Any answer of the peer with its password renews it; true when the datagram was one.
  bool handle_datagram(Instant now, ByteView datagram);
  void handle_timeout(Instant now);

  [[nodiscard]] std::optional<Bytes> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] bool is_given() const { return !expired_; }

 private:
  [[nodiscard]] Duration interval();

  Random& random_;
  Role role_;
  Credentials ours_;
  Credentials theirs_;
  std::uint64_t tie_breaker_;
  stun::TransactionId id_{};  // of the newest check; an answer to an older one proves less, and is passed over
  bool waiting_ = false;
  Instant next_;
  Instant expires_;
  bool due_ = false;
  bool expired_ = false;
  bool told_ = false;
};

/// Learns how long a NAT keeps a mapping that is not used: the wait between keep-alives grows while they succeed and
/// falls back when a mapping was found gone. For one network; forgotten when it changes.
class KeepAlive {
 public:
  static constexpr Duration kFirst = std::chrono::seconds(15);  ///< Safe for every NAT seen in the wild but a few.
  static constexpr Duration kLeast = std::chrono::seconds(8);
  static constexpr Duration kMost = std::chrono::seconds(110);  ///< RFC 4787's two minutes, and a margin.
  static constexpr unsigned kSuccesses = 3;                     ///< In a row, before a longer wait is tried.

  [[nodiscard]] Duration interval() const { return interval_; }
  /// The mapping was there after a wait of interval().
  void handle_kept();
  /// It was gone: a shorter wait, and the longer one is not tried again.
  void handle_lost();

 private:
  Duration interval_ = kFirst;
  Duration ceiling_ = kMost;
  unsigned successes_ = 0;
};

}  // namespace turnpike::punch
