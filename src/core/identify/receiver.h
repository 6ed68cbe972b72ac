// Reads one identify or push stream, in however many messages and pieces it comes.
#pragma once

#include <optional>

#include "base/time.h"
#include "core/identify/message.h"

namespace turnpike::identify {

constexpr Duration kReceiveTime = std::chrono::seconds(10);  ///< From the stream's opening to its end.

/// The peer is to blame for all of them but kTimeout.
enum class ReceiveError : std::uint8_t {
  kMalformed,
  kTooLong,    ///< kMaxMessage or kMaxMessages.
  kTruncated,  ///< It ended within a message, or before one.
  kWrongPeer,  ///< Its key, or its record, is somebody else's.
  kTimeout,    ///< kReceiveTime has passed.
};

/// A machine in the sense of base/machine.h that has nothing to write. Nothing can be read after result() is there.
class Receiver {
 public:
  /// `peer` is who has proved to be at the other end.
  Receiver(Instant now, identity::AnyPeerId peer) : peer_(std::move(peer)), deadline_(now + kReceiveTime) {}

  void handle_bytes(Instant now, ByteView bytes);
  /// The peer will send no more.
  void handle_end(Instant now);
  void handle_timeout(Instant now);

  [[nodiscard]] const std::optional<Result<Info, ReceiveError>>& result() const { return result_; }
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

 private:
  void read_messages();

  identity::AnyPeerId peer_;
  Instant deadline_;
  Bytes held_;  // less than one message and its length, between two calls
  std::size_t messages_ = 0;
  Info info_;
  std::optional<Result<Info, ReceiveError>> result_;
};

}  // namespace turnpike::identify
