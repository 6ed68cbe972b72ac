#include "core/portmap/epoch.h"

#include <chrono>

namespace turnpike::portmap {

bool EpochWatch::is_continuous(Instant now, std::uint32_t epoch) {
  const bool first = !last_;
  const std::int64_t ours = std::chrono::duration_cast<std::chrono::seconds>(now - seen_).count();
  const std::int64_t theirs = static_cast<std::int64_t>(epoch) - static_cast<std::int64_t>(last_.value_or(0));
  last_ = epoch;
  seen_ = now;
  return first || fits(ours, theirs);
}

// Both in seconds since the last answer. Two seconds are forgiven for rounding and for a slow packet.
bool EpochWatch::fits(std::int64_t ours, std::int64_t theirs) const {
  if (rule_ == EpochRule::kNatPmp) return theirs + 2 >= ours * 7 / 8;
  if (theirs < -1) return false;  // reordered packets may go back one second
  return ours + 2 >= theirs - theirs / 16 && theirs + 2 >= ours - ours / 16;
}

}  // namespace turnpike::portmap
