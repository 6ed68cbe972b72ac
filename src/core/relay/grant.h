// What a relay grants: a session, a credential for each end, and a quote; and how they are written in the handshake of
// `/v1/relay/<session>` (docs/protocols/relay.md).
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"

namespace turnpike::relay {

/// Names a session. Unpredictable, but no secret: the credential is.
struct SessionId {
  std::array<std::uint8_t, 16> bytes{};

  /// 32 lower-case hex digits, as in the path of the handshake.
  [[nodiscard]] static std::optional<SessionId> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const SessionId&, const SessionId&) = default;
};

/// Lets one peer join one end of one session, once.
struct Credential {
  Digest bytes{};

  /// base64url without padding, 43 characters.
  [[nodiscard]] static std::optional<Credential> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  /// For containers and tests; whoever checks a credential compares in constant time.
  friend constexpr auto operator<=>(const Credential&, const Credential&) = default;
};

/// How much a session may carry, told before it starts so that no end is surprised by the cut.
struct Quote {
  std::uint64_t bytes = 0;             ///< Both directions together.
  std::uint64_t bytes_per_second = 0;  ///< Both directions together; 0 = not limited.
  WallTime until;                      ///< The session is over then, by the relay's clock.

  /// "bytes=17179869184;rate=0;until=1795362000000", the value of the handshake's Turnpike-Quote header.
  [[nodiscard]] static std::optional<Quote> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const Quote&, const Quote&) = default;
};

constexpr std::string_view kRelayPath = "/v1/relay/";                  ///< followed by SessionId::to_string()
constexpr std::string_view kCredentialHeader = "Turnpike-Credential";  ///< request: Credential::to_string()
constexpr std::string_view kQuoteHeader = "Turnpike-Quote";            ///< 101 response: Quote::to_string()

}  // namespace turnpike::relay
