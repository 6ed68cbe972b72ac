// What is known of one of our addresses, as the outside sees it, in words that say what to do.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/endpoint.h"

namespace turnpike::reach {

/// How we came to think that others reach us there.
enum class Origin : std::uint8_t {
  kOwn,         ///< An address of this machine.
  kMapped,      ///< A router says that it forwards it to us.
  kAdvertised,  ///< The operator says so.
};

enum class Verdict : std::uint8_t {
  kUnknown,      ///< No bootstrap sees us over this family yet.
  kProving,      ///< Asked, not answered.
  kProved,       ///< A nonce arrived there from outside within the last half hour.
  kLocal,        ///< Private: for neighbours only, told to nobody else.
  kNoProber,     ///< Nobody could be asked: not proved, and not disproved.
  kFirewall,     ///< The address is ours, and nothing arrives.
  kCgnat,        ///< The router's outside address is the carrier's (100.64/10): the carrier shares one among many.
  kDoubleNat,    ///< The router's outside address is private, or is not the one that the outside sees.
  kLyingRouter,  ///< The router says it forwards, its address is the one outside, and nothing arrives.
  kNotOurs,      ///< The outside sees us at another address.
};

/// "cgnat", "double-nat", "lying-router", "firewall", "proved", …: for JSON and logs.
[[nodiscard]] std::string_view name_of(Verdict verdict);
/// One line for people: what it means, and what helps.
[[nodiscard]] std::string_view words_of(Verdict verdict);

/// 100.64/10 (RFC 6598).
[[nodiscard]] bool is_carrier_grade(const IpAddress& address);

/// What can be said of an address without any probe. `seen`: where bootstraps see us. kProving: worth a probe.
[[nodiscard]] Verdict judge(Origin origin, const IpAddress& address, const std::vector<IpAddress>& seen);

/// What it means that nothing arrived at an address at which bootstraps see us.
[[nodiscard]] constexpr Verdict when_nothing_arrives(Origin origin) {
  return origin == Origin::kMapped ? Verdict::kLyingRouter : Verdict::kFirewall;
}

}  // namespace turnpike::reach
