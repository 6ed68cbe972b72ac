// `/turnpike/signal/1`: what one peer tells another through a carrier that may not read it. Signed, then sealed to the
// recipient (docs/protocols/signal.md).
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/identity/replay.h"
#include "core/relay/grant.h"

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

using Message = std::variant<RelayOffer>;

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
