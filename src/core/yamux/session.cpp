#include "core/yamux/session.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace turnpike::yamux {
namespace {

/// Frames with smaller bodies are gathered into one message; larger ones leave as they were written.
constexpr std::size_t kGatherBelow = 8U << 10U;
/// A writer is woken when this much fits, or all that its window lets it have.
constexpr std::size_t kWakeRoom = 64U << 10U;
/// The last id must leave room for one more step of two.
constexpr std::uint32_t kLastId = std::numeric_limits<std::uint32_t>::max() - 2;

bool is_odd(std::uint32_t id) { return id % 2 == 1; }

}  // namespace

Session::Session(Instant now, const SessionConfig& config)
    : config_(config),
      now_(now),
      keep_alive_(now, config.keepalive, config.patience),
      next_id_(config.side == Side::kDialer ? 1 : 2),
      budget_(config.receive_cap) {
  ping_if_due();
}

Session::Stream* Session::find(std::uint32_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

const Session::Stream* Session::find(std::uint32_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

Session::Stream* Session::add(std::uint32_t id, bool inbound) {
  if (!budget_.take(kInitialWindow)) return nullptr;
  Stream& stream = streams_.emplace(id, Stream(now_)).first->second;
  stream.inbound = inbound;
  stream.acknowledged = inbound;
  inbound_ += inbound ? 1 : 0;
  unacknowledged_ += inbound ? 0 : 1;
  return &stream;
}

void Session::remove(std::uint32_t id) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  unread_ -= stream->received.size();
  stream->received.clear(receive_pool_);
  queued_ -= stream->queue.size();
  budget_.give(stream->receive_window.window());
  inbound_ -= stream->inbound ? 1 : 0;
  unacknowledged_ -= stream->acknowledged ? 0 : 1;
  streams_.erase(id);
  wake_writers();
}

void Session::remove_if_ended(std::uint32_t id) {
  const Stream* const stream = find(id);
  if (stream == nullptr || !stream->fin_sent || !stream->peer_finished || stream->received.size() > 0) return;
  remove(id);
  emit(Event::Kind::kEnded, id);
}

void Session::end_streams() {
  streams_.clear();
  inbound_ = unacknowledged_ = unread_ = queued_ = 0;
  budget_ = WindowBudget(config_.receive_cap);
  control_.clear();
  credits_.clear();
  turns_.clear();
  urgent_turns_.clear();
  wanting_room_.clear();
}

void Session::fail_with(Failure failure) {
  if (failure_) return;
  failure_ = failure;
  end_streams();
  const bool is_peers_breach =
      failure == Failure::kBadFrame || failure == Failure::kWindowExceeded || failure == Failure::kFlooded;
  if (is_peers_breach) {
    control_.push_back({FrameType::kGoAway, 0, 0, static_cast<std::uint32_t>(GoAwayCode::kProtocolError)});
  }
}

// Receiving

Bytes Session::receive_buffer(std::size_t size) {
  Bytes buffer = receive_pool_.take();
  if (buffer.size() < size) buffer.resize(size);
  return buffer;
}

void Session::handle_bytes(Instant now, Bytes storage, std::size_t begin, std::size_t end) {
  now_ = now;
  keep_alive_.handle_bytes();
  while (begin < end && !failure_ && !gone_) {
    if (body_left_ == 0) {
      ByteView in = ByteView(storage).subspan(begin, end - begin);
      read_header_part(in);
      begin = end - in.size();
      continue;
    }
    const std::size_t size = std::min<std::size_t>(body_left_, end - begin);
    body_left_ -= static_cast<std::uint32_t>(size);
    if (ReceiveBuffer::worth_keeping(size, storage.size()) && find(body_stream_) != nullptr) {
      Bytes rest(storage.begin() + static_cast<std::ptrdiff_t>(begin + size),
                 storage.begin() + static_cast<std::ptrdiff_t>(end));
      deliver_in_place(std::exchange(storage, std::move(rest)), begin, size);
      begin = 0;
      end = storage.size();
    } else {
      deliver(ByteView(storage).subspan(begin, size));
      begin += size;
    }
    if (body_left_ == 0) end_body();
  }
  receive_pool_.give(std::move(storage));
}

void Session::read_header_part(ByteView& in) {
  const ByteView piece = in.first(std::min(in.size(), kHeaderSize - header_size_));
  std::copy(piece.begin(), piece.end(), header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
  header_size_ += piece.size();
  in = in.subspan(piece.size());
  if (header_size_ < kHeaderSize) return;
  header_size_ = 0;
  const auto header = read_header(header_);
  if (!header) return fail_with(Failure::kBadFrame);
  handle_header(*header);
}

void Session::deliver(ByteView body) {
  Stream* const stream = find(body_stream_);
  if (stream == nullptr) return;
  if (stream->received.size() == 0) emit(Event::Kind::kReadable, body_stream_);
  stream->received.append(body);
  unread_ += body.size();
}

void Session::deliver_in_place(Bytes storage, std::size_t begin, std::size_t size) {
  Stream* const stream = find(body_stream_);
  if (stream->received.size() == 0) emit(Event::Kind::kReadable, body_stream_);
  stream->received.adopt(std::move(storage), begin, size);
  unread_ += size;
}

void Session::end_body() {
  if (std::exchange(body_ends_stream_, false)) handle_fin(body_stream_);
  body_stream_ = 0;
}

void Session::handle_header(const FrameHeader& header) {
  switch (header.type) {
    case FrameType::kPing:
      return handle_ping(header);
    case FrameType::kGoAway:
      return handle_go_away(header);
    case FrameType::kData:
    case FrameType::kWindowUpdate:
      return handle_stream_frame(header);
  }
}

void Session::handle_ping(const FrameHeader& header) {
  if (header.stream != 0) return fail_with(Failure::kBadFrame);
  if (header.flags == kSyn) {
    answer({FrameType::kPing, kAck, 0, header.length});
  } else if (header.flags == kAck) {
    keep_alive_.handle_pong(now_, header.length);
  } else {
    fail_with(Failure::kBadFrame);
  }
}

void Session::handle_go_away(const FrameHeader& header) {
  if (header.stream != 0) return fail_with(Failure::kBadFrame);
  const bool is_normal = header.length == static_cast<std::uint32_t>(GoAwayCode::kNormal);
  fail_with(is_normal ? Failure::kPeerClosed : Failure::kPeerError);
}

void Session::handle_stream_frame(const FrameHeader& header) {
  const bool is_data = header.type == FrameType::kData;
  if (header.stream == 0) return fail_with(Failure::kBadFrame);
  if ((header.flags & kSyn) != 0) handle_syn(header);
  if (failure_) return;
  if (is_data) {
    body_left_ = header.length;
    body_stream_ = 0;  // skipped, unless all below is well
  }
  Stream* const stream = find(header.stream);
  if (stream == nullptr) return;  // gone already: what is still under way is ordinary

  if ((header.flags & kAck) != 0 && !std::exchange(stream->acknowledged, true)) --unacknowledged_;
  if (is_data && header.length > 0) {
    if (stream->peer_finished) return fail_with(Failure::kBadFrame);
    if (!stream->receive_window.receive(header.length)) return fail_with(Failure::kWindowExceeded);
  }
  if (!is_data) handle_credit(*stream, header.length);
  if ((header.flags & kRst) != 0) {
    remove(header.stream);
    emit(Event::Kind::kReset, header.stream);
    return;
  }
  const bool is_last = (header.flags & kFin) != 0;
  if (is_data && header.length > 0) {
    body_stream_ = header.stream;
    body_ends_stream_ = is_last;
  } else if (is_last) {
    handle_fin(header.stream);
  }
}

void Session::handle_syn(const FrameHeader& header) {
  const bool is_theirs = is_odd(header.stream) == (config_.side == Side::kListener);
  if (!is_theirs || has(header.stream)) return fail_with(Failure::kBadFrame);
  if (inbound_ >= config_.inbound_streams || add(header.stream, true) == nullptr) {
    return answer({FrameType::kWindowUpdate, kRst, header.stream, 0});
  }
  emit(Event::Kind::kOpened, header.stream);
  answer({FrameType::kWindowUpdate, kAck, header.stream, 0});
}

void Session::handle_credit(Stream& stream, std::uint32_t credit) {
  if (credit == 0) return;
  // A window beyond what a frame can count is no use to anyone.
  stream.send_window = std::min<std::uint64_t>(stream.send_window + credit, std::numeric_limits<std::uint32_t>::max());
  wake_writers();
}

void Session::handle_fin(std::uint32_t id) {
  Stream* const stream = find(id);
  if (stream == nullptr || std::exchange(stream->peer_finished, true)) return;
  emit(Event::Kind::kFinished, id);
  remove_if_ended(id);
}

void Session::answer(const FrameHeader& header) {
  if (control_.size() >= kMaxControlFrames) return fail_with(Failure::kFlooded);
  control_.push_back(header);
}

// Time

void Session::handle_timeout(Instant now) {
  now_ = now;
  if (failure_ || gone_) return;
  if (keep_alive_.is_dead(now)) return fail_with(Failure::kSilent);
  ping_if_due();
  if (queued_ == 0 && unread_ == 0) {  // an idle connection keeps no buffers beyond its next ping
    send_pool_.clear();
    receive_pool_.clear();
  }
}

void Session::ping_if_due() {
  if (const auto value = keep_alive_.poll_ping(now_)) control_.push_back({FrameType::kPing, kSyn, 0, *value});
}

std::optional<Instant> Session::poll_timeout() const {
  if (failure_ || gone_) return std::nullopt;
  return keep_alive_.deadline();
}

// Verbs

std::optional<std::uint32_t> Session::open(std::uint32_t window) {
  const bool may_open = !failure_ && !gone_ && streams_.size() - inbound_ < config_.outbound_streams &&
                        unacknowledged_ < kAckBacklog && next_id_ < kLastId;
  Stream* const stream = may_open ? add(next_id_, false) : nullptr;
  if (stream == nullptr) return std::nullopt;
  const std::uint32_t id = std::exchange(next_id_, next_id_ + 2);
  const std::uint32_t credit = stream->receive_window.widen(std::min(window, config_.max_window), budget_);
  control_.push_back({FrameType::kWindowUpdate, kSyn, id, credit});
  return id;
}

void Session::widen(std::uint32_t id, std::uint32_t window) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->peer_finished) return;
  const std::uint32_t credit = stream->receive_window.widen(std::min(window, config_.max_window), budget_);
  if (credit > 0 && stream->credit_due == 0) credits_.push_back(id);
  stream->credit_due += credit;
}

void Session::end_frame(std::uint32_t id) {
  if (Stream* const stream = find(id)) stream->queue.cut();
}

void Session::set_urgent(std::uint32_t id) {
  if (Stream* const stream = find(id)) stream->urgent = true;
}

std::size_t Session::window_of(const Stream& stream) {
  return stream.finishing ? 0 : static_cast<std::size_t>(stream.send_window) - stream.queue.size();
}

std::size_t Session::room_of(const Stream& stream) const {
  const std::size_t held = stream.queue.size();
  const std::size_t own = config_.max_queued_per_stream - std::min(held, config_.max_queued_per_stream);
  if (stream.urgent) return std::min(window_of(stream), own);
  const std::size_t shared = config_.max_queued - std::min(queued_, config_.max_queued);
  return std::min({window_of(stream), own, shared});
}

std::size_t Session::writable(std::uint32_t id) const {
  const Stream* const stream = find(id);
  return stream == nullptr ? 0 : room_of(*stream);
}

std::size_t Session::write(std::uint32_t id, ByteView bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->finishing) return 0;
  const ByteView taken = bytes.first(std::min(bytes.size(), room_of(*stream)));
  enqueue(id, *stream, taken, stream->urgent);
  if (taken.size() < bytes.size() && !std::exchange(stream->wants_room, true)) wanting_room_.push_back(id);
  return taken.size();
}

bool Session::write_first(std::uint32_t id, ByteView bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr || bytes.size() > window_of(*stream)) return false;
  enqueue(id, *stream, bytes, true);
  return true;
}

void Session::enqueue(std::uint32_t id, Stream& stream, ByteView bytes, bool urgent) {
  stream.queue.append(bytes, config_.framing, send_pool_);
  queued_ += bytes.size();
  if (!stream.queue.empty() && !std::exchange(stream.in_turn, true)) (urgent ? urgent_turns_ : turns_).push_back(id);
}

void Session::finish(std::uint32_t id) {
  Stream* const stream = find(id);
  if (stream == nullptr || std::exchange(stream->finishing, true)) return;
  if (stream->queue.empty()) send_fin(id, *stream);
}

void Session::send_fin(std::uint32_t id, Stream& stream) {
  stream.fin_sent = true;
  control_.push_back({FrameType::kWindowUpdate, kFin, id, 0});
  remove_if_ended(id);
}

void Session::reset(std::uint32_t id) {
  if (!has(id)) return;
  remove(id);
  control_.push_back({FrameType::kWindowUpdate, kRst, id, 0});
}

void Session::consume(Instant now, std::uint32_t id, std::size_t size) {
  now_ = now;
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  size = std::min(size, stream->received.size());
  stream->received.consume(size, receive_pool_);
  unread_ -= size;
  if (stream->peer_finished) return remove_if_ended(id);
  const std::size_t announced = body_stream_ == id ? body_left_ : 0;
  const std::uint32_t credit = stream->receive_window.credit(now, stream->received.size() + announced,
                                                             keep_alive_.round_trip(), config_.max_window, budget_);
  if (credit > 0 && stream->credit_due == 0) credits_.push_back(id);
  stream->credit_due += credit;
}

void Session::go_away() {
  if (failure_ || std::exchange(gone_, true)) return;
  end_streams();
  control_.push_back({FrameType::kGoAway, 0, 0, static_cast<std::uint32_t>(GoAwayCode::kNormal)});
}

// Sending

std::optional<Bytes> Session::poll_frames() {
  Bytes out;
  if (!control_.empty() || !credits_.empty()) append_control(out);
  if (out.empty()) {
    const Stream* const stream = next_in_turn();
    if (stream == nullptr) return std::nullopt;
    if (stream->queue.front_body(config_.framing) >= kGatherBelow) {
      Bytes chunk = pop_chunk();
      chunk.resize(chunk.size() + config_.framing.tailroom);
      return chunk;
    }
    out.resize(config_.framing.headroom);
  }
  append_small_data(out);
  out.resize(out.size() + config_.framing.tailroom);
  return out;
}

void Session::append_small_data(Bytes& out) {
  const std::size_t limit = config_.framing.headroom + config_.framing.max_plain;
  while (const Stream* const stream = next_in_turn()) {
    const std::size_t body = stream->queue.front_body(config_.framing);
    if (body >= kGatherBelow || out.size() + kHeaderSize + body > limit) return;
    const Bytes chunk = pop_chunk();
    out.insert(out.end(), chunk.begin() + static_cast<std::ptrdiff_t>(config_.framing.headroom), chunk.end());
  }
}

void Session::append_control(Bytes& out) {
  const std::size_t limit = config_.framing.headroom + config_.framing.max_plain;
  const auto append = [&out, this](const FrameHeader& header) {
    if (out.empty()) out.resize(config_.framing.headroom);
    append_header(out, header);
  };
  while (!control_.empty() && out.size() + kHeaderSize <= limit) {
    append(control_.front());
    control_.pop_front();
  }
  while (!credits_.empty() && out.size() + kHeaderSize <= limit) {
    const std::uint32_t id = credits_.front();
    credits_.pop_front();
    Stream* const stream = find(id);
    if (stream == nullptr || stream->credit_due == 0) continue;  // gone, or told already
    append({FrameType::kWindowUpdate, 0, id, std::exchange(stream->credit_due, 0)});
  }
}

Session::Stream* Session::next_in_turn() {
  while (!urgent_turns_.empty()) {
    const std::uint32_t id = urgent_turns_.front();
    Stream* const stream = find(id);
    if (stream != nullptr && !stream->queue.empty()) {
      const bool is_bulk = !stream->urgent && stream->queue.front_body(config_.framing) >= kGatherBelow;
      if (!is_bulk) return stream;
      turns_.push_back(id);  // what agrees on its protocol shares a frame with its bulk, and waits with it
    }
    urgent_turns_.pop_front();
  }
  while (!turns_.empty()) {
    Stream* const stream = find(turns_.front());
    if (stream != nullptr && !stream->queue.empty()) return stream;
    turns_.pop_front();
  }
  return nullptr;
}

Bytes Session::pop_chunk() {
  std::deque<std::uint32_t>& turns = urgent_turns_.empty() ? turns_ : urgent_turns_;
  const std::uint32_t id = turns.front();
  turns.pop_front();
  Stream& stream = *find(id);
  Bytes chunk = stream.queue.pop(config_.framing);
  const std::size_t body = chunk.size() - config_.framing.body_at();
  write_header(std::span(chunk).subspan(config_.framing.headroom, kHeaderSize),
               {FrameType::kData, 0, id, static_cast<std::uint32_t>(body)});
  stream.send_window -= body;
  queued_ -= body;
  stream.in_turn = !stream.queue.empty();
  if (stream.in_turn) (stream.urgent ? urgent_turns_ : turns_).push_back(id);
  if (stream.finishing && !stream.in_turn) send_fin(id, stream);
  wake_writers();
  return chunk;
}

void Session::wake_writers() {
  std::erase_if(wanting_room_, [this](std::uint32_t id) {
    Stream* const stream = find(id);
    if (stream == nullptr || !stream->wants_room) return true;
    const std::size_t room = room_of(*stream);
    if (room == 0 || (room < kWakeRoom && !stream->queue.empty())) return false;
    stream->wants_room = false;
    emit(Event::Kind::kWritable, id);
    return true;
  });
}

// Getters

std::optional<Event> Session::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_.front();
  events_.pop_front();
  return event;
}

ByteView Session::readable(std::uint32_t id) const {
  const Stream* const stream = find(id);
  return stream == nullptr ? ByteView() : stream->received.front();
}

std::size_t Session::unread(std::uint32_t id) const {
  const Stream* const stream = find(id);
  return stream == nullptr ? 0 : stream->received.size();
}

bool Session::at_end(std::uint32_t id) const {
  const Stream* const stream = find(id);
  return stream == nullptr || (stream->peer_finished && stream->received.size() == 0);
}

}  // namespace turnpike::yamux
