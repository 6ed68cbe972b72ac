// One way to one peer, as the brain names it to the shell that opens it, and the ways it can end.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/path/rung.h"
#include "core/relay/grant.h"
#include "core/turn/sessions.h"

namespace turnpike::path {

/// Names one attempt at one rung to one peer; never used again for another.
struct PathId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const PathId&, const PathId&) = default;
};

/// Who speaks first on a path that is a connection. An initiator fetches, a responder serves.
enum class Role : std::uint8_t { kInitiator, kResponder };

/// The peer's libp2p host, at whichever of these addresses answers first; none of them is needed when a connection to
/// the peer stands already, whoever made it.
struct DirectTarget {
  std::vector<Endpoint> tcp;
  std::vector<Endpoint> quic = {};  ///< UDP
  friend bool operator==(const DirectTarget&, const DirectTarget&) = default;
};

/// Plain HTTP/1.1 to the peer's download port. Nobody is authenticated; the hash tree is the protection.
struct HttpTarget {
  Endpoint endpoint;
  friend bool operator==(const HttpTarget&, const HttpTarget&) = default;
};

/// One end of a session at the `bootstrap`-th configured bootstrap: a WebSocket to /v1/relay/<session>, then the
/// secure channel over it, in which `role` says who is Noise initiator.
struct RelayTarget {
  std::size_t bootstrap = 0;
  relay::SessionId session;
  relay::Credential credential;  ///< Ours, for this end.
  Role role = Role::kInitiator;
  relay::Quote quote;
  friend bool operator==(const RelayTarget&, const RelayTarget&) = default;
};

/// One end of a TURN session at a peer that relays, then QUIC between the two relayed addresses, whose client is the
/// initiator.
struct PeerRelayTarget {
  identity::PeerId server;
  std::vector<Endpoint> udp;  ///< Where the server answers TURN.
  std::vector<Endpoint> tcp;
  turn::Credential credential;  ///< Ours, for this end.
  Endpoint ours;                ///< Our relayed address.
  Endpoint theirs;              ///< The partner's.
  Role role = Role::kInitiator;
  turn::Limits limits;
  WallTime until;

  friend bool operator==(const PeerRelayTarget& a, const PeerRelayTarget& b) {
    return a.server == b.server && a.credential.username == b.credential.username && a.role == b.role;
  }
};

using Target = std::variant<DirectTarget, HttpTarget, RelayTarget, PeerRelayTarget>;

/// Why a path was never there, or is there no longer.
enum class PathEnd : std::uint8_t {
  kRefused,      ///< Something answered, and said no.
  kUnreachable,  ///< No route, or the network said so.
  kTimeout,      ///< Nothing answered, or an open path fell silent.
  kProtocol,     ///< What answered does not speak as it should: the peer's fault.
  kWrongPeer,    ///< The secure channel proved another identity than the one we asked for.
  kClosed,       ///< The other end, or the relay, ended it in good order.
  kQuoteSpent,   ///< The relay session's quote is used up or over.
  kLocal,        ///< We ended it, or our own machine could not: nobody's fault outside.
};

[[nodiscard]] std::string_view words_of(PathEnd end);

struct PathFailure {
  PathEnd end = PathEnd::kLocal;
  std::string detail;  ///< One line for people; may be empty.
};

}  // namespace turnpike::path
