// The peer-relay rung of one ladder: a session at a peer that relays, asked for once the free ways have had their
// start, and at another peer when that one fails.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/path/action.h"
#include "core/path/backoff.h"
#include "core/path/rung_view.h"

namespace turnpike::path {

constexpr Duration kPeerRelayStagger = std::chrono::milliseconds(250);  ///< After the free rungs.
constexpr Duration kPeerGrantLimit = std::chrono::seconds(8);           ///< For everybody who is asked, together.
constexpr Duration kPeerRelayAttemptLimit = std::chrono::seconds(10);   ///< To allocate, to meet, and to shake hands.
constexpr Duration kPeerRelayLinger = std::chrono::seconds(20);  ///< An unused one holds a slot of somebody else's.
constexpr std::size_t kMaxAvoidedServers = 4;                    ///< The latest that failed us.

/// One session at a time. A pure part of Ladder: what it wants done is appended to the actions it is given.
class PeerRelayRung {
 public:
  PeerRelayRung(bool allowed, Duration first_backoff, Duration backoff_limit)
      : allowed_(allowed), backoff_(first_backoff, backoff_limit) {}

  /// The bootstraps, by index, that are linked to both of us: over them it is agreed on.
  void set_bootstraps(Instant now, const std::vector<std::size_t>& linked);
  void retry_now(Instant now);
  /// The race for a path began: the free rungs have kPeerRelayStagger.
  void start_race(Instant now) { not_before_ = now + kPeerRelayStagger; }

  /// Asks if one is due and `needed`; ends an attempt that takes too long or is not needed any more.
  void step(Now now, bool needed, Random& random, std::deque<Action>& actions);
  void drop(std::deque<Action>& actions);
  /// Ends an open path on which nothing is fetched, when it is `spared` or of no use since kPeerRelayLinger, or its
  /// session is nearly used up.
  void close_if_useless(Now now, bool spared, bool needed, Instant released, std::deque<Action>& actions);

  void handle_grant(Now now, const PeerRelayTarget& granted, PathIds& ids, std::deque<Action>& actions);
  void handle_denied(Instant now, std::string reason, Duration retry_after, Random& random);
  /// False when the path is not this rung's.
  bool handle_open(Instant now, PathId path, Duration rtt);
  /// True when the path was open and is lost.
  bool handle_closed(Instant now, PathId path, std::string reason, Random& random);
  void handle_fetch_started(std::uint64_t wire_bytes) { charged_ += wire_bytes; }
  void handle_fetch_ended(std::uint64_t undelivered) { charged_ -= std::min(charged_, undelivered); }
  void handle_delivered(std::uint64_t bytes);

  [[nodiscard]] bool is_possible() const { return allowed_ && !linked_.empty(); }
  [[nodiscard]] bool is_trying() const { return state_ == State::kAsking || state_ == State::kTrying; }
  /// An attempt is under way or due, or will be once the free rungs have had their start.
  [[nodiscard]] bool may_come(Instant now) const {
    return is_trying() || (!open_ && is_possible() && next_try_ <= now);
  }
  [[nodiscard]] std::optional<OpenPathState>& open() { return open_; }
  [[nodiscard]] const std::optional<OpenPathState>& open() const { return open_; }
  [[nodiscard]] bool owns(PathId path) const { return (state_ == State::kTrying || open_) && path_ == path; }
  /// Wire bytes that the session may yet carry; 0 when it is to be renewed.
  [[nodiscard]] std::uint64_t allowance(Now now) const;
  [[nodiscard]] std::optional<Instant> next_try() const;
  /// When step() or close_if_useless() has something to do.
  [[nodiscard]] std::optional<Instant> deadline(Now now, bool needed, Instant released) const;
  [[nodiscard]] RungView view(bool needed) const;

 private:
  enum class State : std::uint8_t { kIdle, kAsking, kTrying, kOpen };

  void fail(Instant now, std::string reason, Duration at_least, Random& random);
  void avoid(const identity::PeerId& server);

  bool allowed_;
  std::vector<std::size_t> linked_;
  State state_ = State::kIdle;
  Backoff backoff_;
  Instant next_try_;
  Instant not_before_;
  std::size_t turn_ = 0;  // which of the linked bootstraps is asked next
  std::vector<identity::PeerId> avoided_;
  std::string reason_;
  PeerRelayTarget target_;
  PathId path_;
  Instant deadline_;
  std::uint64_t charged_ = 0;
  std::optional<OpenPathState> open_;
  std::uint64_t bytes_ = 0;
};

}  // namespace turnpike::path
