#include "io/quic/quic_link.h"

#include <utility>

#include "io/loop/convert.h"
#include "io/quic/quic_link_state.h"

namespace turnpike::io {

std::optional<channel::StreamId> QuicStreams::open_stream(std::string_view protocol) {
  quic::Connection* const live = connection();
  return live != nullptr ? live->open_stream(protocol) : std::nullopt;
}
std::size_t QuicStreams::write(channel::StreamId id, ByteView bytes) {
  quic::Connection* const live = connection();
  return live != nullptr ? live->write(id, bytes) : 0;
}
void QuicStreams::finish(channel::StreamId id) {
  if (quic::Connection* const live = connection()) live->finish(id);
}
void QuicStreams::reset(channel::StreamId id) {
  if (quic::Connection* const live = connection()) live->reset(id);
}
void QuicStreams::consume(Instant now, channel::StreamId id, std::size_t size) {
  if (quic::Connection* const live = connection()) live->consume(now, id, size);
}
void QuicStreams::close() {
  if (quic::Connection* const live = connection()) live->close();
}
ByteView QuicStreams::readable(channel::StreamId id) const {
  const quic::Connection* const live = connection();
  return live != nullptr ? live->readable(id) : ByteView();
}
bool QuicStreams::is_open(channel::StreamId id) const {
  const quic::Connection* const live = connection();
  return live != nullptr && live->is_open(id);
}
bool QuicStreams::is_established() const {
  const quic::Connection* const live = connection();
  return peer_ && live != nullptr && live->is_established();
}
std::optional<channel::CloseReason> QuicStreams::closed() const { return reason_; }
std::size_t QuicStreams::streams() const {
  const quic::Connection* const live = connection();
  return live != nullptr ? live->streams() : 0;
}
std::optional<Duration> QuicStreams::round_trip() const {
  const quic::Connection* const live = connection();
  return live != nullptr ? live->round_trip() : std::nullopt;
}

void QuicStreams::end(channel::CloseReason reason) {
  if (const quic::Connection* const live = connection()) {
    counters_ = live->counters();
    path_ = live->path();
    heard_ = live->heard();
  }
  reason_ = reason;
  driver_ = nullptr;
}

void QuicStreams::touch() const {
  if (driver_ != nullptr) driver_->touch(id_);
}

void QuicLinkState::on_event(const channel::Event& event) {
  if (const auto* up = std::get_if<channel::Established>(&event)) carrier.established(up->peer);
  const auto* over = std::get_if<channel::Closed>(&event);
  if (over != nullptr) {
    if (carrier.closed()) return;
    carrier.end(over->reason);
    --running;
  }
  handle(event);
}

QuicLink::QuicLink(std::shared_ptr<QuicLinkState> state) : state_(std::move(state)) {}
QuicLink::~QuicLink() { close(); }

asio::awaitable<Result<identity::PeerId, channel::CloseReason>> QuicLink::established() {
  return state_->established();
}
asio::awaitable<channel::CloseReason> QuicLink::closed() { return state_->all_ended(); }
std::unique_ptr<LinkStream> QuicLink::open(std::string_view protocol) { return state_->open(protocol); }

void QuicLink::close() {
  state_->carrier.close();
  state_->carrier.touch();
}

std::optional<channel::CloseReason> QuicLink::reason() const { return state_->carrier.closed(); }
std::optional<Duration> QuicLink::round_trip() const { return state_->carrier.round_trip(); }
Instant QuicLink::heard() const {
  const quic::Connection* const live = state_->carrier.connection();
  return live != nullptr ? live->heard() : state_->carrier.last_heard();
}
std::size_t QuicLink::streams() const { return state_->carrier.streams(); }
std::uint64_t QuicLink::bytes_received() const { return counters().received; }
std::uint64_t QuicLink::bytes_sent() const { return counters().sent; }

quic::Path QuicLink::path() const {
  const quic::Connection* const live = state_->carrier.connection();
  return live != nullptr ? live->path() : state_->carrier.last_path();
}

std::size_t QuicLink::path_mtu() const {
  const quic::Connection* const live = state_->carrier.connection();
  return live != nullptr ? live->path_mtu() : 0;
}

quic::ConnectionCounters QuicLink::counters() const {
  const quic::Connection* const live = state_->carrier.connection();
  return live != nullptr ? live->counters() : state_->carrier.last_counters();
}

bool QuicLink::update_keys() {
  quic::Connection* const live = state_->carrier.connection();
  const bool changed = live != nullptr && live->update_keys(now());
  state_->carrier.touch();
  return changed;
}

}  // namespace turnpike::io
