// Buffers that go round instead of being allocated for every frame.
#pragma once

#include <utility>
#include <vector>

#include "base/bytes.h"

namespace turnpike::yamux {

/// Keeps a few buffers of one channel. What it hands out keeps its size and its stale contents: nobody pays to clear
/// it.
class BufferPool {
 public:
  static constexpr std::size_t kMaxKept = 16;
  /// Smaller ones are not worth keeping.
  static constexpr std::size_t kMinCapacity = 32U << 10U;
  static constexpr std::size_t kMaxCapacity = 128U << 10U;

  /// Empty when there is none.
  [[nodiscard]] Bytes take() {
    if (kept_.empty()) return {};
    Bytes buffer = std::move(kept_.back());
    kept_.pop_back();
    return buffer;
  }
  void give(Bytes buffer) {
    const bool fits = buffer.capacity() >= kMinCapacity && buffer.capacity() <= kMaxCapacity;
    if (fits && kept_.size() < kMaxKept) kept_.push_back(std::move(buffer));
  }
  void clear() { kept_ = {}; }
  [[nodiscard]] std::size_t kept() const { return kept_.size(); }

 private:
  std::vector<Bytes> kept_;
};

}  // namespace turnpike::yamux
