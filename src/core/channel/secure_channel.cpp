#include "core/channel/secure_channel.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include "core/channel/opening.h"
#include "core/multistream/negotiation.h"
#include "core/noise/transport.h"
#include "core/yamux/session.h"

namespace turnpike::channel {
namespace {

constexpr yamux::Framing kFraming{
    .headroom = noise::kLengthSize, .tailroom = crypto::kTagSize, .max_plain = noise::kMaxPlain};

std::uint32_t wire(StreamId id) { return static_cast<std::uint32_t>(id); }

noise::UpgradeConfig upgrade_config(const Config& config) {
  return {.role = config.role == Role::kInitiator ? noise::Role::kInitiator : noise::Role::kResponder,
          .identity = config.identity,
          .expected_peer = config.expected_peer,
          .muxers = {}};
}

yamux::SessionConfig session_config(const Config& config) {
  const Limits& limits = config.limits;
  return {.side = config.role == Role::kInitiator ? yamux::Side::kDialer : yamux::Side::kListener,
          .framing = kFraming,
          .inbound_streams = limits.inbound_streams,
          .outbound_streams = limits.outbound_streams,
          .max_window = std::max(limits.max_window, yamux::kInitialWindow),
          .receive_cap = limits.receive_cap,
          .max_queued = limits.max_queued,
          .max_queued_per_stream = limits.max_queued_per_stream,
          .keepalive = limits.keepalive,
          .patience = limits.liveness_timeout};
}

CloseReason reason_of(yamux::Failure failure) {
  switch (failure) {
    case yamux::Failure::kBadFrame:
      return CloseReason::kBadFrame;
    case yamux::Failure::kWindowExceeded:
      return CloseReason::kWindowExceeded;
    case yamux::Failure::kFlooded:
      return CloseReason::kFlooded;
    case yamux::Failure::kSilent:
      return CloseReason::kLivenessTimeout;
    case yamux::Failure::kPeerClosed:
      return CloseReason::kClosedByPeer;
    case yamux::Failure::kPeerError:
      return CloseReason::kPeerError;
  }
  return CloseReason::kBadFrame;
}

/// A stream and, until its protocol is agreed, one side of the negotiation.
struct Stream {
  bool inbound = false;
  Instant deadline;
  std::unique_ptr<multistream::Dialer> dialer;
  std::unique_ptr<multistream::Listener> listener;

  [[nodiscard]] bool is_agreed() const { return !dialer && !listener; }
  [[nodiscard]] multistream::Outcome outcome() const { return dialer ? dialer->outcome() : listener->outcome(); }
  [[nodiscard]] const std::string& protocol() const { return dialer ? dialer->protocol() : listener->protocol(); }
  void handle_bytes(ByteView& in) { dialer ? dialer->handle_bytes(in) : listener->handle_bytes(in); }
  Bytes poll_write() { return dialer ? dialer->poll_write() : listener->poll_write(); }
  void end_negotiation() {
    dialer.reset();
    listener.reset();
  }
};

}  // namespace

struct SecureChannel::State {
  State(Instant started, Config given, Random& random)
      : config(std::move(given)),
        now(started),
        handshake_deadline(started + config.limits.handshake_timeout),
        opening(std::make_unique<Opening>(upgrade_config(config), random)) {}

  Config config;
  Instant now;
  Instant heard = now;
  Instant handshake_deadline;
  std::unique_ptr<Opening> opening;  ///< Until established.
  Bytes last_of_opening;             ///< Goes out before anything of the session.
  std::unique_ptr<Opened> opened;
  std::unique_ptr<yamux::Session> session;
  std::string refused_security;
  std::optional<identity::PeerId> peer;
  std::unordered_map<std::uint32_t, Stream> streams;
  std::deque<std::pair<Instant, std::uint32_t>> negotiations;  ///< By deadline; those over are skipped.
  std::deque<Event> events;
  bool closing = false;
  std::optional<CloseReason> closed;

  [[nodiscard]] bool is_live() const { return session && !closing && !closed; }
  [[nodiscard]] bool is_wide(std::string_view protocol) const { return has(config.wide_protocols, protocol); }
  [[nodiscard]] bool is_urgent(std::string_view protocol) const { return has(config.urgent_protocols, protocol); }
  [[nodiscard]] static bool has(const std::vector<std::string>& protocols, std::string_view protocol) {
    return std::find(protocols.begin(), protocols.end(), protocol) != protocols.end();
  }
  Stream* find(std::uint32_t id) {
    const auto found = streams.find(id);
    return found == streams.end() ? nullptr : &found->second;
  }

  void close_with(CloseReason reason) {
    if (closed) return;
    if (closing) reason = CloseReason::kClosedByUs;
    closed = reason;
    opening.reset();
    streams.clear();
    negotiations.clear();
    events.push_back(Closed{reason});
  }

  // Towards an established channel

  void open(ByteView& in) {
    opening->handle_bytes(in);
    refused_security = opening->refused();
    if (const std::optional<CloseReason> failure = opening->failure()) return close_with(*failure);
    if (!opening->is_done()) return;
    if (auto bytes = opening->poll_write()) last_of_opening = std::move(*bytes);
    opened = std::make_unique<Opened>(opening->take());
    opening.reset();
    peer = opened->peer;
    session = std::make_unique<yamux::Session>(now, session_config(config));
    events.push_back(Established{opened->peer});
    Bytes early = std::move(opened->plain);
    const std::size_t size = early.size();
    if (size > 0) session->handle_bytes(now, std::move(early), 0, size);
  }

  void read(ByteView in) {
    while (const auto message = opened->reader.read(in)) {
      Bytes buffer = session->receive_buffer(message->size());
      const auto size = opened->opener.open(*message, buffer);
      if (!size) return close_with(CloseReason::kBadCiphertext);
      session->handle_bytes(now, std::move(buffer), 0, *size);
      if (session->failure()) return;
    }
  }

  // What the session tells

  void pump() {
    if (!session || closed) return;
    while (const auto event = session->poll_event()) handle(*event);
    while (!negotiations.empty() && !is_pending(negotiations.front())) negotiations.pop_front();
    if (const std::optional<yamux::Failure> failure = session->failure()) close_with(reason_of(*failure));
  }

  [[nodiscard]] bool is_pending(const std::pair<Instant, std::uint32_t>& negotiation) {
    const Stream* const stream = find(negotiation.second);
    return stream != nullptr && !stream->is_agreed() && stream->deadline == negotiation.first;
  }

  void handle(const yamux::Event& event) {
    using Kind = yamux::Event::Kind;
    if (event.kind == Kind::kOpened) return accept(event.stream);
    Stream* const stream = find(event.stream);
    if (stream == nullptr) return;
    const StreamId id{event.stream};
    if (event.kind == Kind::kEnded) {
      streams.erase(event.stream);
    } else if (event.kind == Kind::kWritable) {
      events.push_back(StreamWritable{id});
    } else if (event.kind == Kind::kReset) {
      end_stream(event.stream);
    } else if (!stream->is_agreed()) {
      negotiate(event.stream, *stream);
      if (event.kind == Kind::kFinished) give_up_if_pending(event.stream);
    } else if (event.kind == Kind::kReadable) {
      if (session->unread(event.stream) > 0) events.push_back(StreamReadable{id});
    } else {
      events.push_back(StreamFinished{id});
    }
  }

  void accept(std::uint32_t id) {
    Stream& stream = start(id);
    stream.inbound = true;
    stream.listener = std::make_unique<multistream::Listener>(config.protocols);
  }

  Stream& start(std::uint32_t id) {
    Stream& stream = streams[id];
    stream.deadline = now + config.limits.negotiation_timeout;
    negotiations.emplace_back(stream.deadline, id);
    return stream;
  }

  void negotiate(std::uint32_t id, Stream& stream) {
    while (stream.outcome() == multistream::Outcome::kPending && session->unread(id) > 0) {
      const ByteView front = session->readable(id);
      ByteView rest = front;
      stream.handle_bytes(rest);
      session->consume(now, id, front.size() - rest.size());
    }
    const Bytes answer = stream.poll_write();
    if (!answer.empty() && !session->write_first(id, answer)) return end_stream_here(id);
    switch (stream.outcome()) {
      case multistream::Outcome::kPending:
        return;
      case multistream::Outcome::kAgreed:
        return agree(id, stream);
      case multistream::Outcome::kRefused:
        session->reset(id);
        streams.erase(id);
        events.push_back(StreamRefused{StreamId{id}});
        return;
      case multistream::Outcome::kBroken:
        return end_stream_here(id);
    }
  }

  void agree(std::uint32_t id, Stream& stream) {
    if (stream.inbound && is_wide(stream.protocol())) session->widen(id, config.limits.wide_window);
    if (is_urgent(stream.protocol())) session->set_urgent(id);
    events.push_back(StreamOpened{StreamId{id}, stream.protocol(), stream.inbound});
    stream.end_negotiation();
    if (session->unread(id) > 0) events.push_back(StreamReadable{StreamId{id}});
  }

  /// Its owner hears of the end only if it knows of the stream.
  void end_stream(std::uint32_t id) {
    const Stream* const stream = find(id);
    if (stream == nullptr) return;
    if (!stream->inbound || stream->is_agreed()) events.push_back(StreamReset{StreamId{id}});
    streams.erase(id);
  }

  void end_stream_here(std::uint32_t id) {
    session->reset(id);
    end_stream(id);
  }

  void give_up_if_pending(std::uint32_t id) {
    const Stream* const stream = find(id);
    if (stream == nullptr) return;
    if (stream->is_agreed()) {
      events.push_back(StreamFinished{StreamId{id}});
    } else {
      end_stream_here(id);
    }
  }

  // Time

  void handle_timeout() {
    if (closed) return;
    if (opening && now >= handshake_deadline) return close_with(CloseReason::kHandshakeTimeout);
    if (!session) return;
    session->handle_timeout(now);
    while (!negotiations.empty() && negotiations.front().first <= now) {
      const auto negotiation = negotiations.front();
      negotiations.pop_front();
      if (is_pending(negotiation)) end_stream_here(negotiation.second);
    }
    pump();
  }

  // Sending

  std::optional<Bytes> poll_write() {
    if (opening) return opening->poll_write();
    if (!last_of_opening.empty()) return std::exchange(last_of_opening, {});
    if (!session) return std::nullopt;
    auto frames = session->poll_frames();
    pump();
    if (!frames) {
      if (closing) close_with(CloseReason::kClosedByUs);
      return std::nullopt;
    }
    if (!opened->sealer.seal(*frames)) {
      close_with(CloseReason::kNoncesSpent);
      return std::nullopt;
    }
    return frames;
  }
};

SecureChannel::SecureChannel(Instant now, Config config, Random& random)
    : state_(std::make_unique<State>(now, std::move(config), random)) {}
SecureChannel::~SecureChannel() = default;
SecureChannel::SecureChannel(SecureChannel&&) noexcept = default;
SecureChannel& SecureChannel::operator=(SecureChannel&&) noexcept = default;

void SecureChannel::handle_bytes(Instant now, ByteView bytes) {
  State& state = *state_;
  state.now = state.heard = now;
  if (state.closed || state.closing) return;
  if (state.opening) state.open(bytes);
  if (state.session && !state.closed) state.read(bytes);
  state.pump();
}

void SecureChannel::handle_closed(Instant now) {
  state_->now = now;
  state_->close_with(CloseReason::kConnectionLost);
}

void SecureChannel::handle_timeout(Instant now) {
  state_->now = now;
  state_->handle_timeout();
}

std::optional<StreamId> SecureChannel::open_stream(std::string_view protocol) {
  State& state = *state_;
  if (!state.is_live()) return std::nullopt;
  const std::uint32_t window = state.is_wide(protocol) ? state.config.limits.wide_window : yamux::kInitialWindow;
  const auto id = state.session->open(window);
  if (!id) return std::nullopt;
  if (state.is_urgent(protocol)) state.session->set_urgent(*id);
  Stream& stream = state.start(*id);
  stream.dialer = std::make_unique<multistream::Dialer>(std::vector<std::string>{std::string(protocol)});
  if (!state.session->write_first(*id, stream.poll_write())) return std::nullopt;
  return StreamId{*id};
}

std::size_t SecureChannel::write(StreamId id, ByteView bytes) {
  return state_->is_live() ? state_->session->write(wire(id), bytes) : 0;
}

void SecureChannel::end_frame(StreamId id) {
  if (state_->is_live()) state_->session->end_frame(wire(id));
}

void SecureChannel::finish(StreamId id) {
  if (!state_->is_live()) return;
  state_->session->finish(wire(id));
  state_->pump();
}

void SecureChannel::reset(StreamId id) {
  if (!state_->is_live()) return;
  state_->streams.erase(wire(id));
  state_->session->reset(wire(id));
  state_->pump();
}

void SecureChannel::consume(Instant now, StreamId id, std::size_t size) {
  State& state = *state_;
  state.now = now;
  const Stream* const stream = state.find(wire(id));
  if (!state.is_live() || stream == nullptr || !stream->is_agreed()) return;
  state.session->consume(now, wire(id), size);
  state.pump();
}

void SecureChannel::close() {
  State& state = *state_;
  if (state.closed || std::exchange(state.closing, true)) return;
  if (!state.session) return state.close_with(CloseReason::kClosedByUs);
  state.streams.clear();
  state.negotiations.clear();
  state.session->go_away();
}

void SecureChannel::recycle(Bytes buffer) {
  if (state_->session) state_->session->recycle(std::move(buffer));
}

std::optional<Bytes> SecureChannel::poll_write() { return state_->poll_write(); }

std::optional<SecureChannel::Event> SecureChannel::poll_event() {
  auto& events = state_->events;
  if (events.empty()) return std::nullopt;
  Event event = std::move(events.front());
  events.pop_front();
  return event;
}

std::optional<Instant> SecureChannel::poll_timeout() const {
  const State& state = *state_;
  if (state.closed) return std::nullopt;
  if (state.opening) return state.handshake_deadline;
  std::optional<Instant> next = state.session->poll_timeout();
  if (!state.negotiations.empty()) {
    const Instant negotiation = state.negotiations.front().first;
    next = next ? std::min(*next, negotiation) : negotiation;
  }
  return next;
}

ByteView SecureChannel::readable(StreamId id) const {
  const Stream* const stream = state_->find(wire(id));
  return stream == nullptr || !stream->is_agreed() ? ByteView() : state_->session->readable(wire(id));
}

std::size_t SecureChannel::unread(StreamId id) const {
  const Stream* const stream = state_->find(wire(id));
  return stream == nullptr || !stream->is_agreed() ? 0 : state_->session->unread(wire(id));
}

bool SecureChannel::at_end(StreamId id) const {
  const Stream* const stream = state_->find(wire(id));
  return stream == nullptr || (stream->is_agreed() && state_->session->at_end(wire(id)));
}

std::size_t SecureChannel::writable(StreamId id) const {
  return state_->is_live() ? state_->session->writable(wire(id)) : 0;
}

bool SecureChannel::is_open(StreamId id) const { return state_->find(wire(id)) != nullptr; }
bool SecureChannel::is_established() const { return state_->is_live(); }
std::optional<CloseReason> SecureChannel::closed() const { return state_->closed; }
const std::optional<identity::PeerId>& SecureChannel::peer() const { return state_->peer; }
std::size_t SecureChannel::streams() const { return state_->streams.size(); }
std::size_t SecureChannel::queued() const { return state_->session ? state_->session->queued() : 0; }
std::optional<Duration> SecureChannel::round_trip() const {
  return state_->session ? state_->session->round_trip() : std::nullopt;
}

const std::string& SecureChannel::refused_security() const { return state_->refused_security; }
Instant SecureChannel::heard() const { return state_->heard; }

}  // namespace turnpike::channel
