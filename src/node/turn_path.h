// The peer-relay rung: both ends allocate at a peer that relays, and QUIC runs between their two relayed addresses.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "io/channel/exchange_source.h"
#include "io/channel/store_server.h"
#include "io/quic/quic_host.h"
#include "io/turn/turn_channel.h"
#include "node/opened_path.h"

namespace turnpike::node {

constexpr Duration kMeetTime = std::chrono::seconds(6);    ///< For the partner to come to the server.
constexpr Duration kAcceptTime = std::chrono::seconds(8);  ///< For its QUIC connection, once it is there.

/// All QUIC that is relayed. Apart from the host's own: what is relayed is no direct connection, and must not be taken
/// for one. Lives on the loop, and until it has run out.
class RelayedQuic {
 public:
  RelayedQuic(const asio::any_io_executor& loop, const crypto::SigningKey& identity, Random& random);

  /// Takes the connection that comes in over that carrier; gives what answers its streams.
  using OnLink = std::function<io::Link::OnStream(std::unique_ptr<io::QuicLink>)>;
  [[nodiscard]] quic::CarrierId add(io::DatagramPath& path, OnLink on_link);
  void remove(quic::CarrierId carrier);
  [[nodiscard]] io::QuicHost& host() { return host_; }

 private:
  std::map<quic::CarrierId, OnLink> waiting_;
  io::QuicHost host_;
};

class TurnPath final : public OpenedPath, private io::DatagramPath {
 public:
  struct Order {
    identity::PeerId peer;
    path::PeerRelayTarget target;
    io::Share upload;
    io::Share download;
  };

  TurnPath(Report report, Order order, RelayedQuic& quic, io::StoreReader& reader, Random& random);
  ~TurnPath() override;

  [[nodiscard]] static asio::awaitable<void> run(std::shared_ptr<TurnPath> self);

  io::StoreSource* source() override { return source_ && !over_ ? &*source_ : nullptr; }
  void close() override;

 private:
  void send(const DatagramBatch& batch) override { channel_->send(batch); }
  [[nodiscard]] asio::awaitable<path::PathFailure> live();
  [[nodiscard]] asio::awaitable<std::optional<path::PathFailure>> connect();
  [[nodiscard]] asio::awaitable<std::optional<path::PathFailure>> accept();
  void end_link();

  Report report_;
  Order order_;
  RelayedQuic& quic_;
  io::StoreServer server_;
  Random& random_;
  std::optional<io::TurnChannel> channel_;
  quic::CarrierId carrier_{};
  std::optional<io::Event> accepted_;
  std::unique_ptr<io::QuicLink> link_;
  std::optional<io::ExchangeSource> source_;
  std::string lost_;
  bool over_ = false;
};

}  // namespace turnpike::node
