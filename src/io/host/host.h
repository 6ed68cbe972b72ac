// The libp2p host over TCP and QUIC: listens, dials from the port it listens on, and gives every stream to whoever
// answers its protocol. identify, identify-push and ping it answers itself.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/channel/secure_channel.h"
#include "core/host/connections.h"
#include "core/host/transport.h"
#include "core/identify/message.h"
#include "core/multiaddr/multiaddr.h"
#include "core/ping/ping.h"
#include "io/host/host_connection.h"
#include "io/quic/quic_host.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

constexpr Duration kDialTime = std::chrono::seconds(8);            ///< For all addresses of a peer, handshake included.
constexpr Duration kDialAddressTime = std::chrono::seconds(5);     ///< For one address to take the connection.
constexpr Duration kDialStagger = std::chrono::milliseconds(250);  ///< Between two addresses (RFC 8305 §5).
constexpr Duration kPushDelay = std::chrono::seconds(1);           ///< Changes within it are pushed together.
constexpr Duration kIdleConnection = std::chrono::minutes(10);     ///< One that nobody uses is closed after so long.
constexpr Duration kSweepPeriod = std::chrono::seconds(20);

struct HostState;

/// Hears of peers as they come and go. Called on the loop, never from within a call to the host.
class HostEvents {
 public:
  virtual ~HostEvents() = default;
  /// Another connection to a peer that may have some already.
  virtual void peer_connected(const HostConnection& connection) = 0;
  /// It told who it is, or told news.
  virtual void peer_identified(const std::shared_ptr<HostConnection>& connection) = 0;
  /// Its last connection is gone.
  virtual void peer_disconnected(const identity::PeerId& peer) = 0;
  /// Somebody who was not let in had proposed this instead of a security protocol.
  virtual void strange_proposal(const Endpoint& /*from*/, const std::string& /*proposal*/) {}
  /// The port that is listened on is about to send to an address that has not connected to us.
  virtual void dialling(const host::DialAddress& /*to*/) {}
};

enum class HostDialError : std::uint8_t {
  kNoAddress,    ///< None was given.
  kUnreachable,  ///< No address took the connection.
  kTimeout,
  kWrongPeer,  ///< Somebody else answered, wherever anybody did.
  kHandshake,  ///< What answered does not speak libp2p, or broke off.
  kRefused,    ///< By our own limits.
  kClosed,     ///< The host is going down.
};
struct HostDialFailure {
  HostDialError error = HostDialError::kUnreachable;
  std::string detail;  ///< One line for people: what came of each address.
};

struct HostSettings {
  const crypto::SigningKey* identity = nullptr;  ///< Borrowed; outlives the host and its loop's run.
  std::string agent = "turnpike";
  host::Limits limits;
  channel::Limits channel;
  quic::Limits quic = {};
};

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
  /// Answers one inbound stream; must own, or outlive by way of HostConnection::closed(), what it uses.
  using Handler = std::function<asio::awaitable<void>(std::shared_ptr<HostConnection>, std::unique_ptr<LinkStream>)>;

  Host(asio::any_io_executor loop, const HostSettings& settings, Random& random, HostEvents* events = nullptr);
  ~Host();  ///< Closes everything abruptly; the coroutines end on the loop's next turns.
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Connections made from now on answer `protocol`. Peers that are connected are told by a push.
  void handle(std::string protocol, const host::ProtocolOptions& options, Handler handler);
  /// A port of 0 takes any. May be called for several addresses; dialling is done from the first one's port.
  [[nodiscard]] Result<Endpoint, IoError> listen(Endpoint at);
  /// The same over UDP, once: all QUIC goes in and out there, and beside it whatever is not QUIC (see quic()).
  [[nodiscard]] Result<Endpoint, IoError> listen_quic(Endpoint at);
  /// The UDP port's owner; null before listen_quic().
  [[nodiscard]] QuicHost* quic() const;
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
