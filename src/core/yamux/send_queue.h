// What one stream wants to send, laid out so that a full frame leaves as it was written, without another copy.
#pragma once

#include <deque>

#include "base/bytes.h"
#include "core/yamux/buffer_pool.h"
#include "core/yamux/frame.h"

namespace turnpike::yamux {

/// How the layer below wraps what we hand it: room for its own bytes on both sides, and the most that fits between.
struct Framing {
  std::size_t headroom = 0;
  std::size_t tailroom = 0;
  std::size_t max_plain = 64U << 10U;

  [[nodiscard]] std::size_t max_body() const { return max_plain - kHeaderSize; }
  [[nodiscard]] std::size_t body_at() const { return headroom + kHeaderSize; }
};

/// A chunk is headroom, room for a header, and a body of at most Framing::max_body(). Small writes share one.
class SendQueue {
 public:
  void append(ByteView bytes, const Framing& framing, BufferPool& pool) {
    size_ += bytes.size();
    while (!bytes.empty()) {
      if (cut_ || chunks_.empty() || chunks_.back().size() == framing.body_at() + framing.max_body()) {
        cut_ = false;
        start_chunk(bytes.size(), framing, pool);
      }
      Bytes& chunk = chunks_.back();
      const std::size_t room = framing.body_at() + framing.max_body() - chunk.size();
      const ByteView piece = bytes.first(std::min(room, bytes.size()));
      chunk.insert(chunk.end(), piece.begin(), piece.end());
      bytes = bytes.subspan(piece.size());
    }
  }

  /// What is appended next starts a frame of its own.
  void cut() { cut_ = !chunks_.empty(); }

  /// The first chunk, its header not written yet. Not to be called when empty.
  [[nodiscard]] Bytes pop(const Framing& framing) {
    Bytes chunk = std::move(chunks_.front());
    chunks_.pop_front();
    size_ -= chunk.size() - framing.body_at();
    return chunk;
  }

  [[nodiscard]] bool empty() const { return chunks_.empty(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Of the first chunk.
  [[nodiscard]] std::size_t front_body(const Framing& framing) const {
    return chunks_.front().size() - framing.body_at();
  }

 private:
  void start_chunk(std::size_t wanted, const Framing& framing, BufferPool& pool) {
    Bytes chunk = wanted >= BufferPool::kMinCapacity ? pool.take() : Bytes();
    chunk.clear();
    chunk.reserve(framing.body_at() + std::min(wanted, framing.max_body()) + framing.tailroom);
    chunk.resize(framing.body_at());
    chunks_.push_back(std::move(chunk));
  }

  std::deque<Bytes> chunks_;
  std::size_t size_ = 0;
  bool cut_ = false;
};

}  // namespace turnpike::yamux
