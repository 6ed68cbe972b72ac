// When a hole through both NATs is asked for. What goes through it is a connection to the peer's libp2p host, so the
// path itself is DirectRung's.
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

constexpr Duration kPunchStagger = std::chrono::milliseconds(100);  ///< After the addresses that were told.
constexpr Duration kPunchAttemptLimit = std::chrono::seconds(15);   ///< To measure, to agree, and to punch.
constexpr Duration kFirstPunchBackoff = std::chrono::seconds(10);   ///< Each attempt costs both routers entries.

/// One attempt at a time. A pure part of Ladder: what it wants done is appended to the actions it is given.
class PunchRung {
 public:
  PunchRung(bool allowed, Duration backoff_limit) : allowed_(allowed), backoff_(kFirstPunchBackoff, backoff_limit) {}

  /// The bootstraps, by index, that are linked to both of us: over them it is agreed on.
  void set_bootstraps(Instant now, const std::vector<std::size_t>& linked);
  void retry_now(Instant now);
  void start_race(Instant now) { not_before_ = now + kPunchStagger; }

  /// Asks if one is due and `needed`; gives up one that takes too long.
  void step(Instant now, bool needed, Random& random, std::deque<Action>& actions);
  void handle_hole();
  void handle_failed(Instant now, std::string reason, Duration retry_after, Random& random);

  [[nodiscard]] bool is_allowed() const { return allowed_; }
  [[nodiscard]] bool is_possible() const { return allowed_ && !linked_.empty(); }
  [[nodiscard]] bool is_trying() const { return deadline_.has_value(); }
  [[nodiscard]] bool may_come(Instant now) const { return is_trying() || (is_possible() && next_try_ <= now); }
  [[nodiscard]] std::optional<Instant> next_try() const;
  /// When step() has something to do.
  [[nodiscard]] std::optional<Instant> deadline(bool needed) const;
  /// `open`: what of DirectRung goes through a hole.
  [[nodiscard]] RungView view(bool needed, const std::optional<Duration>& open, std::uint64_t bytes) const;

 private:
  bool allowed_;
  std::vector<std::size_t> linked_;
  Backoff backoff_;
  Instant next_try_;
  Instant not_before_;
  std::size_t turn_ = 0;  // which of the linked bootstraps is used next
  std::string reason_;
  std::optional<Instant> deadline_;  // of the attempt
};

}  // namespace turnpike::path
