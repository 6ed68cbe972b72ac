// What a host is given, and what it tells.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "core/channel/secure_channel.h"
#include "core/host/connections.h"
#include "core/host/transport.h"
#include "core/quic/limits.h"
#include "io/channel/link.h"
#include "io/host/host_connection.h"

namespace turnpike::io {

constexpr Duration kDialTime = std::chrono::seconds(8);            ///< For all addresses of a peer, handshake included.
constexpr Duration kDialAddressTime = std::chrono::seconds(5);     ///< For one address to take the connection.
constexpr Duration kDialStagger = std::chrono::milliseconds(250);  ///< Between two addresses (RFC 8305 §5).
constexpr Duration kPushDelay = std::chrono::seconds(1);           ///< Changes within it are pushed together.
constexpr Duration kIdleConnection = std::chrono::minutes(10);     ///< One that nobody uses is closed after so long.
/// Our peer record is signed anew so often: others pass on only what is fresh (docs/protocols/peers.md).
constexpr Duration kRecordRenewal = std::chrono::hours(6);
constexpr Duration kSweepPeriod = std::chrono::seconds(20);

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

/// Answers one inbound stream; must own, or outlive by way of HostConnection::closed(), what it uses.
using HostHandler = std::function<asio::awaitable<void>(std::shared_ptr<HostConnection>, std::unique_ptr<LinkStream>)>;

}  // namespace turnpike::io
