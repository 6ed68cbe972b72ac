// What others find open here: STUN and, once it is proved that we can be reached, TURN on port + 2000 (RFC 8489,
// RFC 8656), and the ways in which a proof's nonce comes (docs/protocols/proof.md, docs/protocols/turn.md).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/rendezvous/proof.h"
#include "core/turn/server.h"
#include "io/http/server.h"
#include "io/turn/turn_server.h"

namespace turnpike::node {

namespace asio = boost::asio;

constexpr std::size_t kMaxStunRequest =
    548;  ///< Longer ones are no Binding request of anybody's (RFC 8489, section 6.1).

/// What this node gives away as a relay.
struct Donor {
  bool on = true;  ///< Off: Binding is answered, and nothing relayed.
  turn::DonationCaps caps = {};
  turn::DonationRecord given = {};  ///< From earlier runs.
  std::size_t sessions = 8;
};

/// One thread's; lives until the loop has run out.
class Doors {
 public:
  /// Told of each nonce, or what looks like one: the transaction id of every Binding request.
  using Sink =
      std::function<void(rendezvous::ServiceKind at, const rendezvous::ProofNonce& nonce, const IpAddress& from)>;

  Doors(const asio::any_io_executor& loop, Random& random, Sink sink, const Donor& donor = {});

  /// GET /v1/proof/<nonce>
  void add_route(io::http::Server& server);
  /// UDP and TCP on this port of every address. What cannot be opened is not among open(), and stands in the answer.
  [[nodiscard]] std::vector<std::string> open_stun(std::uint16_t port);
  /// Kinds that answer here, besides HTTP.
  [[nodiscard]] const std::vector<rendezvous::ServiceKind>& open() const { return open_; }
  /// Where that kind is listened for; 0 where it is not.
  [[nodiscard]] std::uint16_t port(rendezvous::ServiceKind kind) const;
  /// Answers Binding requests that came in at another port's socket, of that kind, and hands on their nonces.
  void handle_stun(rendezvous::ServiceKind at, std::uint16_t port, const DatagramBatch& batch,
                   const std::function<void(const DatagramBatch&)>& send);
  void close();

  // The donated relay.

  /// The addresses at which the open ports are proved now. Sessions are opened on these only, and with none not at all.
  void set_proved(const std::vector<IpAddress>& addresses);
  /// `from`: where the requester is seen; unspecified where nobody could say.
  [[nodiscard]] Result<turn::Opened, turn::RefusalReason> open_session(const turn::PeerId& requester,
                                                                       const IpAddress& from,
                                                                       const turn::PeerId& responder);
  /// It is worth asking.
  [[nodiscard]] bool accepts_sessions();
  /// What has been given this month: to be kept over restarts.
  [[nodiscard]] turn::DonationRecord given();
  [[nodiscard]] const Donor& donor() const { return donor_; }
  [[nodiscard]] io::TurnServer& server() { return server_; }

 private:
  Donor donor_;
  Sink sink_;
  stun::BindingServer binding_;  // of the other ports
  io::TurnServer server_;
  std::vector<rendezvous::ServiceKind> open_;
  std::uint16_t udp_port_ = 0;
  std::uint16_t tcp_port_ = 0;
};

}  // namespace turnpike::node
