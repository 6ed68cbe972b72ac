// Where a peer behind a NAT may be met (RFC 8445, section 5.1), what one is worth, and which are never tried.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/endpoint.h"

namespace turnpike::punch {

/// In the order of what they are worth.
enum class CandidateKind : std::uint8_t {
  kHost,           ///< An address of the machine itself.
  kMapped,         ///< A port that the router was asked to map.
  kPeerReflexive,  ///< Seen when the peer's check came from there (RFC 8445, section 7.3.1.3).
  kReflexive,      ///< What a STUN server saw of this very socket.
  kPredicted,      ///< A port that the NAT is likely to give out next.
};

struct Candidate {
  Endpoint endpoint;
  CandidateKind kind = CandidateKind::kHost;

  friend constexpr auto operator<=>(const Candidate&, const Candidate&) = default;
};

constexpr std::size_t kMaxCandidates = 12;   ///< Of one peer; one place is kept for each address family.
constexpr std::size_t kMaxTold = 256;        ///< Looked at; more is not what an honest peer has.
constexpr std::size_t kMaxHosts = 4;         ///< Different addresses among them: what one punch can bother.
constexpr std::uint16_t kLowestPort = 1024;  ///< Below it no home router maps anything, and other people's servers are.

/// RFC 8445, section 5.1.2: type preference, then IPv6 before IPv4, then the order they were told in (`index`).
[[nodiscard]] std::uint32_t priority_of(const Candidate& candidate, std::size_t index);
/// RFC 8445, section 6.1.2.3: the same number at both ends.
[[nodiscard]] std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled);

/// What is left of a peer's candidates when those that cannot be a peer's, or must not be bothered, are taken out:
/// unset, link-local and multicast addresses, loopback unless it is told of us too, low ports, repetitions, addresses
/// of `ours` (that would be us), and private addresses unless the peer is behind the same NAT as we are, which shows in
/// a reflexive address that is one of `ours` too. At most kMaxCandidates at kMaxHosts addresses, worthiest first.
[[nodiscard]] std::vector<Candidate> acceptable(std::span<const Candidate> told, std::span<const Candidate> ours);

}  // namespace turnpike::punch
