// How long a source may let us wait: no silence, and no trickle. Counts only the time spent waiting for it.
#pragma once

#include "base/time.h"

namespace turnpike::exchange {

using namespace std::chrono_literals;

/// Not one byte for so long: given up. More than TCP needs to mend a line that was dark for 3 s, and no more: a router
/// that forgot us answers nothing, and another path may be there.
constexpr Duration kMaxSilence = 6s;
constexpr Duration kTrickleWindow = 30s;                  ///< Of waiting, over which the rate is judged.
constexpr std::uint64_t kMinBytesPerWindow = 64U << 10U;  ///< About 2 KiB/s. Less than this in a window: given up.

struct PatienceLimits {
  Duration silence = kMaxSilence;
  Duration window = kTrickleWindow;
  std::uint64_t bytes_per_window = kMinBytesPerWindow;
};

/// One for each request or run of requests. Time in which we read nothing because our own disk or processor is slow
/// is not the source's: the owner tells when it starts and stops to wait.
class Patience {
 public:
  explicit Patience(const PatienceLimits& limits = {}) : limits_(limits) {}

  /// We have room and ask for bytes. Returns the instant at which to give up, if none came.
  [[nodiscard]] Instant wait(Instant now);
  /// The wait ended with `bytes` (0 where it ended for another reason).
  void received(Instant now, std::uint64_t bytes);
  /// True where the source has used up our patience.
  [[nodiscard]] bool is_over(Instant now) const;

 private:
  [[nodiscard]] Instant deadline() const;

  PatienceLimits limits_;
  bool waiting_ = false;
  Instant since_{};              ///< Start of this wait, while waiting_.
  Duration silence_{};           ///< Waited since the last byte, before this wait.
  Duration window_{};            ///< Waited in the current window, before this wait.
  std::uint64_t in_window_ = 0;  ///< Bytes in the current window.
};

}  // namespace turnpike::exchange
