// The libp2p host over TCP and QUIC: listens, dials from the port it listens on, and gives every stream to whoever
// answers its protocol. identify, identify-push and ping it answers itself.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/host/connections.h"
#include "core/host/transport.h"
#include "core/identify/message.h"
#include "core/multiaddr/multiaddr.h"
#include "core/ping/ping.h"
#include "io/host/host_connection.h"
#include "io/host/host_settings.h"
#include "io/quic/quic_host.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

struct HostState;

/// One of a host's connections as people are shown it.
struct ConnectionInfo {
  host::ConnectionView connection;
  host::Transport transport = host::Transport::kTcp;
  std::string agent;  ///< Empty until identified.
  std::vector<std::string> protocols;
  std::optional<Duration> round_trip;
};

/// All on one loop. `random` and `events` outlive the loop's run; `events` may be null.
class Host {
 public:
  using Handler = HostHandler;

  Host(asio::any_io_executor loop, const HostSettings& settings, Random& random, HostEvents* events = nullptr);
  ~Host();  ///< Closes everything abruptly; the coroutines end on the loop's next turns.
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Connections made from now on answer `protocol`. Peers that are connected are told by a push.
  void handle(std::string protocol, const host::ProtocolOptions& options, Handler handler);
  /// Whether identify names it. Peers that are connected are told by a push. A protocol is answered all the same, also
  /// on connections that were there before: its handler knows whether it serves.
  void set_advertised(std::string_view protocol, bool advertised);
  /// A port of 0 takes any. May be called for several addresses; dialling is done from the first one's port.
  [[nodiscard]] Result<Endpoint, IoError> listen(Endpoint at);
  /// The same over UDP, once: all QUIC goes in and out there, and beside it whatever is not QUIC (see quic()).
  [[nodiscard]] Result<Endpoint, IoError> listen_quic(Endpoint at);
  /// The UDP port's owner; null before listen_quic().
  [[nodiscard]] QuicHost* quic() const;
  /// Dials to that endpoint over QUIC go by that carrier, until drop_hole(): a hole that was punched.
  void set_hole(const Endpoint& remote, quic::CarrierId carrier);
  void drop_hole(const Endpoint& remote);
  /// The network changed: what it swallowed before it may take now.
  void forget_transports();
  /// What identify tells: addresses at which strangers, or neighbours, may try us.
  void set_addresses(std::vector<multiaddr::Multiaddr> addresses);
  [[nodiscard]] const std::vector<multiaddr::Multiaddr>& addresses() const;

  /// The connection that stands, if one does; else the first of the addresses at which `peer` proves itself, those over
  /// QUIC and over TCP taking turns (core/host/transport.h). A second
  /// dial to the same peer waits for the first one's outcome.
  [[nodiscard]] asio::awaitable<Result<std::shared_ptr<HostConnection>, HostDialFailure>> dial(
      identity::PeerId peer, std::vector<Endpoint> tcp, path::Found found, Duration time = kDialTime,
      std::vector<Endpoint> quic = {});
  /// Whoever answers there.
  [[nodiscard]] asio::awaitable<Result<std::shared_ptr<HostConnection>, HostDialFailure>> dial_anybody(
      Endpoint address, Duration time = kDialTime);

  /// A connection of its own to `peer` over TCP, beside any that stand, and from any port: to see whether it can be
  /// reached there. Whoever asked for it closes it.
  [[nodiscard]] asio::awaitable<Result<std::shared_ptr<HostConnection>, HostDialFailure>> dial_back(
      identity::PeerId peer, Endpoint address, Duration time);

  [[nodiscard]] std::shared_ptr<HostConnection> find(const identity::PeerId& peer) const;
  [[nodiscard]] std::vector<std::shared_ptr<HostConnection>> all() const;
  [[nodiscard]] std::vector<ConnectionInfo> connections() const;
  /// On a stream of its own, before any bulk.
  [[nodiscard]] asio::awaitable<Result<Duration, ping::PingError>> ping(HostConnection& connection);
  /// Listens no longer and says goodbye to everybody.
  void close_all();

 private:
  std::shared_ptr<HostState> state_;
};

}  // namespace turnpike::io
