// `/turnpike/signal/1`: what one peer tells another through a carrier that may not read it. Signed, then sealed to the
// recipient (docs/protocols/signal.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/identity/replay.h"
#include "core/punch/candidate.h"
#include "core/punch/check.h"
#include "core/punch/nat_behaviour.h"
#include "core/relay/grant.h"
#include "core/turn/sessions.h"

namespace turnpike::signal {

using identity::PeerId;

constexpr std::string_view kStatementType = "signal";
constexpr std::size_t kMaxSealedSize = 8192;  ///< A sealed signal as carried; longer ones are refused unopened.
constexpr std::size_t kMaxUrlSize = 512;
constexpr std::uint64_t kLifetimeMs = 60'000;  ///< From signing to expiry: a signal is about now.

/// "Join me in this relay session." The recipient is its responder.
struct RelayOffer {
  PeerId bootstrap;           ///< Whose session it is.
  std::string bootstrap_url;  ///< Where it is, for who has no link to it; may be empty. At most kMaxUrlSize bytes.
  relay::SessionId session;
  relay::Credential credential;  ///< The recipient's.
  relay::Quote quote;

  friend bool operator==(const RelayOffer&, const RelayOffer&) = default;
};

// --- TURN coordination: docs/protocols/coordination.md ---

constexpr std::size_t kMaxDistances = 16;
constexpr std::size_t kMaxGrantSize = 1024;  ///< The envelope of a grant.
constexpr std::size_t kMaxCredentialText = 256;
constexpr std::size_t kMaxDialled = 4;  ///< Endpoints of each kind in a DialMe.

/// Requester to responder: how far is it from you to the relaying peers that you know? → TurnDistances
struct TurnQuery {
  std::uint64_t request = 0;

  friend bool operator==(const TurnQuery&, const TurnQuery&) = default;
};
struct Distance {
  PeerId server;
  Duration rtt{};

  friend bool operator==(const Distance&, const Distance&) = default;
};
struct TurnDistances {
  std::uint64_t request = 0;
  std::vector<Distance> distances;  ///< At most kMaxDistances.

  friend bool operator==(const TurnDistances&, const TurnDistances&) = default;
};
/// Requester to server: a session with that responder, please. → TurnGranted or TurnRefused
struct TurnRequest {
  std::uint64_t request = 0;
  PeerId responder;

  friend bool operator==(const TurnRequest&, const TurnRequest&) = default;
};
/// What the server gives each end: the grant, and the credential of that end.
struct TurnGranted {
  std::uint64_t request = 0;
  Bytes grant;  ///< At most kMaxGrantSize.
  turn::Credential credential;
  Bytes for_responder;  ///< The same for the other end, sealed to it; empty in that one.

  friend bool operator==(const TurnGranted& a, const TurnGranted& b) {
    return a.request == b.request && a.grant == b.grant && a.credential.username == b.credential.username &&
           a.credential.password == b.credential.password && a.for_responder == b.for_responder;
  }
};
struct TurnRefused {
  std::uint64_t request = 0;
  turn::RefusalReason reason{};
  std::chrono::milliseconds retry_after{};

  friend bool operator==(const TurnRefused&, const TurnRefused&) = default;
};
/// Requester to responder: "meet me at that server", with what the server has sealed for the responder.
struct TurnOffer {
  Bytes granted;

  friend bool operator==(const TurnOffer&, const TurnOffer&) = default;
};
/// "I can be reached, you cannot: connect to me." The recipient dials only addresses at which a bootstrap sees the
/// sender.
struct DialMe {
  std::vector<Endpoint> tcp;
  std::vector<Endpoint> quic;

  friend bool operator==(const DialMe&, const DialMe&) = default;
};

// --- punching: docs/protocols/punch.md ---

/// What one end of a punch tells the other.
struct PunchEnd {
  std::uint64_t number = 0;  ///< The requester's: an answer bears it too.
  punch::Credentials credentials;
  std::vector<punch::Candidate> candidates;  ///< At most punch::kMaxCandidates.
  punch::Behaviour behaviour;

  friend bool operator==(const PunchEnd&, const PunchEnd&) = default;
};
/// Requester to responder: "I begin when you have answered; you may begin at once."
struct PunchOffer {
  PunchEnd end;
  friend bool operator==(const PunchOffer&, const PunchOffer&) = default;
};
struct PunchAnswer {
  PunchEnd end;
  friend bool operator==(const PunchAnswer&, const PunchAnswer&) = default;
};

using Message = std::variant<RelayOffer, TurnQuery, TurnDistances, TurnRequest, TurnGranted, TurnRefused, TurnOffer,
                             DialMe, PunchOffer, PunchAnswer>;

/// Every one of them is the sender's fault, but kStale (a clock may be wrong, or the carrier slow) and kUnknownKind (a
/// newer peer: pass it over).
enum class SignalError : std::uint8_t {
  kTooLarge,
  kNotForUs,
  kBadStatement,
  kStale,
  kReplayed,
  kMalformed,
  kUnknownKind
};

struct Received {
  PeerId from;
  Message message;
};

/// The statement's body alone.
[[nodiscard]] Bytes encode_body(const Message& message);
[[nodiscard]] Result<Message, SignalError> decode_body(ByteView body);

/// At most kMaxSealedSize bytes. `seq` comes from the sender's SequenceSource. Empty if `recipient` cannot be sealed
/// to.
[[nodiscard]] Bytes seal_message(Random& random, const crypto::SigningKey& key, const PeerId& recipient,
                                 std::uint64_t seq, WallTime now, const Message& message);

/// Opens, verifies and reads; remembers the seq, so that the same bytes are refused from then on.
[[nodiscard]] Result<Received, SignalError> open_message(const crypto::SigningKey& key, identity::ReplayWindow& seen,
                                                         WallTime now, ByteView sealed);

}  // namespace turnpike::signal
