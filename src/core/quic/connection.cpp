#include "core/quic/connection.h"

#include <ngtcp2/ngtcp2_crypto.h>

#include "core/quic/connection_state.h"

namespace turnpike::quic {

Connection::Connection(std::unique_ptr<ConnectionState> state) : state_(std::move(state)) {}
Connection::~Connection() = default;

std::optional<channel::StreamId> Connection::open_stream(std::string_view protocol) {
  ConnectionState& state = *state_;
  if (!state.is_live() || state.outbound >= state.shared.limits.outbound_streams) return std::nullopt;
  std::int64_t id = -1;
  if (ngtcp2_conn_open_bidi_stream(state.conn.get(), &id, nullptr) != 0 || id > UINT32_MAX) return std::nullopt;
  ++state.outbound;
  const Instant deadline = state.now + state.shared.limits.negotiation_timeout;
  const auto made = state.streams.emplace(std::piecewise_construct, std::forward_as_tuple(id),
                                          std::forward_as_tuple(id, deadline, std::string(protocol)));
  Stream& stream = made.first->second;
  state.negotiations.emplace_back(deadline, id);
  const Bytes proposal = stream.poll_negotiation();
  stream.out.append(proposal, state.shared.pool);
  state.queued += proposal.size();
  state.want_to_send(stream);
  return channel::StreamId{static_cast<std::uint32_t>(id)};
}

std::size_t Connection::write(channel::StreamId id, ByteView bytes) {
  ConnectionState& state = *state_;
  Stream* const stream = state.is_live() ? state.find(id) : nullptr;
  if (stream == nullptr) return 0;
  const std::size_t taken = std::min(bytes.size(), state.room(*stream));
  stream->out.append(bytes.first(taken), state.shared.pool);
  state.queued += taken;
  if (taken < bytes.size()) stream->wants_room = true;
  if (taken > 0) state.want_to_send(*stream);
  return taken;
}

void Connection::finish(channel::StreamId id) {
  Stream* const stream = state_->is_live() ? state_->find(id) : nullptr;
  if (stream == nullptr || stream->finish_wanted) return;
  stream->finish_wanted = true;
  state_->want_to_send(*stream);
}

void Connection::reset(channel::StreamId id) {
  Stream* const stream = state_->is_live() ? state_->find(id) : nullptr;
  if (stream == nullptr) return;
  state_->end_stream(*stream, false);
  state_->settle_streams();
}

void Connection::consume(Instant now, channel::StreamId id, std::size_t size) {
  ConnectionState& state = *state_;
  Stream* const stream = state.is_live() ? state.find(id) : nullptr;
  if (stream == nullptr || !stream->is_agreed()) return;
  state.now = now;
  state.give_window_back(*stream, size);
  state.erase_if_over(stream->id);
}

void Connection::close() { state_->closing = true; }

bool Connection::update_keys(Instant now) {
  ConnectionState& state = *state_;
  if (!state.is_live()) return false;
  state.now = now;
  return ngtcp2_conn_initiate_key_update(state.conn.get(), timestamp(now)) == 0;
}

std::optional<channel::Event> Connection::poll_event() {
  auto& events = state_->events;
  if (events.empty()) return std::nullopt;
  channel::Event event = std::move(events.front());
  events.pop_front();
  return event;
}

ByteView Connection::readable(channel::StreamId id) const {
  const Stream* const stream = state_->find(id);
  return stream == nullptr || !stream->is_agreed() ? ByteView() : stream->in.front();
}

std::size_t Connection::unread(channel::StreamId id) const {
  const Stream* const stream = state_->find(id);
  return stream == nullptr || !stream->is_agreed() ? 0 : stream->in.size();
}

bool Connection::is_open(channel::StreamId id) const { return state_->find(id) != nullptr; }
bool Connection::is_established() const { return state_->is_live(); }
std::optional<channel::CloseReason> Connection::closed() const { return state_->closed; }
const std::optional<identity::PeerId>& Connection::peer() const { return state_->peer; }
std::size_t Connection::streams() const { return state_->streams.size(); }

std::optional<Duration> Connection::round_trip() const {
  if (!state_->established) return std::nullopt;
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(state_->conn.get(), &info);
  return Duration(static_cast<Duration::rep>(info.smoothed_rtt / 1000));
}

Instant Connection::heard() const { return state_->last_received; }

const Path& Connection::path() const { return state_->path; }

std::size_t Connection::path_mtu() const {
  return std::min(state_->max_datagram, ngtcp2_conn_get_path_max_tx_udp_payload_size(state_->conn.get()));
}

bool Connection::is_client() const { return state_->role == TlsRole::kClient; }
std::string_view Connection::cipher() const { return state_->tls->cipher(); }
const ConnectionCounters& Connection::counters() const { return state_->counters; }

}  // namespace turnpike::quic
