// Which bytes are a store: ranks what is announced under its id, since an id alone proves nothing (design of trust:
// pinned, signed by a publisher, announced by a trusted peer, then by the number of distinct networks).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/endpoint.h"
#include "core/identity/peer_id.h"
#include "core/sync/fetch.h"

namespace turnpike::sync {

/// One peer's claim to hold these bytes under the store's id.
struct Announcement {
  identity::PeerId peer;
  IpAddress from;  ///< Where it was seen; witnesses of one /24 or /48 count once.
  store::Content content;
  std::uint64_t seq = 0;
  bool trusted = false;                             ///< The operator vouches for the peer.
  std::optional<std::uint64_t> publisher_seq = {};  ///< Set when a publisher named in the configuration signed it.
};

struct Candidate {
  store::Content content;
  Mark mark = Mark::kUnconfirmed;
  std::uint64_t publisher_seq = 0;
  std::size_t networks = 0;
  std::size_t peers = 0;
};

/// How many contents of one contested store are staged.
constexpr std::size_t kMaxStaged = 4;

struct Choice {
  /// Empty: nobody announces anything fit. One: fetch it. Several: contested, all are staged (at most kMaxStaged).
  std::vector<Candidate> candidates;
  [[nodiscard]] bool is_contested() const { return candidates.size() > 1; }
};

/// Surest first. Under a pin only the pinned content counts, announced or not.
[[nodiscard]] std::vector<Candidate> rank(std::span<const Announcement> announcements,
                                          const std::optional<store::Content>& pin);

/// A conflict is decided for a leader that is of a surer kind than the rest, or has at least two networks and more
/// than any other of its kind; else it stays contested.
[[nodiscard]] Choice choose(std::span<const Announcement> announcements, const std::optional<store::Content>& pin);

}  // namespace turnpike::sync
