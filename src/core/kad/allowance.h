// How often something may be done: a few times at once, and then at a steady pace.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/time.h"

namespace turnpike::kad {

/// `burst` at once, and one more per `gap` afterwards. Full at first.
class Allowance {
 public:
  Allowance(std::size_t burst, Duration gap) : room_(gap * static_cast<Duration::rep>(burst)), gap_(gap) {}

  /// True, and it is used, if one may be done now.
  bool take(Instant now) {
    if (now < next()) return false;
    full_ = std::max(full_, now) + gap_;
    return true;
  }
  /// When one may be done, at the earliest.
  [[nodiscard]] Instant next() const { return full_ + gap_ - room_; }

 private:
  Duration room_;
  Duration gap_;
  Instant full_;  // when all that was used is made up for
};

}  // namespace turnpike::kad
