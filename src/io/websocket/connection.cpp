#include "io/websocket/connection.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "crypto/random.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

/// Payload goes straight into the reader's buffer when there is this much of it and of the buffer.
constexpr std::size_t kDirectRead = std::size_t{32} << 10U;
/// Encoded control frames waiting to be sent. A peer that pings on and on without reading is answered no more.
constexpr std::size_t kMaxControlQueued = 1024;
/// A message grows by so much before its bytes are there, whatever length its frame announces.
constexpr std::size_t kMessageStep = std::size_t{64} << 10U;

Mask fresh_mask() {
  Mask mask{};
  crypto::SecureRandom random;
  random.fill(mask);
  return mask;
}

}  // namespace

/// The time during which somebody waits for the peer's bytes: only then does its silence mean anything.
struct WebSocketCore::Reading {
  explicit Reading(WebSocketCore& of) : core(of) {
    core.reading_ = true;
    core.received_ = std::max(core.received_, now());
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() {
    core.reading_ = false;
    core.changed_.set();
  }
  WebSocketCore& core;
};

WebSocketCore::WebSocketCore(std::unique_ptr<BytePipe> lower, WebSocketRole role, WebSocketLimits limits,
                             const asio::any_io_executor& loop)
    : loop_(loop),
      lower_(std::move(lower)),
      role_(role),
      limits_(limits),
      written_(loop),
      changed_(loop),
      tick_(loop),
      received_(now()),
      sent_(received_) {}

void WebSocketCore::start() { asio::co_spawn(loop_, watch(shared_from_this()), asio::detached); }

// --- Reading ---------------------------------------------------------------------------------------------------------

asio::awaitable<Status<IoError>> WebSocketCore::fill() {
  BytePipe& lower = *lower_;
  in_.shrink();  // half a frame's head is no reason to hold a large buffer for long
  const auto ready = co_await lower.wait_readable();
  if (!ready) co_return lose(ready.error());
  const auto got = co_await lower.read_some(in_.writable());
  if (!got) {
    in_.consume(0);
    co_return lose(got.error());
  }
  in_.commit(*got);
  received_ = now();
  co_return Ok{};
}

Failure<IoError> WebSocketCore::lose(IoError error) {
  if (over_) return fail(*over_);
  over_ = dead_ ? IoError::kTimeout : error;
  if (peer_code_ == 0) peer_code_ = 1006;
  close();
  return fail(*over_);
}

Failure<IoError> WebSocketCore::break_off(CloseCode code, IoError error) {
  over_ = error;
  start_ending(static_cast<std::uint16_t>(code), {});
  return fail(error);
}

/// Reads on until payload is due (true) or a message has ended (false).
asio::awaitable<Result<bool, IoError>> WebSocketCore::open_frame() {
  const Reading reading(*this);
  for (;;) {
    if (over_) co_return fail(*over_);
    if (in_frame_ && finishing_) {  // nobody is interested any more
      const std::size_t size = std::min<std::uint64_t>(frame_.length - offset_, in_.size());
      in_.consume(size);
      advance(size);
    } else if (in_frame_ && offset_ < frame_.length) {
      co_return true;
    }
    if (in_frame_ && offset_ == frame_.length) {
      in_frame_ = false;
      in_message_ = !frame_.is_final;
      if (frame_.is_final && !finishing_) co_return false;
      continue;
    }
    if (!in_frame_) {
      const auto took = take_head();
      if (!took) co_return fail(took.error());
      if (*took) continue;
    }
    const auto filled = co_await fill();
    if (!filled) co_return fail(filled.error());
  }
}

/// False while more bytes are needed.
Result<bool, IoError> WebSocketCore::take_head() {
  const auto parsed = parse_head(in_.readable());
  if (!parsed) return break_off(CloseCode::kProtocolError, IoError::kProtocol);
  if (!*parsed) return false;
  const FrameHead& head = (*parsed)->head;
  // §5.1: clients mask, servers do not.
  if (head.mask.has_value() != (role_ == WebSocketRole::kServer)) {
    return break_off(CloseCode::kProtocolError, IoError::kProtocol);
  }
  if (is_control(head.opcode)) {
    if (in_.size() < (*parsed)->size + head.length) return false;
    const auto took = take_control(**parsed);
    if (!took) return fail(took.error());
    return true;
  }
  if ((head.opcode == Opcode::kContinuation) != in_message_) {
    return break_off(CloseCode::kProtocolError, IoError::kProtocol);
  }
  in_.consume((*parsed)->size);
  frame_ = head;
  offset_ = 0;
  in_frame_ = true;
  in_message_ = true;
  return true;
}

Status<IoError> WebSocketCore::take_control(const ParsedHead& parsed) {
  std::array<std::uint8_t, kMaxControlPayload> storage{};
  const auto payload = std::span(storage).first(static_cast<std::size_t>(parsed.head.length));
  const ByteView raw = in_.readable().subspan(parsed.size, payload.size());
  copy_masked(raw, payload, parsed.head.mask.value_or(Mask{}), 0);
  in_.consume(parsed.size + payload.size());
  if (parsed.head.opcode == Opcode::kPing) answer_ping(payload);
  if (parsed.head.opcode != Opcode::kClose) return Ok{};
  const auto code = parse_close(payload);
  if (!code) return break_off(CloseCode::kProtocolError, IoError::kProtocol);
  peer_code_ = *code;
  over_ = IoError::kClosed;
  start_ending(*code, {});
  return fail(IoError::kClosed);
}

void WebSocketCore::answer_ping(ByteView payload) {
  if (!close_sent_) queue_control(Opcode::kPong, payload);
}

void WebSocketCore::advance(std::size_t size) { offset_ += size; }

/// In a frame with payload left.
asio::awaitable<Result<std::size_t, IoError>> WebSocketCore::read_part(std::span<std::uint8_t> into) {
  const Reading reading(*this);
  const std::uint64_t left = frame_.length - offset_;
  into = into.first(std::min<std::uint64_t>(into.size(), left));
  const Mask mask = frame_.mask.value_or(Mask{});
  if (in_.empty() && into.size() >= kDirectRead) {
    const auto got = co_await lower_->read_some(into);
    if (!got) co_return lose(got.error());
    received_ = now();
    if (frame_.mask) apply_mask(into.first(*got), mask, offset_);
    advance(*got);
    co_return *got;
  }
  if (in_.empty()) {
    const auto filled = co_await fill();
    if (!filled) co_return fail(filled.error());
  }
  const std::size_t size = std::min(into.size(), in_.size());
  copy_masked(in_.readable().first(size), into, mask, offset_);
  in_.consume(size);
  advance(size);
  co_return size;
}

asio::awaitable<Result<Bytes, IoError>> WebSocketCore::read_message() {
  const auto self = shared_from_this();  // the WebSocket may be dropped meanwhile
  Bytes message;
  for (;;) {
    const auto opened = co_await open_frame();
    if (!opened) co_return fail(opened.error());
    if (!*opened) co_return message;
    const std::uint64_t left = frame_.length - offset_;
    if (left > limits_.max_message - message.size()) co_return break_off(CloseCode::kTooBig, IoError::kLimit);
    const std::size_t had = message.size();
    message.resize(had + static_cast<std::size_t>(std::min<std::uint64_t>(left, kMessageStep)));
    const auto got = co_await read_part(std::span(message).subspan(had));
    if (!got) co_return fail(got.error());
    message.resize(had + *got);
  }
}

asio::awaitable<Status<IoError>> WebSocketCore::wait_payload() {
  const auto self = shared_from_this();
  for (;;) {
    const auto opened = co_await open_frame();
    if (!opened) co_return fail(opened.error());
    if (*opened) co_return Ok{};
  }
}

asio::awaitable<Result<std::size_t, IoError>> WebSocketCore::read_stream(std::span<std::uint8_t> into) {
  const auto self = shared_from_this();
  const auto ready = co_await wait_payload();
  if (!ready) co_return fail(ready.error());
  co_return co_await read_part(into);
}

// --- Writing ---------------------------------------------------------------------------------------------------------

asio::awaitable<Status<IoError>> WebSocketCore::transmit(ByteView head, ByteView body) {
  const auto self = shared_from_this();
  co_return co_await write_frame(Opcode::kBinary, head, body);
}

asio::awaitable<Status<IoError>> WebSocketCore::write_frame(Opcode opcode, ByteView head, ByteView body) {
  const bool is_close = opcode == Opcode::kClose;
  while (writing_) {
    co_await written_.wait();
  }
  const bool may_write = !close_sent_ && (!over_ || is_close);
  if (!may_write) co_return fail(over_.value_or(IoError::kClosed));
  writing_ = true;
  written_.reset();
  auto wrote = co_await write_locked(opcode, head, body);
  writing_ = false;
  written_.set();
  if (!wrote) co_return lose(wrote.error());
  co_return wrote;
}

asio::awaitable<Status<IoError>> WebSocketCore::write_locked(Opcode opcode, ByteView head, ByteView body) {
  const Bytes control = std::exchange(control_, Bytes());
  if (opcode == Opcode::kClose) close_sent_ = true;
  if (!control.empty()) {
    const auto told = co_await lower_->write(control);
    if (!told) co_return told;
  }
  sent_ = now();
  if (head.empty() && opcode == Opcode::kPong) co_return Ok{};  // it was the control frames that had to go
  if (role_ == WebSocketRole::kClient) co_return co_await write_masked(opcode, head, body);
  EncodedHead encoded = encode_head({true, opcode, std::nullopt, head.size() + body.size()});
  if (head.empty()) co_return co_await lower_->write_both(encoded.view(), body);
  Bytes start = copy_of(encoded.view());
  start.insert(start.end(), head.begin(), head.end());
  co_return co_await lower_->write_both(start, body);
}

/// A client's payload is masked in a buffer of our own, a buffer at a time.
asio::awaitable<Status<IoError>> WebSocketCore::write_masked(Opcode opcode, ByteView head, ByteView body) {
  const Mask mask = fresh_mask();
  const EncodedHead encoded = encode_head({true, opcode, mask, head.size() + body.size()});
  PooledBuffer buffer = PooledBuffer::take();
  std::ranges::copy(encoded.view(), buffer.span().begin());
  std::size_t filled = encoded.size;
  std::uint64_t offset = 0;
  for (ByteView* const part : {&head, &body}) {
    while (!part->empty()) {
      if (filled == buffer.span().size()) {
        const auto wrote = co_await lower_->write(buffer.span());
        if (!wrote) co_return wrote;
        filled = 0;
      }
      const std::size_t size = std::min(part->size(), buffer.span().size() - filled);
      copy_masked(part->first(size), buffer.span().subspan(filled), mask, offset);
      *part = part->subspan(size);
      filled += size;
      offset += size;
    }
  }
  co_return co_await lower_->write(buffer.span().first(filled));
}

Status<IoError> WebSocketCore::enqueue(Bytes message) {
  if (over_ || finishing_) return fail(over_.value_or(IoError::kClosed));
  if (queued_ > 0 && queued_ + message.size() > limits_.max_queued) return fail(IoError::kLimit);
  queued_ += message.size();
  queue_.push_back(std::move(message));
  start_flushing();
  return Ok{};
}

void WebSocketCore::queue_control(Opcode opcode, ByteView payload) {
  if (control_.size() + kMaxFrameHead + payload.size() > kMaxControlQueued) return;
  std::optional<Mask> mask;
  if (role_ == WebSocketRole::kClient) mask = fresh_mask();
  const auto head = encode_head({true, opcode, mask, payload.size()});
  control_.insert(control_.end(), head.view().begin(), head.view().end());
  const std::size_t at = control_.size();
  control_.resize(at + payload.size());
  copy_masked(payload, std::span(control_).subspan(at), mask.value_or(Mask{}), 0);
  start_flushing();
}

void WebSocketCore::start_flushing() {
  if (flushing_ || over_) return;
  flushing_ = true;
  asio::co_spawn(loop_, flush(shared_from_this()), asio::detached);
}

asio::awaitable<void> WebSocketCore::flush(std::shared_ptr<WebSocketCore> core) {
  const ByteView none;
  while (!core->over_ && (!core->queue_.empty() || !core->control_.empty())) {
    if (core->queue_.empty()) {
      const auto wrote = co_await core->write_frame(Opcode::kPong, none, none);
      if (!wrote) break;
      continue;
    }
    const Bytes message = std::move(core->queue_.front());
    core->queue_.pop_front();
    const auto wrote = co_await core->write_frame(Opcode::kBinary, none, message);
    core->queued_ -= message.size();
    if (!wrote) break;
  }
  core->flushing_ = false;
  core->changed_.set();
}

// --- The end ---------------------------------------------------------------------------------------------------------

void WebSocketCore::close() {
  if (!over_) over_ = IoError::kClosed;
  tick_.cancel();
  changed_.set();
  if (!ending_) lower_->close();
}

void WebSocketCore::start_ending(std::uint16_t code, std::string reason) {
  if (ending_) return;
  ending_ = true;
  tick_.cancel();
  changed_.set();
  asio::co_spawn(loop_, end(shared_from_this(), code, std::move(reason)), asio::detached);
}

/// Our close frame, if it is not sent, and the end of the carrier.
asio::awaitable<void> WebSocketCore::end(std::shared_ptr<WebSocketCore> core, std::uint16_t code, std::string reason) {
  Deadline patience(core->loop_, [core] { core->lower_->close(); });
  patience.arm(kFinishTime);
  if (!core->close_sent_) {
    const Bytes payload = code == 1005 ? Bytes() : encode_close(code, reason);
    const ByteView none;
    const auto told = co_await core->write_frame(Opcode::kClose, none, payload);
    if (!told) core->lower_->close();
  }
  co_await core->lower_->finish();
}

asio::awaitable<void> WebSocketCore::finish(CloseCode code, std::string reason) {
  const auto core = shared_from_this();
  if (over_ || finishing_) co_return;
  Deadline patience(loop_, [core] { core->lower_->close(); });
  patience.arm(kFinishTime);
  while (!over_ && (flushing_ || !queue_.empty())) {
    changed_.reset();
    co_await changed_.wait();
  }
  finishing_ = true;
  const Bytes payload = encode_close(static_cast<std::uint16_t>(code), reason);
  const ByteView none;
  const auto told = co_await write_frame(Opcode::kClose, none, payload);
  // The peer answers with its own close frame; whoever reads at the time sees it.
  while (told && !over_) {
    if (reading_) {
      changed_.reset();
      co_await changed_.wait();
    } else {
      const auto drained = co_await open_frame();
      if (!drained) break;
    }
  }
  if (!over_) over_ = IoError::kClosed;
  start_ending(1000, {});
}

asio::awaitable<void> WebSocketCore::watch(std::shared_ptr<WebSocketCore> core) {
  const Duration interval = core->limits_.ping_after / 2;
  while (!core->over_) {
    core->tick_.expires_after(interval);
    co_await core->tick_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (core->over_) break;
    const Instant time = now();
    if (core->reading_ && time - core->received_ >= core->limits_.dead_after) {
      core->dead_ = true;
      core->lower_->close();
      break;
    }
    const Instant quiet = std::min(core->received_, core->sent_);
    if (time - quiet >= core->limits_.ping_after) core->queue_control(Opcode::kPing, {});
  }
}

}  // namespace turnpike::io
