#include "core/exchange/frame.h"

#include <algorithm>

namespace turnpike::exchange {

namespace {

constexpr std::size_t kMaxPrefix = 9;  ///< A varint as libp2p writes them.

}  // namespace

Result<ByteView, ProtocolError> FrameReader::take(ByteView& in) {
  if (complete_) {
    held_.clear();
    size_.reset();
    complete_ = false;
  }
  while (!size_) {
    if (in.empty()) return ByteView{};
    held_.push_back(in.front());
    in = in.subspan(1);
    if ((held_.back() & 0x80U) != 0 && held_.size() < kMaxPrefix) continue;
    ByteReader prefix(held_);
    const std::uint64_t size = prefix.varint();
    if (prefix.failed() || size == 0) return fail(ProtocolError::kMalformed);
    if (size > limit_) return fail(ProtocolError::kTooLong);
    size_ = static_cast<std::size_t>(size);
    held_.clear();
  }
  const std::size_t more = std::min(*size_ - held_.size(), in.size());
  held_.insert(held_.end(), in.begin(), in.begin() + static_cast<std::ptrdiff_t>(more));
  in = in.subspan(more);
  if (held_.size() < *size_) return ByteView{};
  complete_ = true;
  return ByteView(held_);
}

}  // namespace turnpike::exchange
