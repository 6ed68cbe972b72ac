#include "core/rendezvous/proofs.h"

#include <algorithm>

#include "crypto/hash.h"

namespace turnpike::rendezvous {
namespace {

constexpr Duration kAskAgain = std::chrono::seconds(30);  // where nothing better is known

bool contains(const std::vector<IpAddress>& all, const IpAddress& one) {
  return std::ranges::find(all, one) != all.end();
}

}  // namespace

bool may_probe(const IpAddress& prober, const IpAddress& target) {
  return prober.family == target.family && prober.is_global() && network_of(prober) != network_of(target);
}

// --- who is there ---

void Proofs::add_prober(Now now, ConnectionId connection, const PeerId& peer, const IpAddress& observed) {
  const auto [prober, fresh] = probers_.try_emplace(connection);
  if (!fresh) return;
  prober->second = {.peer = peer, .observed = observed.unmapped(), .place = order_.size()};
  order_.push_back(connection);
  // Whom nobody could prove so far is proved now, rather than when it asks again.
  std::vector<AskId> glad;
  for (const AskId id : waiting_) {
    if (glad.size() == kMaxWaitingServed) break;
    glad.push_back(id);
  }
  for (const AskId id : glad) {
    const auto ask = asks_.find(id);
    if (prober->second.under_way >= kMaxProbesPerProber) break;
    if (ask->second.sent < kMaxProbesPerAsk && is_fit(connection, prober->second, ask->second))
      launch(now, ask, connection, prober->second.observed);
  }
}

void Proofs::remove(Now now, ConnectionId connection) {
  std::vector<AskId> asked;
  for (auto at = by_service_.lower_bound({connection, Service{}}); at != by_service_.end(); ++at) {
    if (at->first.first != connection) break;
    asked.push_back(at->second);
  }
  for (const AskId id : asked) drop(asks_.find(id));
  const auto prober = probers_.find(connection);
  if (prober == probers_.end()) return;
  probers_.at(order_.back()).place = prober->second.place;
  std::swap(order_[prober->second.place], order_.back());
  order_.pop_back();
  probers_.erase(prober);
  std::vector<Number> lost;
  for (const auto& [number, probe] : probes_) {
    if (probe.prober == connection) lost.push_back(number);
  }
  for (const Number number : lost) {
    const auto probe = probes_.find(number);
    const AskId id = probe->second.ask;
    end_probe(probe, false);
    advance(now, asks_.find(id));
  }
}

// --- what an asker says ---

void Proofs::ask(Now now, ConnectionId asker, const PeerId& peer, const IpAddress& observed_as, const Service& target,
                 std::vector<IpAddress> avoided) {
  ++counters_.asks;
  const IpAddress observed = observed_as.unmapped();
  // Whoever could name another address could have a stranger hit by all of us.
  if (target.endpoint.address.unmapped() != observed || !observed.is_global() || target.endpoint.port == 0) {
    ++counters_.refused;
    actions_.push_back(TellOutcome{asker, target, ProofOutcome::kNotYours, {}});
    return;
  }
  const auto known = by_service_.find({asker, target});
  if (known != by_service_.end()) drop(asks_.find(known->second));
  std::size_t asks = 0;
  for (auto at = by_service_.lower_bound({asker, Service{}}); at != by_service_.end() && at->first.first == asker;
       ++at) {
    ++asks;
  }
  auto wait = over_budget(now, peer, observed);
  if (!wait && (asks >= kMaxAsksPerPeer || probes_.size() + kMaxProbesPerAsk > kMaxProbes)) wait = kAskAgain;
  if (wait) {
    ++counters_.refused;
    actions_.push_back(TellOutcome{asker, target, ProofOutcome::kTooFast, *wait});
    return;
  }
  if (avoided.size() > kMaxAvoided) avoided.resize(kMaxAvoided);
  const AskId id = ++last_ask_;
  const auto ask = asks_
                       .emplace(id, Ask{.asker = asker,
                                        .peer = peer,
                                        .observed = observed,
                                        .target = target,
                                        .avoided = std::move(avoided),
                                        .tried = {},
                                        .since = now.mono,
                                        .next = now.mono})
                       .first;
  by_service_.emplace(std::pair{asker, target}, id);
  wake_.emplace(now.mono, id);
  advance(now, ask);
}

void Proofs::handle_seen(Now now, ConnectionId asker, const ProofNonce& nonce, ServiceKind at, const IpAddress& from) {
  const auto known = by_nonce_.find(nonce);
  const auto probe = known == by_nonce_.end() ? probes_.end() : probes_.find(known->second);
  const auto ask = probe == probes_.end() ? asks_.end() : asks_.find(probe->second.ask);
  const bool good = ask != asks_.end() && ask->second.asker == asker && ask->second.target.kind == at &&
                    now.mono < probe->second.deadline && network_of(from.unmapped()) == network_of(probe->second.from);
  if (!good) {
    ++counters_.rejected;
    return;
  }
  ++counters_.proved;
  Ask& proved = ask->second;
  end_probe(probe, true);
  for (const Number number : proved.live) {
    const Probe& slower = probes_.at(number);
    const bool is_late = slower.counts && now.mono >= slower.since + kProbeHedge;
    if (is_late && slower.prober) ++probers_.at(*slower.prober).misses;
  }
  remember(now, proved.peer, proved.target);
  answer(proved, ProofOutcome::kProved, kProofLifetime);
  drop(ask);
}

// --- what a prober says ---

void Proofs::handle_probed(Now now, std::optional<ConnectionId> prober, std::uint64_t number, ProbeOutcome outcome) {
  const auto at = probes_.find(number);
  if (at == probes_.end() || at->second.prober != prober || outcome == ProbeOutcome::kSent) return;
  // It may still arrive, whatever the prober says; but there is no reason to wait before the next is asked.
  release(at->second);
  hasten(at, now.mono + kAfterFailure);
  if (prober && outcome == ProbeOutcome::kFailed) ++probers_.at(*prober).misses;
  const auto ask = asks_.find(at->second.ask);
  if (!ask->second.answered) static_cast<void>(send_next(now, ask));
}

void Proofs::handle_timeout(Now now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.mono) {
    const auto probe = probes_.find(deadlines_.begin()->second);
    const AskId id = probe->second.ask;
    end_probe(probe, false);
    advance(now, asks_.find(id));
  }
  while (!wake_.empty() && wake_.begin()->first <= now.mono) {
    advance(now, asks_.find(wake_.begin()->second));
  }
  while (!lapses_.empty() && lapses_.begin()->first <= now.mono) {
    const PeerId peer = lapses_.begin()->second;
    lapses_.erase(lapses_.begin());
    const auto proved = proved_.find(peer);
    std::erase_if(proved->second, [&](const auto& each) { return each.second <= now.mono; });
    if (proved->second.empty()) {
      proved_.erase(proved);
      continue;
    }
    Instant next = proved->second.begin()->second;
    for (const auto& [service, until] : proved->second) next = std::min(next, until);
    lapses_.emplace(next, peer);
  }
}

std::optional<Proofs::Action> Proofs::poll_action() {
  if (actions_.empty()) return std::nullopt;
  Action out = std::move(actions_.front());
  actions_.pop_front();
  return out;
}

std::optional<Instant> Proofs::poll_timeout() const {
  std::optional<Instant> out;
  const auto at = [&](Instant instant) {
    if (!out || instant < *out) out = instant;
  };
  if (!deadlines_.empty()) at(deadlines_.begin()->first);
  if (!wake_.empty()) at(wake_.begin()->first);
  if (!lapses_.empty()) at(lapses_.begin()->first);
  return out;
}

const std::map<Service, Instant>* Proofs::proved(const PeerId& peer) const {
  const auto at = proved_.find(peer);
  return at == proved_.end() ? nullptr : &at->second;
}

// --- the parts ---

std::optional<Duration> Proofs::over_budget(Now now, const PeerId& peer, const IpAddress& observed) {
  const IpAddress host = host_of(observed);
  const Duration wait = std::max({by_identity_.wait(now.mono, peer, 1), by_host_.wait(now.mono, host, 1),
                                  by_network_.wait(now.mono, observed, 1)});
  if (wait > Duration{}) return wait;
  // All three were asked first, so that a refusal costs nobody anything.
  const bool taken = by_identity_.take(now.mono, peer, 1) && by_host_.take(now.mono, host, 1) &&
                     by_network_.take(now.mono, observed, 1);
  return taken ? std::nullopt : std::optional(kAskAgain);
}

// Sends the next nonce when it is time, or says that there is no more to be done.
void Proofs::advance(Now now, Asks::iterator at) {
  Ask& ask = at->second;
  const bool due = ask.live.empty() || now.mono >= ask.next;
  if (!ask.answered && due && send_next(now, at)) return;
  if (!ask.live.empty()) {
    file(at, now.mono + kProbeLimit);  // they end before
    return;
  }
  if (!ask.answered && waits_for_one(now, ask)) {
    file(at, now.mono + kBusyWait);
    return;
  }
  if (!ask.answered) {
    answer(ask, ask.sent == 0 ? ProofOutcome::kNoProber : ProofOutcome::kNothingArrived, kAskAgain);
  }
  if (ask.sent >= kMaxProbesPerAsk || now.mono >= ask.since + kAskLifetime) {
    drop(at);
    return;
  }
  waiting_.insert(at->first);
  file(at, ask.since + kAskLifetime);
}

bool Proofs::send_next(Now now, Asks::iterator at) {
  Ask& ask = at->second;
  if (ask.sent >= kMaxProbesPerAsk) return false;
  if (const IpAddress* own = own_for(ask)) {
    ask.tried_own = true;
    launch(now, at, std::nullopt, *own);
    return true;
  }
  const auto prober = choose(now, ask);
  if (prober == probers_.end()) return false;
  launch(now, at, prober->first, prober->second.observed);
  return true;
}

const IpAddress* Proofs::own_for(const Ask& ask) const {
  if (ask.tried_own) return nullptr;
  const auto at = std::ranges::find_if(
      own_, [&](const IpAddress& each) { return may_probe(each, ask.observed) && !contains(ask.avoided, each); });
  return at == own_.end() ? nullptr : &*at;
}

// Drawn by lot among a few, so that no prober is everybody's, and one that misses much is nobody's for long.
Proofs::Probers::iterator Proofs::choose(Now now, const Ask& ask) {
  auto best = probers_.end();
  if (order_.empty()) return best;
  const std::size_t start = random_.below(order_.size());
  std::size_t weighed = 0;
  for (std::size_t i = 0; i < order_.size() && weighed < kMaxProbersWeighed; ++i) {
    const auto prober = probers_.find(order_[(start + i) % order_.size()]);
    if (i > 4 * kMaxProbersWeighed) break;
    if (!is_fit(prober->first, prober->second, ask) || !is_free(now, prober->second)) continue;
    ++weighed;
    if (best == probers_.end() || prober->second.misses < best->second.misses) best = prober;
    if (best->second.misses == 0) break;
  }
  return best;
}

bool Proofs::is_fit(ConnectionId connection, const Prober& prober, const Ask& ask) {
  return prober.peer != ask.peer && !ask.tried.contains(connection) && may_probe(prober.observed, ask.observed) &&
         !contains(ask.avoided, prober.observed);
}

bool Proofs::is_free(Now now, const Prober& prober) {
  return prober.under_way < kMaxProbesPerProber && prober.rate.wait(now.mono, kProberRate, 1) <= Duration{};
}

// There are probers, and all that would do are busy.
bool Proofs::waits_for_one(Now now, const Ask& ask) const {
  if (ask.sent >= kMaxProbesPerAsk || now.mono >= ask.since + kBusyLimit) return false;
  const std::size_t looked_at = std::min(order_.size(), kMaxProbersWeighed);
  return std::any_of(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(looked_at),
                     [&](ConnectionId each) { return is_fit(each, probers_.at(each), ask); });
}

void Proofs::launch(Now now, Asks::iterator at, std::optional<ConnectionId> prober, const IpAddress& from) {
  Ask& ask = at->second;
  const Number number = ++last_number_;
  Probe probe{.ask = at->first,
              .prober = prober,
              .from = from,
              .nonce = random_.array<12>(),
              .since = now.mono,
              .deadline = now.mono + kProbeLimit};
  ++counters_.probes;
  ++ask.sent;
  if (ask.live.empty()) ++proving_[ask.peer];
  ask.live.insert(number);
  by_nonce_.emplace(probe.nonce, number);
  deadlines_.emplace(probe.deadline, number);
  actions_.push_back(TellExpected{ask.asker, ask.target, crypto::sha256(probe.nonce)});
  if (prober) {
    Prober& asked = probers_.at(*prober);
    ask.tried.insert(*prober);
    ++asked.under_way;
    static_cast<void>(asked.rate.take(now.mono, kProberRate, 1));
    actions_.push_back(OrderProbe{*prober, number, ask.target, probe.nonce});
  } else {
    actions_.push_back(ProbeFromHere{number, ask.target, probe.nonce});
  }
  probes_.emplace(number, probe);
  file(at, now.mono + kProbeHedge);
}

void Proofs::hasten(std::map<Number, Probe>::iterator at, Instant deadline) {
  if (deadline >= at->second.deadline) return;
  deadlines_.erase({at->second.deadline, at->first});
  at->second.deadline = deadline;
  deadlines_.emplace(deadline, at->first);
}

void Proofs::release(Probe& probe) {
  if (!probe.counts || !probe.prober) return;
  probe.counts = false;
  const auto prober = probers_.find(*probe.prober);
  if (prober != probers_.end()) --prober->second.under_way;
}

void Proofs::end_probe(std::map<Number, Probe>::iterator at, bool arrived) {
  Probe& probe = at->second;
  if (const auto prober = probe.prober ? probers_.find(*probe.prober) : probers_.end(); prober != probers_.end()) {
    if (arrived) {
      prober->second.misses = 0;
    } else if (probe.counts) {
      ++prober->second.misses;
    }
  }
  release(probe);
  Ask& ask = asks_.at(probe.ask);
  ask.live.erase(at->first);
  if (ask.live.empty()) {
    const auto proving = proving_.find(ask.peer);
    if (--proving->second == 0) proving_.erase(proving);
  }
  by_nonce_.erase(probe.nonce);
  deadlines_.erase({probe.deadline, at->first});
  probes_.erase(at);
}

void Proofs::drop(Asks::iterator at) {
  while (!at->second.live.empty()) {
    const auto probe = probes_.find(*at->second.live.begin());
    release(probe->second);  // nobody waits for it any more: no prober is to blame that it does not come
    end_probe(probe, false);
  }
  waiting_.erase(at->first);
  wake_.erase({at->second.next, at->first});
  by_service_.erase({at->second.asker, at->second.target});
  asks_.erase(at);
}

void Proofs::file(Asks::iterator at, Instant next) {
  wake_.erase({at->second.next, at->first});
  at->second.next = next;
  wake_.emplace(next, at->first);
}

void Proofs::answer(Ask& ask, ProofOutcome outcome, Duration time) {
  if (ask.answered && outcome != ProofOutcome::kProved) return;
  ask.answered = true;
  actions_.push_back(TellOutcome{ask.asker, ask.target, outcome, time});
}

void Proofs::remember(Now now, const PeerId& peer, const Service& service) {
  const Instant until = now.mono + kProofLifetime;
  actions_.push_back(Proved{peer, service, until});
  if (!proved_.contains(peer)) {
    if (proved_.size() >= kMaxProvers) return;  // what is registered already is shown all the same
    lapses_.emplace(until, peer);
  }
  std::map<Service, Instant>& services = proved_[peer];
  // The oldest goes: ports that change do not add up.
  if (!services.contains(service) && services.size() >= kMaxAsksPerPeer) {
    services.erase(std::ranges::min_element(services, {}, [](const auto& each) { return each.second; }));
  }
  services[service] = until;
}

}  // namespace turnpike::rendezvous
