// How long to wait after a failure: doubling up to a limit, with jitter, so that peers that fail together do not come
// back together.
#pragma once

#include <algorithm>

#include "base/random.h"
#include "base/time.h"

namespace turnpike::path {

class Backoff {
 public:
  constexpr Backoff(Duration first, Duration limit) : first_(first), limit_(limit) {}

  /// Counts one more failure and says how long to wait: first * 2^n, at most the limit, then ±25 %.
  [[nodiscard]] Duration fail(Random& random) {
    Duration delay = first_;
    for (unsigned i = 0; i < failures_ && delay < limit_; ++i) delay *= 2;
    delay = std::min(delay, limit_);
    if (failures_ < kMaxCounted) ++failures_;
    return jittered(random, delay);
  }
  void reset() { failures_ = 0; }
  [[nodiscard]] unsigned failures() const { return failures_; }

  /// ±25 %.
  [[nodiscard]] static Duration jittered(Random& random, Duration delay) {
    const auto quarter = delay.count() / 4;
    const auto spread = static_cast<std::uint64_t>(2 * quarter + 1);
    return Duration(delay.count() - quarter + static_cast<Duration::rep>(random.below(spread)));
  }

 private:
  static constexpr unsigned kMaxCounted = 40;
  Duration first_;
  Duration limit_;
  unsigned failures_ = 0;
};

}  // namespace turnpike::path
