// Cuts one stream of a Kademlia node into messages, in whatever pieces it comes.
#pragma once

#include <optional>

#include "base/time.h"
#include "core/kad/message.h"

namespace turnpike::kad {

constexpr Duration kMessageTime = std::chrono::seconds(10);  ///< For one message, from the one before.
constexpr std::size_t kMaxMessagesPerStream = 256;

/// The peer is to blame for all of them but kTimeout. Each ends the stream: reset it.
enum class ReadError : std::uint8_t {
  kMalformed,
  kTooLong,    ///< Longer than kMaxMessage, or more than kMaxMessagesPerStream.
  kTruncated,  ///< It ended within a message.
  kTimeout,    ///< kMessageTime passed without a whole message.
};

/// A machine in the sense of base/machine.h that has nothing to write. Take what is there with poll_message() after
/// each piece: no more than one message and its length is held, so bytes beyond are handed in again by `taken`.
class Reader {
 public:
  explicit Reader(Instant now) : deadline_(now + kMessageTime) {}

  /// How many of `bytes` were taken. Fewer than all: poll_message() has one, hand in the rest after it.
  std::size_t handle_bytes(Instant now, ByteView bytes);
  /// The peer will send no more.
  void handle_end(Instant now);
  void handle_timeout(Instant now);

  [[nodiscard]] std::optional<Message> poll_message();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] const std::optional<ReadError>& error() const { return error_; }
  [[nodiscard]] bool is_ended() const { return ended_; }

 private:
  void read(Instant now);

  Instant deadline_;
  Bytes held_;
  std::optional<Message> ready_;
  std::size_t messages_ = 0;
  std::optional<ReadError> error_;
  bool ended_ = false;
};

}  // namespace turnpike::kad
