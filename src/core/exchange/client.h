// The asking end of one /turnpike/store/1 stream: requests out, headers and body views in. No I/O, no clock.
#pragma once

#include <deque>
#include <optional>
#include <variant>

#include "core/exchange/frame.h"
#include "core/exchange/message.h"

namespace turnpike::exchange {

constexpr std::size_t kMaxPipelined = 16;  ///< Requests without a whole answer, on one stream.

/// Answers come in the order of the requests. A body is never collected: its bytes pass through as views.
class Client {
 public:
  /// The header that answers the oldest open request; checked against what was asked.
  struct Answered {
    Header header;
  };
  /// The next bytes of the body, a view into what read() was given. `last`: the request is done with.
  struct Body {
    ByteView bytes;
    bool last = false;
  };
  using Event = std::variant<Answered, Body>;

  /// Whether another request may be pipelined now.
  [[nodiscard]] bool can_ask() const { return open_.size() < kMaxPipelined && !failed_; }
  /// Returns what must be written to the stream. The request must be answerable and can_ask() true.
  [[nodiscard]] Bytes ask(Request request);

  /// Takes one event off the front of `in`, and `in` with it. Nothing: `in` is used up. An answer without a body is
  /// Answered and then a last Body of no bytes. After an error the stream is of no further use.
  [[nodiscard]] Result<std::optional<Event>, ProtocolError> read(ByteView& in);
  /// The stream ended. kTruncated when answers were still due.
  [[nodiscard]] Status<ProtocolError> finish() const;

  [[nodiscard]] std::size_t open_requests() const { return open_.size(); }

 private:
  [[nodiscard]] static bool fits(const Request& request, const Header& header);

  std::deque<Request> open_;
  FrameReader frames_{kMaxHeaderSize};
  std::optional<std::uint64_t> body_left_;  ///< Set between a header and the last byte of its body.
  bool failed_ = false;
};

}  // namespace turnpike::exchange
