#include "core/kad/reader.h"

#include <utility>

namespace turnpike::kad {
namespace {

constexpr std::size_t kLengthSize = 3;  // a varint of at most kMaxMessage
static_assert(kMaxMessage < (1U << 21U));

}  // namespace

std::size_t Reader::handle_bytes(Instant now, ByteView bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !ready_ && !error_) {
    // First the length, byte by byte; then exactly what it says.
    std::size_t wanted = 1;
    ByteReader in(held_);
    const std::uint64_t size = in.varint();
    if (!held_.empty() && !in.failed()) wanted = static_cast<std::size_t>(size) - in.remaining();
    const ByteView piece = bytes.subspan(taken, std::min(wanted, bytes.size() - taken));
    held_.insert(held_.end(), piece.begin(), piece.end());
    taken += piece.size();
    read(now);
  }
  return error_ ? bytes.size() : taken;
}

void Reader::read(Instant now) {
  ByteReader in(held_);
  const std::uint64_t size = in.varint();
  if (in.failed()) {
    if (held_.size() >= kLengthSize || held_.back() == 0) error_ = ReadError::kTooLong;
    return;
  }
  if (size > kMaxMessage) {
    error_ = ReadError::kTooLong;
    return;
  }
  if (in.remaining() < size) return;
  if (++messages_ > kMaxMessagesPerStream) {
    error_ = ReadError::kTooLong;
    return;
  }
  auto message = decode(in.take(static_cast<std::size_t>(size)));
  held_.clear();
  deadline_ = now + kMessageTime;
  if (!message) {
    error_ = ReadError::kMalformed;
  } else {
    ready_ = *std::move(message);
  }
}

void Reader::handle_end(Instant) {
  ended_ = true;
  if (!error_ && !held_.empty()) error_ = ReadError::kTruncated;
}

void Reader::handle_timeout(Instant now) {
  if (!error_ && !ended_ && now >= deadline_) error_ = ReadError::kTimeout;
}

std::optional<Message> Reader::poll_message() { return std::exchange(ready_, std::nullopt); }

std::optional<Instant> Reader::poll_timeout() const {
  if (error_ || ended_) return std::nullopt;
  return deadline_;
}

}  // namespace turnpike::kad
