// The side that asks whether it can be reached at addresses of its own.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "core/autonat/message.h"
#include "core/exchange/frame.h"

namespace turnpike::autonat {

constexpr Duration kAnswerTime = std::chrono::seconds(45);  ///< Data, dial-back and all.

/// The server's fault but for kTimeout.
enum class ClientError : std::uint8_t {
  kMalformed,
  kTooMuch,  ///< More data than kMaxData, or asked for twice.
  kEnded,    ///< Without an answer.
  kTimeout,
};

/// One request's stream: a machine in the sense of base/machine.h.
class Client {
 public:
  Client(Instant now, const std::vector<multiaddr::Multiaddr>& addresses, std::uint64_t nonce);

  void handle_bytes(ByteView bytes);
  void handle_end();
  void handle_timeout(Instant now);

  /// Data is made as it is written: drain it only as fast as the stream takes it.
  [[nodiscard]] std::optional<Bytes> poll_write();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] const std::optional<Result<DialResponse, ClientError>>& result() const { return result_; }

 private:
  std::size_t addresses_;
  Instant deadline_;
  exchange::FrameReader frames_{kMaxMessage};
  std::optional<Bytes> request_;
  bool gave_data_ = false;
  std::uint64_t data_left_ = 0;
  std::optional<Result<DialResponse, ClientError>> result_;
};

}  // namespace turnpike::autonat
