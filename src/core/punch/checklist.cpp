#include "core/punch/checklist.h"

namespace turnpike::punch {

Pair* Checklist::add(const PairKey& key, const Pair& pair) {
  if (Pair* const known = find(key)) return known;
  if (pairs_.size() >= kMaxPairs) return nullptr;
  if (pair.kind == CandidateKind::kPeerReflexive) {
    if (peer_reflexive_ >= kMaxPeerReflexive) return nullptr;
    ++peer_reflexive_;
  }
  return &pairs_.emplace(key, pair).first->second;
}

Pair* Checklist::find(const PairKey& key) {
  const auto found = pairs_.find(key);
  return found == pairs_.end() ? nullptr : &found->second;
}

const Pair* Checklist::find(const PairKey& key) const {
  const auto found = pairs_.find(key);
  return found == pairs_.end() ? nullptr : &found->second;
}

void Checklist::remember(const stun::TransactionId& id, const Sent& sent) {
  sent_.insert_or_assign(id, sent);
  order_.push_back(id);
  while (order_.size() > kMaxTransactions) {
    sent_.erase(order_.front());
    order_.pop_front();
  }
}

std::optional<Checklist::Sent> Checklist::take(const stun::TransactionId& id) {
  const auto found = sent_.find(id);
  if (found == sent_.end()) return std::nullopt;
  const Sent out = found->second;
  sent_.erase(found);
  return out;
}

std::optional<PairKey> Checklist::best_valid() const {
  std::optional<PairKey> best;
  std::uint64_t priority = 0;
  for (const auto& [key, pair] : pairs_) {
    if (!pair.valid || (best && pair.priority <= priority)) continue;
    best = key;
    priority = pair.priority;
  }
  return best;
}

}  // namespace turnpike::punch
