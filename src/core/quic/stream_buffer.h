// Bytes of one stream, one way: held in chunks that do not move, for the library sends from them until they are
// acknowledged.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace turnpike::quic {

/// Large chunks, lent to whatever stream of the endpoint has bytes: an idle connection has none.
class ChunkPool {
 public:
  static constexpr std::size_t kChunk = 64U << 10U;
  static constexpr std::size_t kMaxKept = 64;
  /// Less than this is kept in a chunk of its own size.
  static constexpr std::size_t kSmall = 2U << 10U;

  [[nodiscard]] Bytes take(std::size_t wanted) {
    Bytes out;
    if (wanted >= kSmall && !kept_.empty()) {
      out = std::move(kept_.back());
      kept_.pop_back();
      out.clear();
    } else {
      out.reserve(wanted >= kSmall ? kChunk : std::max<std::size_t>(wanted, 128));
    }
    return out;
  }
  void give(Bytes chunk) {
    if (chunk.capacity() >= kChunk && kept_.size() < kMaxKept) kept_.push_back(std::move(chunk));
  }

 private:
  std::vector<Bytes> kept_;
};

/// A queue of bytes: in at the end, out at the front, and for what is sent a mark in between.
class StreamBuffer {
 public:
  void append(ByteView bytes, ChunkPool& pool) {
    size_ += bytes.size();
    while (!bytes.empty()) {
      if (chunks_.empty() || chunks_.back().size() == chunks_.back().capacity()) {
        const bool busy = size_ > bytes.size();  // small pieces of a long queue share a large chunk
        chunks_.push_back(pool.take(busy ? ChunkPool::kSmall : bytes.size()));
      }
      Bytes& last = chunks_.back();
      const ByteView piece = bytes.first(std::min(bytes.size(), last.capacity() - last.size()));
      last.insert(last.end(), piece.begin(), piece.end());
      bytes = bytes.subspan(piece.size());
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// Contiguous; empty only when all is.
  [[nodiscard]] ByteView front() const {
    return chunks_.empty() ? ByteView() : ByteView(chunks_.front()).subspan(front_);
  }
  /// At most size() bytes off the front. The mark does not fall behind it.
  void drop(std::size_t count, ChunkPool& pool) {
    size_ -= count;
    marked_ -= std::min(marked_, count);
    while (count > 0) {
      Bytes& first = chunks_.front();
      const std::size_t now = std::min(count, first.size() - front_);
      front_ += now;
      count -= now;
      if (front_ < first.size()) break;
      pool.give(std::move(first));
      chunks_.pop_front();
      front_ = 0;
      if (mark_chunk_ > 0) {
        --mark_chunk_;
      } else {
        mark_offset_ = 0;
      }
    }
    if (mark_chunk_ == 0) mark_offset_ = std::max(mark_offset_, front_);
  }
  void clear(ChunkPool& pool) {
    for (Bytes& chunk : chunks_) pool.give(std::move(chunk));
    *this = StreamBuffer();
  }

  /// Bytes behind the mark.
  [[nodiscard]] std::size_t unmarked() const { return size_ - marked_; }
  [[nodiscard]] std::size_t marked() const { return marked_; }
  /// The bytes behind the mark, as up to out.size() pieces; how many.
  std::size_t peek(std::span<ByteView> out) const {
    std::size_t used = 0;
    std::size_t offset = mark_offset_;
    for (std::size_t i = mark_chunk_; i < chunks_.size() && used < out.size(); ++i, offset = 0) {
      if (offset < chunks_[i].size()) out[used++] = ByteView(chunks_[i]).subspan(offset);
    }
    return used;
  }
  /// Moves the mark on, by at most unmarked().
  void mark(std::size_t count) {
    marked_ += count;
    while (count > 0) {
      const std::size_t now = std::min(count, chunks_[mark_chunk_].size() - mark_offset_);
      mark_offset_ += now;
      count -= now;
      if (mark_offset_ == chunks_[mark_chunk_].size() && mark_chunk_ + 1 < chunks_.size()) {
        ++mark_chunk_;
        mark_offset_ = 0;
      } else if (count > 0) {
        break;
      }
    }
  }

 private:
  std::deque<Bytes> chunks_;
  std::size_t front_ = 0;  ///< Into the first chunk.
  std::size_t size_ = 0;
  std::size_t marked_ = 0;  ///< Bytes between the front and the mark.
  std::size_t mark_chunk_ = 0;
  std::size_t mark_offset_ = 0;
};

}  // namespace turnpike::quic
