// A bootstrap in the world: the real rendezvous::Server with its relay sessions, behind simulated connections.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "core/identity/peer_id.h"
#include "core/rendezvous/server.h"
#include "sim/home.h"
#include "sim/source.h"

namespace turnpike::sim {

/// A node's end of a control connection.
class ControlEnd {
 public:
  virtual ~ControlEnd() = default;
  virtual void link_up(std::uint64_t link) = 0;
  virtual void link_down(std::uint64_t link, std::string_view reason) = 0;
  virtual void link_message(std::uint64_t link, const Bytes& message) = 0;
};

/// A node's end of a relay session.
class RelayEnd {
 public:
  virtual ~RelayEnd() = default;
  /// Both ends are there and have shaken hands.
  virtual void relay_ready(std::uint64_t leg, Duration rtt) = 0;
  virtual void relay_closed(std::uint64_t leg, bool quote_spent) = 0;
  [[nodiscard]] virtual Source& relay_source() = 0;
};

/// Who can be sent nonces, by endpoint.
using Doors = std::map<Endpoint, ProofEnd*>;

/// Sends a nonce over the world, as whatever carries it does. False: nothing there lets it in.
bool send_nonce(World& world, const Home& from, const Doors& doors, const rendezvous::Service& target,
                const rendezvous::ProofNonce& nonce);

class BootstrapHost {
 public:
  BootstrapHost(World& world, Home& home, const Doors& doors, const identity::PeerId& id, const relay::Policy& policy);

  /// From now on (it is started anew) it has a second address, from which it sends nonces itself.
  void add_probe_address(const IpAddress& address);

  [[nodiscard]] Home& home() { return home_; }
  [[nodiscard]] const identity::PeerId& id() const { return id_; }
  [[nodiscard]] std::uint64_t relayed() const { return relayed_; }
  [[nodiscard]] rendezvous::Server& server() { return *server_; }
  [[nodiscard]] std::uint64_t probes() const { return probes_; }  ///< Sent by itself.

  // Control connections. Both give a name for what follows.
  std::uint64_t connect(ControlEnd& end, Home& from);
  void send(std::uint64_t link, Bytes message);
  void disconnect(std::uint64_t link);

  // Relay sessions.
  std::uint64_t join(RelayEnd& end, Home& from, const relay::SessionId& session, const relay::Credential& credential);
  void leave(std::uint64_t leg);
  /// Null while the session is not paired.
  [[nodiscard]] RelayEnd* partner(std::uint64_t leg);
  /// Moves bytes from this leg's partner to this leg. `left` comes when the sender may go on, `arrived` when they are
  /// here; neither comes if the session ends first.
  void carry(std::uint64_t leg, std::uint64_t bytes, std::function<void()> left, std::function<void()> arrived);

  /// All connections break; everything in memory is lost; it is back after so long.
  void restart(Duration downtime);

 private:
  struct Link {
    ControlEnd* end;
    Home* home;
    rendezvous::ConnectionId connection;
    bool broken = false;  // a message was lost: nothing more passes, until the silence is noticed
  };
  struct Leg {
    RelayEnd* end;
    Home* home;
    relay::SessionId session;
    bool joined = false;
    bool ready = false;
  };

  void start();
  void pump();
  void probe(const rendezvous::ProbeFromHere& order);
  void drop_link(std::uint64_t link, std::string_view reason);
  void break_link(std::uint64_t link);
  void close_legs(const relay::SessionId& session, bool quote_spent);
  void joined(std::uint64_t leg, const relay::Credential& credential);

  World& world_;
  Home& home_;
  identity::PeerId id_;
  relay::Policy policy_;
  const Doors& doors_;
  std::unique_ptr<Home> probe_home_;
  std::uint64_t probes_ = 0;
  std::unique_ptr<rendezvous::Server> server_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t names_ = 0;
  std::map<std::uint64_t, Link> links_;
  std::map<rendezvous::ConnectionId, std::uint64_t> by_connection_;
  std::map<std::uint64_t, Leg> legs_;
  std::optional<Instant> armed_;
  std::uint64_t relayed_ = 0;
};

}  // namespace turnpike::sim
