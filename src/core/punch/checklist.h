// The pairs of one punch and the checks under way on them (RFC 8445, section 6.1): bounded tables, no policy.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/time.h"
#include "core/punch/candidate.h"
#include "core/punch/check.h"

namespace turnpike::punch {

/// One of our sockets: 0 is the one on P, others were opened for this punch.
using SocketNumber = std::uint32_t;

struct PairKey {
  SocketNumber socket = 0;
  Endpoint remote;
  friend constexpr auto operator<=>(const PairKey&, const PairKey&) = default;
};

struct Pair {
  CandidateKind kind = CandidateKind::kReflexive;
  std::uint64_t priority = 0;  ///< As both ends compute it.
  unsigned sent = 0;
  bool heard = false;                  ///< A check of the peer came this way.
  bool valid = false;                  ///< A check of ours was answered this way.
  bool nominated = false;              ///< By the controlling end, whoever that is.
  Duration rtt{};                      ///< Of the first answer.
  std::optional<Instant> triggered{};  ///< When it was last answered with a check of our own.
};

constexpr std::size_t kMaxPairs = 320;          ///< 12 candidates, 256 sockets, and what turns up.
constexpr std::size_t kMaxPeerReflexive = 16;   ///< Sources that turn up, of one punch.
constexpr std::size_t kMaxTransactions = 2048;  ///< Checks whose answer is still taken; the oldest are forgotten.

class Checklist {
 public:
  struct Sent {
    PairKey pair;
    Instant at;
    Role role = Role::kControlling;  ///< As it said.
    bool use_candidate = false;
  };

  /// Null when there is no room; the one that is there already when it is.
  Pair* add(const PairKey& key, const Pair& pair);
  [[nodiscard]] Pair* find(const PairKey& key);
  [[nodiscard]] const Pair* find(const PairKey& key) const;
  [[nodiscard]] const std::map<PairKey, Pair>& pairs() const { return pairs_; }

  void remember(const stun::TransactionId& id, const Sent& sent);
  /// Forgets it too.
  [[nodiscard]] std::optional<Sent> take(const stun::TransactionId& id);
  [[nodiscard]] bool is_ours(const stun::TransactionId& id) const { return sent_.contains(id); }
  [[nodiscard]] std::size_t transactions() const { return sent_.size(); }

  /// The valid pair of highest priority; nothing without a valid one.
  [[nodiscard]] std::optional<PairKey> best_valid() const;

 private:
  std::map<PairKey, Pair> pairs_;
  std::map<stun::TransactionId, Sent> sent_;
  std::deque<stun::TransactionId> order_;
  std::size_t peer_reflexive_ = 0;
};

}  // namespace turnpike::punch
