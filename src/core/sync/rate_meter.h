// How fast bytes come, over the latest seconds.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace turnpike::sync {

class RateMeter {
 public:
  /// Bytes are awaited from now on.
  void start(Instant now) {
    if (running_) return;
    running_ = true;
    since_ = now;
    bytes_ = 0;
  }
  /// Nothing is awaited any longer: idle time does not count.
  void stop() { running_ = false; }

  void add(Instant now, std::uint64_t bytes) {
    start(now);
    bytes_ += bytes;
    const Duration elapsed = now - since_;
    if (elapsed < kWindow) return;
    const double latest = static_cast<double>(bytes_) * 1e6 / static_cast<double>(elapsed.count());
    rate_ = rate_ > 0 ? (rate_ + latest) / 2 : latest;
    since_ = now;
    bytes_ = 0;
  }
  /// Bytes a second; zero before the first measurement.
  [[nodiscard]] double rate() const { return rate_; }

 private:
  static constexpr Duration kWindow = std::chrono::milliseconds(500);
  bool running_ = false;
  Instant since_;
  std::uint64_t bytes_ = 0;
  double rate_ = 0;
};

}  // namespace turnpike::sync
