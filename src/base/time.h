// Time as the core sees it: points and distances, but no way to ask what time it is.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace turnpike {

using Duration = std::chrono::microseconds;

/// A clock without now(). Only the shells (src/io) and the simulator (src/sim)
/// can make an Instant, so code under src/core cannot read a clock by accident.
struct MonotonicTime {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicTime>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming): the standard names it
};

using Instant = MonotonicTime::time_point;

/// Wall-clock time, for expiries and sequence numbers that cross the wire. Never used for timers: it can jump.
struct WallTime {
  std::uint64_t unix_ms = 0;

  friend constexpr auto operator<=>(const WallTime&, const WallTime&) = default;
};

/// The two clocks as one reading. A machine that signs or checks expiries is told both.
struct Now {
  Instant mono;
  WallTime wall;
};

}  // namespace turnpike
