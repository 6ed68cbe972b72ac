// What waits to be written to one stream: bounded, and whoever feeds it in a lossless way waits until it has drained.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "io/loop/event.h"

namespace turnpike::io {

/// From here on whoever can wait does, and what cannot wait is dropped.
inline constexpr std::size_t kStreamQueueFull = std::size_t{256} << 10U;
/// Answers to the stream's own requests may go beyond that, up to here; a client that does not read them is cut off.
inline constexpr std::size_t kStreamQueueLimit = std::size_t{512} << 10U;

class StreamQueue {
 public:
  explicit StreamQueue(const asio::any_io_executor& loop) : filled(loop), drained(loop) {}

  [[nodiscard]] bool is_full() const { return bytes_.size() >= kStreamQueueFull; }
  [[nodiscard]] bool is_over_limit() const { return bytes_.size() > kStreamQueueLimit; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

  void append(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    filled.set();
  }
  void append_zeros(std::size_t count) { bytes_.resize(bytes_.size() + count, 0); }
  /// All that is queued; `into` is emptied first and its memory used again.
  void take(Bytes& into) {
    into.clear();
    into.swap(bytes_);
    filled.reset();
    drained.set();
    drained.reset();
  }

  Event filled;   ///< Set while there is something to write.
  Event drained;  ///< Wakes those who wait for room.

 private:
  Bytes bytes_;
};

}  // namespace turnpike::io
