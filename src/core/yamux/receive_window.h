// How much one stream's peer may still send us: credit by consumption, and a window that grows while reading keeps up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "core/yamux/frame.h"

namespace turnpike::yamux {

/// The sum of a connection's windows, against its cap.
class WindowBudget {
 public:
  explicit WindowBudget(std::size_t cap) : cap_(cap) {}

  [[nodiscard]] bool take(std::size_t size) {
    if (size > left()) return false;
    taken_ += size;
    return true;
  }
  void give(std::size_t size) { taken_ -= size; }
  [[nodiscard]] std::size_t left() const { return cap_ - taken_; }

 private:
  std::size_t cap_;
  std::size_t taken_ = 0;
};

/// Invariant: what the peer may send, and what it has sent and nobody has read, never exceed the window together.
class ReceiveWindow {
 public:
  /// An epoch, from one credit to the next, of at most so many round trips means that the window holds the sender back.
  static constexpr int kBusyRoundTrips = 4;

  /// kInitialWindow has been taken from the budget already.
  explicit ReceiveWindow(Instant now) : epoch_(now) {}

  /// False when the peer sends more than it may.
  [[nodiscard]] bool receive(std::uint32_t size) {
    if (size > allowance_) return false;
    allowance_ -= size;
    return true;
  }

  /// Widens to `target` as far as the budget goes; the credit to tell the peer.
  [[nodiscard]] std::uint32_t widen(std::uint32_t target, WindowBudget& budget) {
    if (target <= window_) return 0;
    const auto step = static_cast<std::uint32_t>(std::min<std::size_t>(target - window_, budget.left()));
    if (!budget.take(step)) return 0;
    window_ += step;
    allowance_ += step;
    return step;
  }

  /// `held` bytes have come, or are announced, and were not read. The credit to tell the peer: zero until half the
  /// window can be given back, so that updates stay few.
  [[nodiscard]] std::uint32_t credit(Instant now, std::size_t held, std::optional<Duration> round_trip,
                                     std::uint32_t max_window, WindowBudget& budget) {
    auto free = static_cast<std::uint32_t>(window_ - allowance_ - held);
    if (free < window_ / 2) return 0;
    allowance_ += free;
    const bool busy = round_trip && now - epoch_ <= kBusyRoundTrips * *round_trip;
    epoch_ = now;
    if (busy) free += widen(std::min(max_window, 2 * window_), budget);
    return free;
  }

  [[nodiscard]] std::uint32_t window() const { return window_; }
  [[nodiscard]] std::uint32_t allowance() const { return allowance_; }

 private:
  std::uint32_t window_ = kInitialWindow;
  std::uint32_t allowance_ = kInitialWindow;
  Instant epoch_;
};

}  // namespace turnpike::yamux
