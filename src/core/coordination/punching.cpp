#include "core/coordination/punching.h"

#include <algorithm>

namespace turnpike::coordination {

void Punching::request(Now now, const PeerId& peer, std::size_t bootstrap) {
  if (own_.empty()) return deny(peer, "no UDP port is open here", kHopelessRetry);
  if (const auto at = attempts_.find(peer); at != attempts_.end()) {
    if (at->second.stage != Stage::kOpen) {
      at->second.ours = at->second.ours || at->second.stage == Stage::kMeasuring;
      return;  // what is under way will do
    }
    attempts_.erase(at);
  }
  if (!has_room()) return deny(peer, "too many punches are under way here");
  Attempt& attempt = attempts_[peer];
  attempt = {.id = ++last_id_,
             .number = random_.below(UINT64_MAX),
             .bootstrap = bootstrap,
             .ours = true,
             .deadline = now.mono + kMeasureNatLimit,
             .credentials = punch::Credentials::draw(random_)};
  if (is_fresh(now.mono)) return proceed(now, peer, attempt);
  measure(now);
}

std::size_t Punching::under_way() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(attempts_, [](const auto& each) { return each.second.stage != Stage::kOpen; }));
}

void Punching::measure(Now now) {
  if (measuring_ && now.mono < *measuring_ + kMeasureNatLimit) return;
  measuring_ = now.mono;
  actions_.emplace_back(MeasureNat{});
}

void Punching::handle_sightings(Now now, const std::vector<punch::Sighting>& seen) {
  measuring_.reset();
  measured_ = now.mono;
  seen_ = seen;
  behaviour_ = punch::classify(seen);
  std::vector<PeerId> waiting;
  for (const auto& [peer, attempt] : attempts_) {
    if (attempt.stage == Stage::kMeasuring) waiting.push_back(peer);
  }
  for (const PeerId& peer : waiting) {
    if (const auto at = attempts_.find(peer); at != attempts_.end()) proceed(now, peer, at->second);
  }
}

std::vector<punch::Candidate> Punching::candidates() const {
  std::vector<punch::Candidate> out = own_;
  // The newest mapping first: the ports that come next are counted from it.
  for (auto seen = seen_.rbegin(); seen != seen_.rend(); ++seen) {
    const auto is_it = [&](const punch::Candidate& other) { return other.endpoint == seen->mapped; };
    if (std::ranges::none_of(out, is_it)) out.push_back({seen->mapped, punch::CandidateKind::kReflexive});
  }
  if (out.size() <= punch::kMaxCandidates) return out;
  // Whoever is told sorts by worth: the reflexive ones must not be cut off behind many addresses of ours.
  const auto is_host = [](const punch::Candidate& each) { return each.kind == punch::CandidateKind::kHost; };
  while (out.size() > punch::kMaxCandidates) {
    const auto last = std::find_if(out.rbegin(), out.rend(), is_host);
    out.erase(last == out.rend() ? std::prev(out.end()) : std::next(last).base());
  }
  return out;
}

// Measured: tell the other end.
void Punching::proceed(Now now, const PeerId& peer, Attempt& attempt) {
  attempt.told = candidates();
  const signal::PunchEnd end{attempt.number, attempt.credentials, attempt.told, behaviour_};
  if (!attempt.theirs) {
    attempt.stage = Stage::kOffered;
    attempt.deadline = now.mono + kPunchAnswerLimit;
    actions_.emplace_back(Say{attempt.bootstrap, peer, signal::PunchOffer{end}});
    return;
  }
  actions_.emplace_back(Say{attempt.bootstrap, peer, signal::PunchAnswer{end}});
  start(now, attempt);
}

void Punching::start(Now now, Attempt& attempt) {
  attempt.stage = Stage::kRunning;
  attempt.deadline = now.mono + kPunchRunLimit;
  actions_.emplace_back(
      StartPunch{.id = attempt.id,
                 .local = {.role = attempt.ours ? punch::Role::kControlling : punch::Role::kControlled,
                           .credentials = attempt.credentials,
                           .candidates = attempt.told,
                           .behaviour = behaviour_},
                 .remote = {.credentials = attempt.theirs->credentials,
                            .candidates = attempt.theirs->candidates,
                            .behaviour = attempt.theirs->behaviour,
                            .witnessed = attempt.witnessed}});
}

bool Punching::handle_signal(Now now, std::size_t bootstrap, const PeerId& from,
                             const std::optional<IpAddress>& observed, const signal::Message& message) {
  if (const auto* offer = std::get_if<signal::PunchOffer>(&message)) {
    on_offer(now, bootstrap, from, observed, offer->end);
    return true;
  }
  if (const auto* answer = std::get_if<signal::PunchAnswer>(&message)) {
    on_answer(now, from, observed, answer->end);
    return true;
  }
  return false;
}

void Punching::on_offer(Now now, std::size_t bootstrap, const PeerId& from, const std::optional<IpAddress>& observed,
                        const signal::PunchEnd& end) {
  if (own_.empty()) return;
  std::erase_if(offered_, [&](const auto& each) { return now.mono >= each.second + kPunchOfferPeriod; });
  if (offered_.contains(from) || offered_.size() >= kMaxPunches) return;
  const auto at = attempts_.find(from);
  if (at != attempts_.end() && at->second.stage != Stage::kOpen) {
    // Both have offered: the greater id's offer holds, and it is that peer who connects.
    if (at->second.stage == Stage::kRunning || (at->second.ours && from < self_)) return;
    attempts_.erase(at);
  } else if (at != attempts_.end()) {
    attempts_.erase(at);
  }
  if (!has_room()) return;
  offered_[from] = now.mono;
  Attempt& attempt = attempts_[from];
  attempt = {.id = ++last_id_,
             .number = end.number,
             .bootstrap = bootstrap,
             .ours = false,
             .deadline = now.mono + kMeasureNatLimit,
             .credentials = punch::Credentials::draw(random_)};
  attempt.theirs = end;
  if (observed) attempt.witnessed.push_back(*observed);
  if (is_fresh(now.mono)) return proceed(now, from, attempt);
  measure(now);
}

void Punching::on_answer(Now now, const PeerId& from, const std::optional<IpAddress>& observed,
                         const signal::PunchEnd& end) {
  const auto at = attempts_.find(from);
  if (at == attempts_.end() || at->second.stage != Stage::kOffered || at->second.number != end.number) return;
  at->second.theirs = end;
  if (observed) at->second.witnessed.push_back(*observed);
  start(now, at->second);
}

std::map<PeerId, Punching::Attempt>::iterator Punching::find(std::uint64_t id) {
  return std::ranges::find_if(attempts_, [&](const auto& each) { return each.second.id == id; });
}

void Punching::handle_opened(Now now, std::uint64_t id, const Endpoint& remote) {
  (void)now;
  const auto at = find(id);
  if (at == attempts_.end() || at->second.stage != Stage::kRunning) return;
  at->second.stage = Stage::kOpen;
  actions_.emplace_back(HoleOpened{at->first, remote, at->second.ours});
}

void Punching::handle_punch_failed(Now now, std::uint64_t id, punch::PunchFailure why) {
  (void)now;
  const auto at = find(id);
  if (at == attempts_.end() || at->second.stage != Stage::kRunning) return;
  const PeerId peer = at->first;
  attempts_.erase(at);
  measured_.reset();  // the next attempt looks at the NAT anew
  deny(peer, std::string(punch::words_of(why)),
       why == punch::PunchFailure::kHopeless ? kHopelessRetry : Duration::zero());
}

void Punching::handle_lost(Now now, std::uint64_t id) {
  (void)now;
  const auto at = find(id);
  if (at == attempts_.end()) return;
  const PeerId peer = at->first;
  attempts_.erase(at);
  actions_.emplace_back(HoleGone{peer});
}

void Punching::handle_network_changed() {
  measured_.reset();
  measuring_.reset();
}

void Punching::handle_timeout(Now now) {
  std::vector<std::pair<PeerId, std::string>> over;
  for (const auto& [peer, attempt] : attempts_) {
    if (attempt.stage == Stage::kOpen || now.mono < attempt.deadline) continue;
    over.emplace_back(peer, attempt.stage == Stage::kMeasuring ? "no STUN server answers"
                            : attempt.stage == Stage::kOffered ? "the partner did not answer"
                                                               : "it took too long");
  }
  for (const auto& [peer, reason] : over) {
    attempts_.erase(peer);
    deny(peer, reason);
  }
  if (measuring_ && now.mono >= *measuring_ + kMeasureNatLimit) measuring_.reset();
}

void Punching::deny(const PeerId& peer, std::string reason, Duration retry_after) {
  actions_.emplace_back(PunchDenied{peer, std::move(reason), retry_after});
}

std::optional<PunchAction> Punching::poll_action() {
  if (actions_.empty()) return std::nullopt;
  PunchAction out = std::move(actions_.front());
  actions_.pop_front();
  return out;
}

std::optional<Instant> Punching::poll_timeout() const {
  std::optional<Instant> next;
  for (const auto& [peer, attempt] : attempts_) {
    if (attempt.stage != Stage::kOpen && (!next || attempt.deadline < *next)) next = attempt.deadline;
  }
  return next;
}

}  // namespace turnpike::coordination
