#include "core/kad/lookup.h"

#include <algorithm>

#include "core/kad/realm.h"

namespace turnpike::kad {

Lookup::Lookup(Instant now, const identity::AnyPeerId& self, Bytes key, const std::vector<Peer>& seeds,
               const LookupOptions& options)
    : target_(Place::of(key)),
      key_(std::move(key)),
      self_(Place::of(self)),
      options_(options),
      deadline_(now + kLookupTime) {
  for (const Peer& seed : seeds) consider(seed, 1, true);
  settle();
}

Lookup::Candidates::iterator Lookup::find(const identity::AnyPeerId& peer) {
  return candidates_.find(distance(target_, Place::of(peer)));
}

void Lookup::consider(Peer peer, std::size_t hop, bool seed) {
  const Place place = Place::of(peer.id);
  const Digest apart = distance(target_, place);
  if (place == self_ || candidates_.contains(apart)) return;
  if (!seed && peer.addresses.empty()) return;  // seeds are those whom we know ourselves, perhaps by a connection alone
  Candidate candidate{.peer = std::move(peer), .deadline = {}, .hop = hop, .network = {}};
  if (!candidate.peer.addresses.empty()) {
    const auto at = endpoint_of(candidate.peer.addresses.front());
    if (at && at->address.is_global()) candidate.network = network_of(at->address);
  }
  if (!seed && candidate.network) {
    const auto near = std::ranges::count_if(
        candidates_, [&](const auto& entry) { return entry.second.network == candidate.network; });
    if (static_cast<std::size_t>(near) >= kMaxCandidatesPerNetwork) return;
  }
  if (candidates_.size() == kMaxCandidates) {
    const auto farthest = std::prev(candidates_.end());
    if (farthest->first <= apart || farthest->second.state == State::kAsked) return;
    candidates_.erase(farthest);
  }
  candidates_.emplace(apart, std::move(candidate));
}

void Lookup::take_providers(const Message& answer, const IpAddress& told_at) {
  if (options_.type != Type::kGetProviders) return;
  for (std::size_t i = 0; i < std::min(answer.providers.size(), kMaxPeers); ++i) {
    const Peer& provider = answer.providers[i];
    if (found_.size() >= std::min(options_.enough, kMaxFound)) return;
    const bool known = std::ranges::find(found_, provider.id, &Peer::id) != found_.end();
    if (known || Place::of(provider.id) == self_) continue;
    found_.push_back({provider.id, passing(provider.addresses, told_at, provider.id)});
  }
}

void Lookup::handle_answer(Instant now, const identity::AnyPeerId& from, const IpAddress& told_at,
                           const Message& answer) {
  const auto at = find(from);
  if (over_ || at == candidates_.end() || at->second.state != State::kAsked) return;
  --asked_;
  const bool is_right = answer.type == options_.type && now < at->second.deadline;
  at->second.state = is_right ? State::kAnswered : State::kFailed;
  if (is_right) {
    take_providers(answer, told_at);
    const Digest own = at->first;
    const std::size_t hop = at->second.hop + 1;
    for (std::size_t i = 0; i < std::min(answer.closer.size(), kMaxPeers); ++i) {
      const Peer& named = answer.closer[i];
      // Whom it names must be closer than it is itself. A few farther ones are taken while we know too few.
      const bool closer = distance(target_, Place::of(named.id)) < own;
      if (!closer && candidates_.size() >= kReplication) continue;
      consider({named.id, passing(named.addresses, told_at, named.id)}, hop, false);
    }
  }
  settle();
}

void Lookup::handle_failure(Instant, const identity::AnyPeerId& peer) {
  const auto at = find(peer);
  if (over_ || at == candidates_.end() || at->second.state != State::kAsked) return;
  --asked_;
  at->second.state = State::kFailed;
  settle();
}

void Lookup::handle_timeout(Instant now) {
  if (over_) return;
  for (auto& [apart, candidate] : candidates_) {
    if (candidate.state != State::kAsked || now < candidate.deadline) continue;
    candidate.state = State::kFailed;
    --asked_;
  }
  if (now >= deadline_) {
    over_ = true;
    cut_short_ = true;
    return;
  }
  settle();
}

// Over when the kReplication closest that have not failed have all answered, or nobody is left to ask.
void Lookup::settle() {
  if (found_.size() >= std::min(options_.enough, kMaxFound)) over_ = true;
  std::size_t answered = 0;
  for (const auto& [apart, candidate] : candidates_) {
    if (candidate.state == State::kFailed) continue;
    if (candidate.state == State::kAnswered) {
      if (++answered == kReplication) break;
      continue;
    }
    if (candidate.state == State::kUnasked && questions_ == kMaxQuestions) {
      cut_short_ = true;
      continue;
    }
    return;
  }
  over_ = true;
}

std::optional<Question> Lookup::poll_question(Instant now) {
  if (over_ || asked_ == kParallel || questions_ == kMaxQuestions) return std::nullopt;
  std::size_t considered = 0;
  for (auto& [apart, candidate] : candidates_) {
    if (candidate.state == State::kFailed) continue;
    if (considered++ == kReplication) break;
    if (candidate.state != State::kUnasked) continue;
    candidate.state = State::kAsked;
    candidate.deadline = now + kQuestionTime;
    ++asked_;
    ++questions_;
    hops_ = std::max(hops_, candidate.hop);
    return Question{candidate.peer, {options_.type, key_, {}, {}}};
  }
  return std::nullopt;
}

std::optional<Peer> Lookup::poll_found() {
  if (told_ == found_.size()) return std::nullopt;
  return found_[told_++];
}

std::optional<Instant> Lookup::poll_timeout() const {
  if (over_) return std::nullopt;
  Instant next = deadline_;
  for (const auto& [apart, candidate] : candidates_) {
    if (candidate.state == State::kAsked) next = std::min(next, candidate.deadline);
  }
  return next;
}

std::vector<Peer> Lookup::closest() const {
  std::vector<Peer> out;
  for (const auto& [apart, candidate] : candidates_) {
    if (candidate.state == State::kAnswered && out.size() < kReplication) out.push_back(candidate.peer);
  }
  return out;
}

}  // namespace turnpike::kad
