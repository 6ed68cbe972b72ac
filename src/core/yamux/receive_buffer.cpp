#include "core/yamux/receive_buffer.h"

#include <utility>

namespace turnpike::yamux {
namespace {

/// Gathered bytes start a new piece beyond this, so that reading gives memory back step by step.
constexpr std::size_t kGathered = 64U << 10U;

}  // namespace

void ReceiveBuffer::append(ByteView bytes) {
  if (bytes.empty()) return;
  size_ += bytes.size();
  const bool fits =
      !pieces_.empty() && pieces_.back().gathered && pieces_.back().storage.size() + bytes.size() <= kGathered;
  if (!fits) pieces_.push_back({.storage = {}, .begin = 0, .end = 0, .gathered = true});
  Piece& piece = pieces_.back();
  piece.storage.insert(piece.storage.end(), bytes.begin(), bytes.end());
  piece.end = piece.storage.size();
}

void ReceiveBuffer::adopt(Bytes storage, std::size_t begin, std::size_t size) {
  size_ += size;
  pieces_.push_back({.storage = std::move(storage), .begin = begin, .end = begin + size, .gathered = false});
}

void ReceiveBuffer::consume(std::size_t size, BufferPool& pool) {
  size = std::min(size, size_);
  size_ -= size;
  while (size > 0) {
    Piece& piece = pieces_.front();
    const std::size_t step = std::min(size, piece.end - piece.begin);
    piece.begin += step;
    size -= step;
    if (piece.begin < piece.end) return;
    if (!piece.gathered) pool.give(std::move(piece.storage));
    pieces_.pop_front();
  }
}

void ReceiveBuffer::clear(BufferPool& pool) { consume(size_, pool); }

ByteView ReceiveBuffer::front() const {
  if (pieces_.empty()) return {};
  const Piece& piece = pieces_.front();
  return ByteView(piece.storage).subspan(piece.begin, piece.end - piece.begin);
}

}  // namespace turnpike::yamux
