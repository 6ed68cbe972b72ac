// Takes length-delimited messages off the front of a byte stream that arrives in any cut. Holds at most one message.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "core/exchange/message.h"

namespace turnpike::exchange {

/// One message at a time, never above `limit` bytes: an announced length above it fails before anything is held.
class FrameReader {
 public:
  explicit FrameReader(std::size_t limit) : limit_(limit) {}

  /// Moves bytes from the front of `in` until a message is whole. Empty view: more bytes are needed, `in` is used up
  /// (an empty message is malformed: none of ours is).
  /// The view is good until the next call.
  [[nodiscard]] Result<ByteView, ProtocolError> take(ByteView& in);
  /// True between the first byte of a message and its last.
  [[nodiscard]] bool is_inside() const { return !complete_ && (size_ || !held_.empty()); }

 private:
  std::size_t limit_;
  std::optional<std::size_t> size_;  ///< Known once the length prefix is whole.
  Bytes held_;                       ///< What there is of the prefix, then of the message.
  bool complete_ = false;
};

}  // namespace turnpike::exchange
