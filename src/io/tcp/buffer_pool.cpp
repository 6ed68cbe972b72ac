#include "io/tcp/buffer_pool.h"

#include <algorithm>
#include <vector>

namespace turnpike::io {
namespace {

std::vector<std::unique_ptr<std::uint8_t[]>>& pool() {
  thread_local std::vector<std::unique_ptr<std::uint8_t[]>> buffers;
  return buffers;
}

}  // namespace

PooledBuffer PooledBuffer::take() {
  PooledBuffer out;
  auto& kept = pool();
  if (kept.empty()) {
    out.storage_.reset(new std::uint8_t[kPooledBuffer]);  // make_unique would zero it
  } else {
    out.storage_ = std::move(kept.back());
    kept.pop_back();
  }
  return out;
}

void PooledBuffer::reset() {
  if (!storage_) return;
  auto& kept = pool();
  if (kept.size() < kMaxPooled) kept.push_back(std::move(storage_));
  storage_.reset();
}

std::span<std::uint8_t> PooledQueue::writable() {
  if (!buffer_) {
    buffer_ = PooledBuffer::take();
    std::ranges::copy(small_, buffer_.span().begin());
    small_ = Bytes();
  }
  const auto whole = buffer_.span();
  if (begin_ > 0 && end_ > kPooledBuffer / 2) {
    std::copy(whole.begin() + static_cast<std::ptrdiff_t>(begin_), whole.begin() + static_cast<std::ptrdiff_t>(end_),
              whole.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  return whole.subspan(end_);
}

void PooledQueue::consume(std::size_t size) {
  begin_ += size;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  buffer_.reset();
  small_ = Bytes();
}

void PooledQueue::shrink() {
  if (!buffer_ || size() > kMaxShrunk) return;
  small_ = copy_of(readable());
  end_ -= begin_;
  begin_ = 0;
  buffer_.reset();
}

}  // namespace turnpike::io
