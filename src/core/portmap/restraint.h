// How often we react to a router that says something new all the time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

#include "base/time.h"

namespace turnpike::portmap {

/// A router that restarts, or changes its address, so often within the window is waited for.
constexpr std::size_t kMaxReactions = 4;
constexpr Duration kReactionWindow = std::chrono::minutes(10);

class Restraint {
 public:
  /// Counts a reaction, if one is allowed.
  [[nodiscard]] bool allow(Instant now) {
    if (now < next(now)) return false;
    if (reactions_.size() == kMaxReactions) reactions_.pop_front();
    reactions_.push_back(now);
    return true;
  }
  /// When the next one is allowed: `now`, or later.
  [[nodiscard]] Instant next(Instant now) const {
    if (reactions_.size() < kMaxReactions) return now;
    return std::max(now, reactions_.front() + kReactionWindow);
  }

 private:
  std::deque<Instant> reactions_;  // of the last kMaxReactions
};

}  // namespace turnpike::portmap
