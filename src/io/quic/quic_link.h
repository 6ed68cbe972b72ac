// A link to a peer over one QUIC connection: the streams are QUIC's own.
#pragma once

#include <memory>

#include "core/quic/connection_counters.h"
#include "core/quic/path.h"
#include "io/channel/link.h"

namespace turnpike::io {

struct QuicLinkState;

/// Made by a QuicHost, and may outlive it: everything then fails as on a link that is over.
class QuicLink final : public Link {
 public:
  explicit QuicLink(std::shared_ptr<QuicLinkState> state);
  /// Says goodbye, for that costs one datagram and no wait.
  ~QuicLink() override;

  [[nodiscard]] asio::awaitable<Result<identity::PeerId, channel::CloseReason>> established() override;
  [[nodiscard]] asio::awaitable<channel::CloseReason> closed() override;
  [[nodiscard]] std::unique_ptr<LinkStream> open(std::string_view protocol) override;
  void close() override;
  [[nodiscard]] std::optional<channel::CloseReason> reason() const override;
  [[nodiscard]] std::optional<Duration> round_trip() const override;
  [[nodiscard]] Instant heard() const override;
  [[nodiscard]] std::size_t streams() const override;
  [[nodiscard]] std::uint64_t bytes_received() const override;
  [[nodiscard]] std::uint64_t bytes_sent() const override;

  /// Where the peer is: it moves with the peer's NAT.
  [[nodiscard]] quic::Path path() const;
  [[nodiscard]] std::size_t path_mtu() const;
  [[nodiscard]] quic::ConnectionCounters counters() const;
  /// See quic::Connection.
  bool update_keys();

 private:
  std::shared_ptr<QuicLinkState> state_;
};

}  // namespace turnpike::io
