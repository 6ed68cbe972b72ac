// The inside of a QUIC link: what its host tells it, and what it asks of its host.
#pragma once

#include <optional>

#include "core/quic/endpoint.h"
#include "io/channel/link_state.h"

namespace turnpike::io {

/// Who drives the connections.
class QuicDriver {
 public:
  /// Null once the connection, or the driver, is gone.
  [[nodiscard]] virtual quic::Connection* find(quic::ConnectionId id) = 0;
  /// Something was done to a connection.
  virtual void touch(quic::ConnectionId id) = 0;

 protected:
  ~QuicDriver() = default;
};

/// A connection while there is one; then what is left to say of it.
class QuicStreams final : public channel::Streams {
 public:
  QuicStreams(QuicDriver* driver, quic::ConnectionId id) : driver_(driver), id_(id) {}

  std::optional<channel::StreamId> open_stream(std::string_view protocol) override;
  std::size_t write(channel::StreamId id, ByteView bytes) override;
  void finish(channel::StreamId id) override;
  void reset(channel::StreamId id) override;
  void consume(Instant now, channel::StreamId id, std::size_t size) override;
  void close() override;
  std::optional<channel::Event> poll_event() override { return std::nullopt; }  // the host hands them out
  [[nodiscard]] ByteView readable(channel::StreamId id) const override;
  [[nodiscard]] bool is_open(channel::StreamId id) const override;
  [[nodiscard]] bool is_established() const override;
  [[nodiscard]] std::optional<channel::CloseReason> closed() const override;
  [[nodiscard]] const std::optional<identity::PeerId>& peer() const override { return peer_; }
  [[nodiscard]] std::size_t streams() const override;
  [[nodiscard]] std::optional<Duration> round_trip() const override;

  void established(const identity::PeerId& peer) { peer_ = peer; }
  /// Keeps what may be asked later, and lets go of the connection.
  void end(channel::CloseReason reason);
  [[nodiscard]] quic::Connection* connection() const { return driver_ != nullptr ? driver_->find(id_) : nullptr; }
  void touch() const;
  [[nodiscard]] quic::ConnectionId id() const { return id_; }
  [[nodiscard]] const quic::ConnectionCounters& last_counters() const { return counters_; }
  [[nodiscard]] Instant last_heard() const { return heard_; }
  [[nodiscard]] const quic::Path& last_path() const { return path_; }

 private:
  QuicDriver* driver_;
  quic::ConnectionId id_;
  std::optional<identity::PeerId> peer_;
  std::optional<channel::CloseReason> reason_;
  quic::ConnectionCounters counters_;
  quic::Path path_;
  Instant heard_;
};

struct QuicLinkState final : LinkState {
  QuicLinkState(asio::any_io_executor loop_, Link::OnStream on_stream_, QuicDriver* driver, quic::ConnectionId id)
      : LinkState(std::move(loop_), std::move(on_stream_)), carrier(driver, id) {
    ++running;  // the connection itself, until it is over
  }

  channel::Streams& streams() override { return carrier; }
  void flush() override { carrier.touch(); }
  void on_event(const channel::Event& event);

  QuicStreams carrier;
};

}  // namespace turnpike::io
