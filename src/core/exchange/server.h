// The answering end of one /turnpike/store/1 stream: requests in, headers out, and a count of the body still owed.
#pragma once

#include <optional>

#include "core/exchange/frame.h"
#include "core/exchange/message.h"

namespace turnpike::exchange {

/// Serves one request after the other. Requests that are pipelined behind it stay unread in the stream's window, which
/// is therefore their limit.
class Server {
 public:
  /// Takes one request off the front of `in`, and `in` with it. Nothing: `in` is used up, or an answer is under way.
  /// A request that decodes but asks for what cannot be is answered by refusal(), not handed out.
  [[nodiscard]] Result<std::optional<Request>, ProtocolError> read(ByteView& in);

  /// The answer to the request last read: what must be written before `length` raw bytes.
  [[nodiscard]] Bytes accept(const store::Content& content, std::uint64_t length);
  [[nodiscard]] Bytes refuse(StatusCode status, const std::optional<store::Content>& content = {},
                             std::uint32_t retry_after_ms = 0);
  /// Counts body bytes off what accept() promised; more than owed is our own bug.
  void sent(std::uint64_t bytes);

  /// A header for a request that this machine refused by itself; to be written before read() is called again.
  [[nodiscard]] std::optional<Bytes> poll_refusal();
  [[nodiscard]] std::uint64_t owed() const { return owed_; }
  [[nodiscard]] bool is_answering() const { return current_.has_value() || owed_ > 0; }
  /// True where the stream may end without anything missing.
  [[nodiscard]] bool is_idle() const { return !is_answering() && !frames_.is_inside(); }

 private:
  std::optional<Request> current_;
  std::optional<Bytes> refusal_;
  FrameReader frames_{kMaxRequestSize};
  std::uint64_t owed_ = 0;
};

}  // namespace turnpike::exchange
