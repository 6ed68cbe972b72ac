// One QUIC connection (RFC 9000) as libp2p uses it: an authenticated peer and bidirectional streams.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/datagram.h"
#include "base/time.h"
#include "core/channel/streams.h"
#include "core/quic/connection_counters.h"
#include "core/quic/path.h"

namespace turnpike::quic {

struct ConnectionState;

/// Made and driven by an Endpoint; whoever has its id uses the verbs and getters here, and then drains the endpoint.
/// The verbs promise what SecureChannel's (core/channel/secure_channel.h) promise: streams are opened optimistically,
/// flow control is by consumption, and a stream that is gone is ignored.
class Connection final : public channel::Streams {
 public:
  explicit Connection(std::unique_ptr<ConnectionState> state);
  ~Connection() override;

  // verbs
  std::optional<channel::StreamId> open_stream(std::string_view protocol) override;
  std::size_t write(channel::StreamId id, ByteView bytes) override;
  void finish(channel::StreamId id) override;
  void reset(channel::StreamId id) override;
  void consume(Instant now, channel::StreamId id, std::size_t size) override;
  void close() override;
  /// Changes the keys of both directions (RFC 9001, section 6). False while an earlier change is not yet confirmed.
  bool update_keys(Instant now);

  std::optional<channel::Event> poll_event() override;

  // getters
  [[nodiscard]] ByteView readable(channel::StreamId id) const override;
  [[nodiscard]] std::size_t unread(channel::StreamId id) const;
  [[nodiscard]] bool is_open(channel::StreamId id) const override;
  [[nodiscard]] bool is_established() const override;
  [[nodiscard]] std::optional<channel::CloseReason> closed() const override;
  [[nodiscard]] const std::optional<identity::PeerId>& peer() const override;
  [[nodiscard]] std::size_t streams() const override;
  [[nodiscard]] std::optional<Duration> round_trip() const override;
  [[nodiscard]] Instant heard() const;  ///< When anything came last.
  /// Where the peer is now: it moves with the peer's NAT.
  [[nodiscard]] const Path& path() const;
  /// The largest datagram this path is known to take.
  [[nodiscard]] std::size_t path_mtu() const;
  [[nodiscard]] bool is_client() const;
  [[nodiscard]] std::string_view cipher() const;

  [[nodiscard]] const ConnectionCounters& counters() const;

  /// For the endpoint only.
  [[nodiscard]] ConnectionState& state() { return *state_; }

 private:
  std::unique_ptr<ConnectionState> state_;
};

}  // namespace turnpike::quic
