// Signed statements: what a peer says of itself, for one network, one use, one audience and a limited time.
// The bytes are described in docs/protocols/statement.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/peer_id.h"

namespace turnpike::identity {

constexpr std::string_view kNetwork = "turnpike-1";
constexpr std::string_view kStatementDomain = "turnpike-statement";
constexpr std::string_view kStatementPayloadType = "/turnpike/statement/1";

constexpr std::uint64_t kClockToleranceMs = 10 * 60 * 1000;        ///< How wrong the two clocks may be, together.
constexpr std::uint64_t kMaxStatementLifetimeMs = 60 * 60 * 1000;  ///< From signing to expiry.
constexpr std::size_t kMaxStatementTypeSize = 64;

struct Statement {
  std::string type;                ///< "registration", "signal", …: at most kMaxStatementTypeSize bytes of UTF-8.
  std::optional<PeerId> audience;  ///< Whom it is for. Without one it is for everybody.
  std::uint64_t seq = 0;           ///< From a SequenceSource: of two statements of one type, the higher one holds.
  WallTime expires;                ///< At most kMaxStatementLifetimeMs after it is signed.
  Bytes body;                      ///< What `type` says it is.
};

/// The signed envelope. It must stay below kMaxEnvelopeSize, or nobody will read it.
[[nodiscard]] Bytes sign_statement(const crypto::SigningKey& key, const Statement& statement);

struct Verified {
  PeerId signer;
  Statement statement;
};

/// All of them but kExpired and kTooFarAhead (a clock may be wrong) say that the sender broke the protocol.
enum class StatementError : std::uint8_t {
  kMalformed,
  kBadSignature,
  kWrongNetwork,
  kWrongType,
  kWrongAudience,
  kExpired,
  kTooFarAhead,  ///< Expires later than any honest statement made by now, or bears a seq from the future.
};

/// Checks, in this order: form, signature, network, type, audience, time. A statement passes until kClockToleranceMs
/// after its expiry; one whose expiry is more than kMaxStatementLifetimeMs + kClockToleranceMs ahead, or whose seq is
/// more than kClockToleranceMs ahead of `now`, does not pass. `audience` must equal the statement's exactly: both
/// absent, or both the same peer. Says nothing of replays: see core/identity/replay.h.
[[nodiscard]] Result<Verified, StatementError> verify_statement(ByteView envelope, std::string_view type,
                                                                const std::optional<PeerId>& audience, WallTime now);

}  // namespace turnpike::identity
