// One live WebSocket: frames in and out of a pipe, liveness, and the two ends of its life.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "io/loop/event.h"
#include "io/tcp/buffer_pool.h"
#include "io/tcp/byte_pipe.h"
#include "io/websocket/frame.h"
#include "io/websocket/limits.h"

namespace turnpike::io {

enum class WebSocketRole : std::uint8_t { kClient, kServer };

/// What WebSocket and its pipe view share, and the coroutines that run beside them: each holds it while it runs.
class WebSocketCore : public std::enable_shared_from_this<WebSocketCore> {
 public:
  WebSocketCore(std::unique_ptr<BytePipe> lower, WebSocketRole role, WebSocketLimits limits,
                const asio::any_io_executor& loop);

  /// Begins to watch the peer. Not from the constructor: it needs shared_from_this.
  void start();

  asio::awaitable<Result<Bytes, IoError>> read_message();
  /// Payload of whatever message; borders are not told.
  asio::awaitable<Result<std::size_t, IoError>> read_stream(std::span<std::uint8_t> into);
  /// Ends when `read_stream` would have payload.
  asio::awaitable<Status<IoError>> wait_payload();

  asio::awaitable<Status<IoError>> transmit(ByteView head, ByteView body);
  Status<IoError> enqueue(Bytes message);
  asio::awaitable<void> finish(CloseCode code, std::string reason);
  /// Abrupt, unless the connection is already ending in order: that takes kFinishTime at most.
  void close();

  [[nodiscard]] std::uint16_t peer_close_code() const { return peer_code_; }
  [[nodiscard]] std::size_t queued() const { return queued_; }
  [[nodiscard]] Endpoint remote() const { return lower_->remote(); }

 private:
  struct Reading;

  asio::awaitable<Result<bool, IoError>> open_frame();
  asio::awaitable<Result<std::size_t, IoError>> read_part(std::span<std::uint8_t> into);
  asio::awaitable<Status<IoError>> fill();
  [[nodiscard]] Result<bool, IoError> take_head();
  [[nodiscard]] Status<IoError> take_control(const ParsedHead& parsed);
  void answer_ping(ByteView payload);
  void advance(std::size_t size);
  [[nodiscard]] Failure<IoError> break_off(CloseCode code, IoError error);
  [[nodiscard]] Failure<IoError> lose(IoError error);

  asio::awaitable<Status<IoError>> write_frame(Opcode opcode, ByteView head, ByteView body);
  asio::awaitable<Status<IoError>> write_locked(Opcode opcode, ByteView head, ByteView body);
  asio::awaitable<Status<IoError>> write_masked(Opcode opcode, ByteView head, ByteView body);
  void queue_control(Opcode opcode, ByteView payload);
  void start_flushing();
  static asio::awaitable<void> flush(std::shared_ptr<WebSocketCore> core);
  static asio::awaitable<void> end(std::shared_ptr<WebSocketCore> core, std::uint16_t code, std::string reason);
  static asio::awaitable<void> watch(std::shared_ptr<WebSocketCore> core);
  void start_ending(std::uint16_t code, std::string reason);

  asio::any_io_executor loop_;
  std::unique_ptr<BytePipe> lower_;
  WebSocketRole role_;
  WebSocketLimits limits_;

  // Reading: the frame we are in, and whether its message goes on after it.
  PooledQueue in_;
  FrameHead frame_;
  std::uint64_t offset_ = 0;  // in the frame's payload
  bool in_frame_ = false;
  bool in_message_ = false;
  bool reading_ = false;

  // Writing: one frame at a time. Control frames wait, encoded, for the gap between two.
  std::deque<Bytes> queue_;
  std::size_t queued_ = 0;
  Bytes control_;
  Event written_;
  bool writing_ = false;
  bool flushing_ = false;

  // The end. `over_` is set once, with why.
  std::optional<IoError> over_;
  std::uint16_t peer_code_ = 0;
  bool close_sent_ = false;
  bool finishing_ = false;
  bool ending_ = false;
  Event changed_;

  // Liveness.
  asio::steady_timer tick_;
  Instant received_;
  Instant sent_;
  bool dead_ = false;
};

}  // namespace turnpike::io
