#include "core/reach/prover.h"

#include <algorithm>

#include "core/rendezvous/control.h"
#include "crypto/hash.h"

namespace turnpike::reach {
namespace {

bool can_be_dialled(const Endpoint& endpoint) {
  return endpoint.port != 0 && !endpoint.address.is_unspecified() && !endpoint.address.is_loopback();
}

// The first `limit`, but not all of one family where there are both.
void keep_both_families(std::vector<Candidate>& all, std::size_t limit) {
  if (all.size() <= limit) return;
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(limit);
  const auto family = all.front().service.endpoint.address.family;
  const auto is_other = [&](const Candidate& each) { return each.service.endpoint.address.family != family; };
  if (std::find_if(all.begin(), end, is_other) == end) {
    const auto other = std::find_if(end, all.end(), is_other);
    if (other != all.end()) *(end - 1) = *other;
  }
  all.erase(end, all.end());
}

}  // namespace

void Prover::set_candidates(Now now, std::vector<Candidate> candidates) {
  candidates_.clear();
  for (Candidate& each : candidates) {
    each.service.endpoint.address = each.service.endpoint.address.unmapped();
    const auto same = [&](const Candidate& other) { return other.service == each.service; };
    if (!can_be_dialled(each.service.endpoint) || std::ranges::any_of(candidates_, same)) continue;
    candidates_.push_back(each);
  }
  keep_both_families(candidates_, kMaxCandidates);
  settle(now);
}

void Prover::handle_link_up(Now now, std::size_t bootstrap, const IpAddress& observed) {
  const IpAddress address = observed.unmapped();
  observed_[{bootstrap, address.family}] = address;
  settle(now);
}

// What it proved goes on until it lapses: the bootstrap's own list does.
void Prover::handle_link_down(Now now, std::size_t bootstrap) {
  std::erase_if(observed_, [&](const auto& each) { return each.first.first == bootstrap; });
  std::erase_if(expected_, [&](const Expected& each) { return each.bootstrap == bootstrap; });
  std::erase_if(asks_, [&](const Ask& each) { return each.bootstrap == bootstrap; });
  std::erase_if(seen_, [&](const Seen& each) { return each.bootstrap == bootstrap; });
  for (auto& [key, standing] : standings_) {
    if (key.first != bootstrap || !standing.asked) continue;
    standing.asked = false;
    standing.next = now.mono;
  }
  settle(now);
}

void Prover::retry_now(Now now) {
  for (auto& [key, standing] : standings_) {
    standing.backoff.reset();
    if (!standing.asked) standing.next = now.mono;
  }
  settle(now);
}

// --- what bootstraps say ---

void Prover::handle_expect(Now now, std::size_t bootstrap, const Service& target, const Digest& digest) {
  if (expected_.size() >= kMaxExpected) expected_.pop_front();
  expected_.push_back({bootstrap, target, digest, now.mono + kExpectLimit});
  const auto early = std::ranges::find_if(early_, [&](const Early& each) {
    return each.at == target.kind && each.until > now.mono && crypto::sha256(each.nonce) == digest;
  });
  if (early == early_.end()) return;
  static_cast<void>(hand_back(*early));
  early_.erase(early);
}

void Prover::handle_result(Now now, std::size_t bootstrap, const Service& target, ProofOutcome outcome, Duration time) {
  const auto at = standings_.find({bootstrap, target});
  if (at == standings_.end()) return;  // of an address that is no longer ours
  Standing& standing = at->second;
  if (outcome != ProofOutcome::kProved) {
    fail(now, standing, outcome, time);
    settle(now);
    return;
  }
  const Duration lifetime = std::clamp(time, std::chrono::duration_cast<Duration>(std::chrono::minutes(1)),
                                       std::chrono::duration_cast<Duration>(rendezvous::kProofLifetime));
  standing.asked = false;
  standing.last = outcome;
  standing.failures = 0;
  standing.backoff.reset();
  standing.proved_until = now.mono + lifetime;
  standing.next = now.mono + path::Backoff::jittered(random_, renewal_after(lifetime));
  settle(now);
}

void Prover::fail(Now now, Standing& standing, ProofOutcome outcome, Duration wait) {
  standing.asked = false;
  standing.last = outcome;
  const bool holds = standing.proved_until && *standing.proved_until > now.mono;
  if (outcome == ProofOutcome::kNotYours) {
    standing.proved_until.reset();
  } else if (outcome == ProofOutcome::kNothingArrived && holds) {
    if (++standing.failures >= kRenewalFailures) {
      standing.proved_until.reset();
    } else {
      standing.next = now.mono + kRenewalRetry;
      return;
    }
  }
  const Duration least = outcome == ProofOutcome::kTooFast ? wait : Duration{};
  standing.next = now.mono + std::max(standing.backoff.fail(random_), std::min<Duration>(least, kAskBackoffLimit));
}

// --- what arrives ---

void Prover::handle_arrival(Now now, ServiceKind at, const ProofNonce& nonce, const IpAddress& from_as) {
  const IpAddress from = from_as.unmapped();
  if (is_near(from)) {
    ++counters_.foreign;
    return;
  }
  if (sent_to_.contains(now.mono, at, from)) {
    ++counters_.tainted;
    return;
  }
  std::erase_if(expected_, [&](const Expected& each) { return each.until <= now.mono; });
  const Early arrival{at, nonce, from, now.mono + kExpectLimit};
  if (hand_back(arrival)) return;
  // It may have overtaken its announcement.
  if (early_.size() >= kMaxEarly) early_.pop_front();
  early_.push_back(arrival);
  ++counters_.unknown;
}

void Prover::handle_dialled_back(Now now, const Service& target, const IpAddress& from_as) {
  const IpAddress from = from_as.unmapped();
  const bool is_ours = std::ranges::find(candidates_, target, &Candidate::service) != candidates_.end();
  if (!is_ours || !target.endpoint.address.is_global() || is_near(from) ||
      network_of(from) == network_of(target.endpoint.address)) {
    ++counters_.foreign;
    return;
  }
  if (sent_to_.contains(now.mono, target.kind, from)) {
    ++counters_.tainted;
    return;
  }
  Standing& standing = standings_[{kByPeers, target}];
  standing.last = ProofOutcome::kProved;
  standing.proved_until = now.mono + rendezvous::kProofLifetime;
  ++counters_.arrived;
  settle(now);
}

bool Prover::hand_back(const Early& arrival) {
  const Digest digest = crypto::sha256(arrival.nonce);
  const auto at = std::ranges::find_if(
      expected_, [&](const Expected& each) { return each.digest == digest && each.target.kind == arrival.at; });
  if (at == expected_.end()) return false;
  seen_.push_back({at->bootstrap, arrival.nonce, arrival.at, arrival.from});
  expected_.erase(at);
  ++counters_.arrived;
  return true;
}

bool Prover::is_near(const IpAddress& from) const {
  if (!from.is_global()) return true;
  return std::ranges::any_of(observed_, [&](const auto& each) {
    return each.second.family == from.family && network_of(each.second) == network_of(from);
  });
}

// --- what it wants ---

void Prover::handle_timeout(Now now) { settle(now); }

std::optional<Ask> Prover::poll_ask() {
  if (asks_.empty()) return std::nullopt;
  Ask out = std::move(asks_.front());
  asks_.pop_front();
  return out;
}

std::optional<Seen> Prover::poll_seen() {
  if (seen_.empty()) return std::nullopt;
  const Seen out = seen_.front();
  seen_.pop_front();
  return out;
}

std::optional<Instant> Prover::poll_timeout() const {
  std::optional<Instant> out;
  const auto at = [&](Instant instant) {
    if (!out || instant < *out) out = instant;
  };
  for (const auto& [key, standing] : standings_) {
    if (standing.proved_until) at(*standing.proved_until);
    if (observed_.contains({key.first, key.second.endpoint.address.family})) at(standing.next);
  }
  return out;
}

bool Prover::is_worth_asking(const Candidate& candidate, const IpAddress& observed) const {
  const IpAddress& address = candidate.service.endpoint.address;
  return address.is_global() && address == observed;
}

void Prover::settle(Now now) {
  now_ = now.mono;
  std::erase_if(standings_, [&](const auto& each) {
    return std::ranges::find(candidates_, each.first.second, &Candidate::service) == candidates_.end();
  });
  for (const Candidate& candidate : candidates_) {
    for (const auto& [where, observed] : observed_) {
      if (!is_worth_asking(candidate, observed)) continue;
      const auto [at, fresh] = standings_.try_emplace({where.first, candidate.service});
      if (fresh) at->second.next = now.mono;
    }
  }
  for (auto& [key, standing] : standings_) {
    if (standing.proved_until && *standing.proved_until <= now.mono) standing.proved_until.reset();
    const auto observed = observed_.find({key.first, key.second.endpoint.address.family});
    if (observed == observed_.end()) continue;
    if (standing.asked && standing.next <= now.mono) fail(now, standing, ProofOutcome::kNoProber, {});
    if (standing.asked || standing.next > now.mono) continue;
    // A bootstrap that sees us elsewhere by now would refuse, and rightly.
    if (key.second.endpoint.address != observed->second) {
      fail(now, standing, ProofOutcome::kNotYours, {});
    } else {
      ask(now, key.first, key.second, standing);
    }
  }
  services_.clear();
  for (const Candidate& candidate : candidates_) {
    const bool is_local = candidate.origin != Origin::kMapped && !candidate.service.endpoint.address.is_global();
    if (is_local || verdict_of(candidate) == Verdict::kProved) services_.push_back(candidate.service);
  }
  std::ranges::sort(services_);
}

void Prover::ask(Now now, std::size_t bootstrap, const Service& target, Standing& standing) {
  standing.asked = true;
  standing.next = now.mono + kAskLimit;
  asks_.push_back({bootstrap, target, sent_to_.latest(now.mono, target.kind, rendezvous::kMaxAvoided)});
}

// --- what is known ---

Verdict Prover::verdict_of(const Candidate& candidate) const {
  const Verdict at_sight = judge(candidate.origin, candidate.service.endpoint.address, observed());
  bool proving = false;
  bool nobody = false;
  bool nothing = false;
  for (const auto& [key, standing] : standings_) {
    if (key.second != candidate.service) continue;
    if (standing.proved_until && *standing.proved_until > now_) return Verdict::kProved;
    // What was found out stands while it is asked again.
    nothing |= standing.last == ProofOutcome::kNothingArrived;
    nobody |= standing.last == ProofOutcome::kNoProber;
    proving |= standing.asked && !standing.last;
  }
  if (at_sight != Verdict::kProving) return at_sight;
  if (nothing) return when_nothing_arrives(candidate.origin);
  return nobody && !proving ? Verdict::kNoProber : Verdict::kProving;
}

std::vector<Service> Prover::proved() const {
  std::vector<Service> out;
  for (const Candidate& candidate : candidates_) {
    if (verdict_of(candidate) == Verdict::kProved) out.push_back(candidate.service);
  }
  return out;
}

std::vector<CandidateView> Prover::view() const {
  std::vector<CandidateView> out;
  for (const Candidate& candidate : candidates_) {
    CandidateView view{.service = candidate.service,
                       .origin = candidate.origin,
                       .verdict = verdict_of(candidate),
                       .proved_until = {},
                       .next_action = {}};
    for (const auto& [key, standing] : standings_) {
      if (key.second != candidate.service) continue;
      if (standing.proved_until)
        view.proved_until = std::max(view.proved_until.value_or(Instant{}), *standing.proved_until);
      if (observed_.contains({key.first, key.second.endpoint.address.family}))
        view.next_action = std::min(view.next_action.value_or(Instant::max()), standing.next);
    }
    out.push_back(view);
  }
  return out;
}

std::vector<IpAddress> Prover::observed() const {
  std::vector<IpAddress> out;
  for (const auto& [bootstrap, address] : observed_) {
    if (std::ranges::find(out, address) == out.end()) out.push_back(address);
  }
  return out;
}

}  // namespace turnpike::reach
