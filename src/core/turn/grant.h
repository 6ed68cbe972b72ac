// What a TURN server grants: a session pinned to two peers and their two relayed addresses, signed so that both can
// check it, and the credential that opens an end of it (docs/protocols/turn.md).
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/identity/statement.h"

namespace turnpike::turn {

using identity::PeerId;

constexpr std::string_view kGrantStatementType = "turn-grant";

/// Names a session. Unpredictable, but no secret: the password is.
struct SessionId {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] static std::optional<SessionId> parse(std::string_view text);  ///< 32 lower-case hex digits.
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const SessionId&, const SessionId&) = default;
};

struct Limits {
  std::uint64_t bytes = 0;             ///< Both directions together.
  std::uint64_t bytes_per_second = 0;  ///< Both directions together; 0 = not limited.

  friend constexpr auto operator<=>(const Limits&, const Limits&) = default;
};

struct Grant {
  SessionId session;
  PeerId requester;
  PeerId responder;
  Endpoint requester_relayed;
  Endpoint responder_relayed;
  Limits limits;
  WallTime until;

  friend bool operator==(const Grant&, const Grant&) = default;
};

/// A statement of the server's, for everybody. `seq` is from its SequenceSource. It stands for as long as a statement
/// may, or until the grant ends.
[[nodiscard]] Bytes sign_grant(const crypto::SigningKey& server, const Grant& grant, std::uint64_t seq, WallTime now);

enum class GrantError : std::uint8_t { kBadStatement, kExpired, kWrongServer, kMalformed };

/// Checks the signature, that it is `server`'s, its time, and that the relayed addresses and peers differ.
[[nodiscard]] Result<Grant, GrantError> verify_grant(ByteView envelope, const PeerId& server, WallTime now);

/// The name that goes into USERNAME: "<expiry, unix seconds>:<session>:<peer id>".
struct SessionUsername {
  std::uint64_t expiry = 0;  ///< Unix seconds.
  SessionId session;
  PeerId peer;

  [[nodiscard]] static std::optional<SessionUsername> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
};

/// The password of a name: base64url(HMAC-SHA-256(secret, name)). Only the server has the secret.
[[nodiscard]] std::string session_password(ByteView secret, std::string_view username);

}  // namespace turnpike::turn
