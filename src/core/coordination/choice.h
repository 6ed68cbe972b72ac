// Which of the relaying peers is asked first: the one that is nearest to both ends together.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "core/identity/peer_id.h"

namespace turnpike::coordination {

using identity::PeerId;

/// Sums of round trips that differ by less are as good as equal: then the pair's own hash decides, so that pairs
/// spread.
constexpr Duration kEquallyNear = std::chrono::milliseconds(10);
/// What a distance counts as that nobody has measured: the server may do, but not before one that is known to be near.
constexpr Duration kUnknownDistance = std::chrono::milliseconds(500);

struct Candidate {
  PeerId server;
  std::optional<Duration> ours;
  std::optional<Duration> theirs;
};

/// By the sum of the two round trips, then by rendezvous hashing of (requester, responder, server).
[[nodiscard]] std::vector<PeerId> rank(const PeerId& requester, const PeerId& responder,
                                       const std::vector<Candidate>& candidates);

}  // namespace turnpike::coordination
