// Large buffers for bytes in passing, lent for as long as they hold some: an idle connection has none.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "base/bytes.h"

namespace turnpike::io {

inline constexpr std::size_t kPooledBuffer = std::size_t{128} << 10U;
/// Returned buffers each thread keeps; the rest go back to the allocator.
inline constexpr std::size_t kMaxPooled = 16;

inline constexpr std::size_t kMaxShrunk = 256;

/// kPooledBuffer bytes, or none. Returned to the pool of the thread that drops it.
class PooledBuffer {
 public:
  PooledBuffer() = default;  ///< None.
  PooledBuffer(PooledBuffer&& other) noexcept : storage_(std::move(other.storage_)) {}
  PooledBuffer& operator=(PooledBuffer&& other) noexcept {
    reset();
    storage_ = std::move(other.storage_);
    return *this;
  }
  ~PooledBuffer() { reset(); }

  /// Not zeroed.
  [[nodiscard]] static PooledBuffer take();
  void reset();

  [[nodiscard]] explicit operator bool() const { return storage_ != nullptr; }
  [[nodiscard]] std::span<std::uint8_t> span() { return {storage_.get(), storage_ ? kPooledBuffer : 0}; }

 private:
  std::unique_ptr<std::uint8_t[]> storage_;
};

/// A queue of bytes in one pooled buffer: filled at the end, drained at the front.
class PooledQueue {
 public:
  [[nodiscard]] ByteView readable() {
    return (buffer_ ? buffer_.span() : std::span(small_)).subspan(begin_, end_ - begin_);
  }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  /// The free part, taking a buffer if there is none and moving what is left to the front if the tail is short.
  [[nodiscard]] std::span<std::uint8_t> writable();
  void commit(std::size_t size) { end_ += size; }
  /// Gives the buffer back once all is consumed.
  void consume(std::size_t size);
  /// Gives the buffer back if what is left is little (kMaxShrunk): before a wait of unknown length.
  void shrink();

 private:
  PooledBuffer buffer_;
  Bytes small_;  // instead of `buffer_`, after `shrink`
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace turnpike::io
