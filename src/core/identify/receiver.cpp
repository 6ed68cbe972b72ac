#include "core/identify/receiver.h"

namespace turnpike::identify {
namespace {

constexpr std::size_t kLengthSize = 2;  // a varint of at most kMaxMessage
static_assert(kMaxMessage < (1U << 14U));

}  // namespace

void Receiver::handle_bytes(Instant, ByteView bytes) {
  while (!bytes.empty() && !result_) {  // in pieces, so that no more is held than one message
    const ByteView piece = bytes.first(std::min(bytes.size(), kMaxMessage + kLengthSize - held_.size()));
    held_.insert(held_.end(), piece.begin(), piece.end());
    bytes = bytes.subspan(piece.size());
    read_messages();
  }
}

void Receiver::read_messages() {
  std::size_t at = 0;
  while (!result_ && at < held_.size()) {
    ByteReader in(ByteView(held_).subspan(at));
    const std::uint64_t size = in.varint();
    if (in.failed() && held_.size() - at < kLengthSize) break;  // the length may yet become whole
    if (in.failed() || size > kMaxMessage) {
      result_ = fail(ReceiveError::kTooLong);
      return;
    }
    if (in.remaining() < size) break;
    if (++messages_ > kMaxMessages) {
      result_ = fail(ReceiveError::kTooLong);
      return;
    }
    const ByteView message = in.take(static_cast<std::size_t>(size));
    if (!merge(info_, message)) result_ = fail(ReceiveError::kMalformed);
    at = held_.size() - in.remaining();
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(at));
}

void Receiver::handle_end(Instant) {
  if (result_) return;
  if (!held_.empty() || messages_ == 0) {
    result_ = fail(ReceiveError::kTruncated);
  } else if (!info_.is_of(peer_)) {
    result_ = fail(ReceiveError::kWrongPeer);
  } else {
    result_ = std::move(info_);
  }
}

void Receiver::handle_timeout(Instant now) {
  if (!result_ && now >= deadline_) result_ = fail(ReceiveError::kTimeout);
}

std::optional<Instant> Receiver::poll_timeout() const {
  if (result_) return std::nullopt;
  return deadline_;
}

}  // namespace turnpike::identify
