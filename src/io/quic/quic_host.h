// A QUIC endpoint on a UDP socket, with room beside it for whoever else speaks on that port: STUN and TURN.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "base/random.h"
#include "core/datagram/demultiplexer.h"
#include "core/quic/endpoint.h"
#include "io/quic/quic_link.h"
#include "io/udp/udp_socket.h"

namespace turnpike::io {

/// Where a connection's datagrams go: the socket itself, or something above it (a TURN channel, a punched hole).
class DatagramPath {
 public:
  DatagramPath() = default;
  DatagramPath(const DatagramPath&) = delete;
  DatagramPath& operator=(const DatagramPath&) = delete;
  virtual ~DatagramPath() = default;

  /// As UdpSocket::send. What it cannot take is lost, as datagrams are: it need not say when it can take more.
  virtual void send(const DatagramBatch& batch) = 0;
};

/// Everything on the loop's one thread.
class QuicHost {
 public:
  /// Called for each inbound connection once its peer is known; gives what answers the peer's streams.
  using OnAccept = std::function<Link::OnStream(std::unique_ptr<QuicLink>)>;
  /// Gets the datagrams of one kind that are not QUIC's. Borrowed until it returns.
  using OnDatagrams = std::function<void(const DatagramBatch&)>;

  /// Starts receiving. `socket`, `random` and `config.identity` must outlive it. Without `on_accept`, inbound
  /// connections are refused.
  QuicHost(asio::any_io_executor loop, UdpSocket& socket, quic::Config config, Random& random, OnAccept on_accept = {});
  /// Without a socket: only over add_path().
  QuicHost(asio::any_io_executor loop, quic::Config config, Random& random, OnAccept on_accept = {});
  /// The abrupt end of all its links; their coroutines end on the loop's next turns.
  ~QuicHost();
  QuicHost(const QuicHost&) = delete;
  QuicHost& operator=(const QuicHost&) = delete;

  /// Starts at once; established() tells how it went. Null at Limits::connections.
  [[nodiscard]] std::unique_ptr<QuicLink> connect(const quic::Path& path, std::optional<identity::PeerId> expected,
                                                  Link::OnStream on_stream = {});
  void set_protocols(std::vector<std::string> protocols);
  /// Says goodbye to every peer and closes the socket: nothing of it is left on the loop.
  void close_all();

  void on_stun(OnDatagrams handler);
  void on_turn(OnDatagrams handler);
  /// From the socket, for whoever speaks beside QUIC. What cannot be sent now is lost.
  void send(const DatagramBatch& batch);
  /// Whose datagrams are TURN's: see core/datagram/demultiplexer.h.
  [[nodiscard]] datagram::Demultiplexer& demultiplexer();

  /// A further way to send. `path` must live until remove_path(); the id is never used again.
  [[nodiscard]] quic::CarrierId add_path(DatagramPath& path);
  void remove_path(quic::CarrierId id);
  /// What came on it.
  void receive(quic::CarrierId id, const DatagramBatch& batch);

  [[nodiscard]] Endpoint local() const;  ///< Of the socket, if there is one.
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] const quic::Endpoint::Counters& counters() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with handlers on the loop
};

}  // namespace turnpike::io
