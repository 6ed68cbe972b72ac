// Holding a flow to a rate without a timer: when will all that has flowed be paid for?
#pragma once

#include <algorithm>

#include "base/time.h"

namespace turnpike::turn {

/// What may flow ahead of the rate: enough that a burst of one flow is not cut up.
constexpr Duration kPaceBurst = std::chrono::milliseconds(200);

class Pace {
 public:
  /// Zero when something may flow now; else how long to wait.
  [[nodiscard]] Duration wait(Instant now) const { return std::max(Duration::zero(), paid_at_ - kPaceBurst - now); }
  /// `bytes_per_second` 0 is no limit.
  void charge(Instant now, std::uint64_t bytes, std::uint64_t bytes_per_second) {
    if (bytes_per_second == 0) return;
    paid_at_ = std::max(paid_at_, now) + Duration(bytes * 1'000'000 / bytes_per_second);
  }

 private:
  Instant paid_at_{};
};

}  // namespace turnpike::turn
