// The words of a proof that a service can be reached from outside (docs/protocols/proof.md): shared by the bootstrap
// that arranges it, the peer that sends the nonce, and the peer that waits for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hex.h"
#include "base/time.h"
#include "core/rendezvous/service.h"

namespace turnpike::rendezvous {

/// What has to arrive at the service: unguessable, used once. In a STUN Binding request it is the transaction id.
using ProofNonce = std::array<std::uint8_t, 12>;

constexpr Duration kProofLifetime = std::chrono::minutes(30);
/// From the order to the nonce's return: the line that the order takes may be busy.
constexpr Duration kProbeLimit = std::chrono::seconds(10);
constexpr Duration kDialTime = std::chrono::seconds(3);  ///< Of it, for whoever sends the nonce.

/// How an ask ended, for the asker. The numbers are those of the wire.
enum class ProofOutcome : std::uint8_t {
  kProved = 1,
  kNothingArrived = 2,  ///< Probers were asked, and their nonces did not come back in time.
  kNoProber = 3,        ///< There is nobody to ask. The bootstrap tries again by itself when somebody comes.
  kNotYours = 4,        ///< The address is not the one at which the bootstrap observes the asker, or is not global.
  kTooFast = 5,         ///< A budget is used up.
};

/// How a prober's dial ended, as it says. A hint only: what counts is what arrives.
enum class ProbeOutcome : std::uint8_t {
  kSent = 1,
  kFailed = 2,    ///< Refused, unreachable, or silent.
  kDeclined = 3,  ///< Against the prober's own limits.
};

[[nodiscard]] constexpr bool is_outcome(ProofOutcome outcome) {
  return outcome >= ProofOutcome::kProved && outcome <= ProofOutcome::kTooFast;
}
[[nodiscard]] constexpr bool is_outcome(ProbeOutcome outcome) {
  return outcome >= ProbeOutcome::kSent && outcome <= ProbeOutcome::kDeclined;
}

/// Over HTTP the nonce is the last segment of this path: GET /v1/proof/<24 lower-case hex digits>.
constexpr std::string_view kProofPath = "/v1/proof/";
/// Over libp2p TCP it ends the name of the first protocol proposed: /turnpike/proof/1/<24 lower-case hex digits>.
constexpr std::string_view kProofProtocol = "/turnpike/proof/1/";

[[nodiscard]] inline std::string nonce_text(const ProofNonce& nonce) { return to_hex(nonce); }
/// Nothing unless `text` is exactly 24 lower-case hex digits.
[[nodiscard]] std::optional<ProofNonce> parse_nonce(std::string_view text);

}  // namespace turnpike::rendezvous
