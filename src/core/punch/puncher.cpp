#include "core/punch/puncher.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace turnpike::punch {
namespace {

using namespace std::chrono_literals;

// When a pair is checked again while nothing comes back: soon while both ends begin, then ever more seldom. Six checks
// in all, so that four addresses with three ports each stay far below what one address may get.
constexpr std::array kRetryAfter{60ms, 140ms, 300ms, 650ms, 1400ms};
constexpr Duration kTriggerAgain = 40ms;  // a pair whose checks come in one behind the other is answered so often
constexpr Duration kNominateAgain = 100ms;

// The candidate checks are told to have: what a peer-reflexive one of ours would be worth.
constexpr std::uint32_t kCheckPriority = (110U << 24U) | (0x7fffU << 8U) | 255U;

}  // namespace

std::string_view words_of(PunchFailure failure) {
  switch (failure) {
    case PunchFailure::kNoCandidates:
      return "the peer told no address that may be tried";
    case PunchFailure::kNoAnswer:
      return "nothing came through";
    case PunchFailure::kHopeless:
      return "both routers give out ports that nobody can know in advance";
    case PunchFailure::kHeldBack:
      return "held back to spare the router";
  }
  return "unknown";
}

Puncher::Puncher(Random& random, Governor& governor, LocalEnd local)
    : random_(random), governor_(governor), local_(std::move(local)), tie_breaker_(random.below(UINT64_MAX)) {}

void Puncher::start(Instant now, RemoteEnd remote) {
  if (remote_ || over_) return;
  remote_ = std::move(remote);
  outlook_ = outlook_of(local_.behaviour, remote_->behaviour);
  deadline_ = now + kPunchLimit;
  next_slot_ = now;
  add_predicted_pairs(now);
  add_plain_pairs(now);
  if (checks_.pairs().empty()) return fail_with(PunchFailure::kNoCandidates);
  // What the peer sent before we knew its password can be answered with checks now.
  std::vector<PairKey> heard;
  for (const auto& [key, pair] : checks_.pairs()) {
    if (pair.heard) heard.push_back(key);
  }
  for (const PairKey& key : heard) trigger(now, key, *checks_.find(key));
  if (outlook_ == Outlook::kWeOpen || outlook_ == Outlook::kWeGuess) guess_at_ = now + kGuessAfter;
  run_queue(now);
}

// Before all others: where ports have an order, the first packets must go where the peer expects ours to come from.
void Puncher::add_predicted_pairs(Instant now) {
  const Behaviour& theirs = remote_->behaviour;
  if (!theirs.is_predictable()) return;
  for (const Candidate& candidate : acceptable(remote_->candidates, local_.candidates)) {
    if (candidate.kind != CandidateKind::kReflexive) continue;
    std::size_t index = 0;
    for (const std::uint16_t port : predict(theirs, candidate.endpoint.port, kPredictedPorts)) {
      const Candidate predicted{{candidate.endpoint.address, port}, CandidateKind::kPredicted};
      const PairKey key{0, predicted.endpoint};
      Pair* const pair =
          checks_.add(key, {.kind = predicted.kind, .priority = priority_with(priority_of(predicted, index++))});
      if (pair != nullptr) schedule(now, {key});
    }
    break;  // the address all of its mappings have
  }
}

void Puncher::add_plain_pairs(Instant now) {
  const bool moves_on = !is_steady(remote_->behaviour) && remote_->behaviour.mapping != Mapping::kUnknown;
  std::size_t index = 0;
  for (const Candidate& candidate : acceptable(remote_->candidates, local_.candidates)) {
    // What a server saw of such a NAT is open to that server alone, and a packet there would use up a port of ours.
    const bool is_servers = moves_on && candidate.kind == CandidateKind::kReflexive;
    if (is_servers && local_.behaviour.is_predictable() && remote_->behaviour.is_predictable()) continue;
    const PairKey key{0, candidate.endpoint};
    const Pair fresh{.kind = candidate.kind, .priority = priority_with(priority_of(candidate, index++))};
    if (checks_.add(key, fresh) != nullptr) schedule(now, {key});
  }
}

void Puncher::add_sockets(Instant now, SocketNumber first, std::size_t count) {
  const auto to = steady_endpoint();
  if (!to || over_ || opened_) return;
  for (std::size_t i = 0; i < std::min(count, kManySockets); ++i) {
    const PairKey key{first + static_cast<SocketNumber>(i), *to};
    const Candidate candidate{*to, CandidateKind::kReflexive};
    if (checks_.add(key, {.kind = candidate.kind, .priority = priority_with(priority_of(candidate, 0))}) == nullptr) {
      break;
    }
    schedule(now, {key, true});
  }
  run_queue(now);
}

// The one endpoint of a peer whose packets all leave by it.
std::optional<Endpoint> Puncher::steady_endpoint() const {
  if (!remote_) return std::nullopt;
  std::optional<Endpoint> found;
  for (const Candidate& candidate : acceptable(remote_->candidates, local_.candidates)) {
    if (candidate.kind != CandidateKind::kReflexive && candidate.kind != CandidateKind::kMapped) continue;
    if (candidate.endpoint.address.family != IpAddress::Family::kV4) continue;
    found = candidate.endpoint;
    if (candidate.kind == CandidateKind::kReflexive) break;
  }
  if (found && remote_->behaviour.is_predictable()) {
    const auto ports = predict(remote_->behaviour, found->port, 1);
    if (!ports.empty()) found->port = ports.front();
  }
  return found;
}

void Puncher::start_guessing(Instant now) {
  guess_at_.reset();
  if (anything_heard()) return;  // plain checks get through: a matter of milliseconds
  pace_ = kGuessPace;
  if (outlook_ == Outlook::kWeOpen) {
    events_.emplace_back(WantSockets{kManySockets});
    return;
  }
  const auto near = steady_endpoint();
  if (!near) return;
  std::set<std::uint16_t> ports;
  while (ports.size() < kMaxGuesses) {
    const auto port = static_cast<std::uint16_t>(kLowestPort + random_.below(0x10000 - kLowestPort));
    if (ports.insert(port).second) schedule(now, {{0, {near->address, port}}, true});
  }
}

bool Puncher::handle_datagram(Instant now, SocketNumber socket, const Endpoint& from, ByteView datagram) {
  const auto message = stun::MessageView::parse(datagram);
  if (!message) return false;
  const PairKey key{socket, from};
  if (message->message_class() == stun::Class::kRequest) {
    const auto request = read_request(*message, local_.credentials);
    if (!request) {
      const CheckError why = request.error();
      const bool is_peers = why == CheckError::kMalformed || why == CheckError::kUnknownAttribute;
      if (!is_peers) return why == CheckError::kWrongPassword;
      const auto code =
          why == CheckError::kMalformed ? stun::ErrorCode::kBadRequest : stun::ErrorCode::kUnknownAttribute;
      out_.push_back({socket, from, encode_error(message->id(), code, local_.credentials)});
      return true;
    }
    handle_request(now, key, *request);
    return true;
  }
  // Before the password is tried: that costs more than a stranger should be able to ask of us.
  if (!remote_ || !checks_.is_ours(message->id())) return false;
  const auto response = read_response(*message, remote_->credentials);
  if (!response) return false;
  const auto sent = checks_.take(response->id);
  if (!sent) return false;
  // From elsewhere than we asked: a middlebox that would not carry what follows (RFC 8445, section 7.2.5.2.1).
  if (sent->pair != key) return true;
  governor_.handle_answer(from.address);
  if (response->error == stun::ErrorCode::kRoleConflict) {
    // The opposite of what that check said, not of what we are by now: its answer may be late.
    local_.role = other(sent->role);
    schedule(now, {key, checks_.find(key) == nullptr});
    run_queue(now);
  } else if (response->seen) {
    handle_success(now, *sent, *response);
  }
  return true;
}

void Puncher::handle_request(Instant now, const PairKey& key, const CheckRequest& request) {
  if (resolve_conflict(key, request)) return;
  out_.push_back({key.socket, key.remote, encode_success(request.id, key.remote, local_.credentials)});
  if (over_) return;
  Pair* pair = checks_.find(key);
  if (pair == nullptr) {
    pair = checks_.add(key, {.kind = CandidateKind::kPeerReflexive, .priority = priority_with(request.priority)});
    if (pair == nullptr) return;
  }
  pair->heard = true;
  if (request.use_candidate && local_.role == Role::kControlled) pair->nominated = true;
  if (pair->valid && pair->nominated && local_.role == Role::kControlled) return open(key, *pair);
  trigger(now, key, *pair);
}

/// RFC 8445, section 7.3.1.1. True when the request got its answer here.
bool Puncher::resolve_conflict(const PairKey& key, const CheckRequest& request) {
  if (request.role != local_.role || opened_) return false;
  const bool we_win = tie_breaker_ >= request.tie_breaker;
  const bool we_control = local_.role == Role::kControlling;
  if (we_win == we_control) {
    out_.push_back(
        {key.socket, key.remote, encode_error(request.id, stun::ErrorCode::kRoleConflict, local_.credentials)});
    return true;
  }
  local_.role = other(local_.role);
  return false;
}

// A check the other way, at once: the peer's NAT is open to us now.
void Puncher::trigger(Instant now, const PairKey& key, Pair& pair) {
  if (!remote_ || opened_ || pair.valid) return;
  if (pair.triggered && now < *pair.triggered + kTriggerAgain) return;
  pair.triggered = now;
  if (send(now, key, false)) schedule_retries(now, key, pair);
}

void Puncher::handle_success(Instant now, const Checklist::Sent& sent, const CheckResponse& response) {
  if (over_) return;
  (void)response;
  Pair* pair = checks_.find(sent.pair);
  if (pair == nullptr) {  // a guess that hit
    const Candidate hit{sent.pair.remote, CandidateKind::kPredicted};
    pair = checks_.add(sent.pair, {.kind = hit.kind, .priority = priority_with(priority_of(hit, 0))});
    if (pair == nullptr) return;
  }
  if (!pair->valid) {
    pair->valid = true;
    pair->rtt = now - sent.at;
  }
  if (local_.role == Role::kControlled) {
    if (pair->nominated) open(sent.pair, *pair);
    return;
  }
  if (sent.use_candidate) return open(sent.pair, *pair);
  // The worthiest kinds are not waited for by anything better.
  const bool is_best = pair->kind == CandidateKind::kHost || checks_.pairs().size() == 1;
  const Instant at = is_best ? now : now + kSettle;
  nominate_at_ = nominate_at_ ? std::min(*nominate_at_, at) : at;
  if (*nominate_at_ <= now) nominate(now);
}

void Puncher::nominate(Instant now) {
  nominate_at_.reset();
  if (opened_ || local_.role != Role::kControlling) return;
  // One pair, until it is clear that it does not do: both ends are to open the same.
  if (!nominee_ || nominations_ >= kMaxNominations) {
    if (nominee_) checks_.find(*nominee_)->valid = false;
    nominee_ = checks_.best_valid();
    nominations_ = 0;
  }
  if (!nominee_) return;
  ++nominations_;
  (void)send(now, *nominee_, true);
  nominate_at_ = now + kNominateAgain;  // until it is answered
}

void Puncher::open(const PairKey& key, const Pair& pair) {
  if (opened_) return;
  opened_ = key;
  over_ = true;
  queue_.clear();
  guess_at_.reset();
  nominate_at_.reset();
  deadline_.reset();
  events_.emplace_back(Opened{key, pair.rtt, pair.kind});
}

void Puncher::fail_with(PunchFailure why) {
  over_ = true;
  queue_.clear();
  guess_at_.reset();
  nominate_at_.reset();
  deadline_.reset();
  events_.emplace_back(Failed{why});
}

bool Puncher::send(Instant now, const PairKey& key, bool use_candidate) {
  switch (governor_.ask(now, key.socket, key.remote, is_witnessed(key.remote.address))) {
    case Governor::Verdict::kWait:
      held_back_ = true;
      return false;
    case Governor::Verdict::kStop:
      return false;
    case Governor::Verdict::kSend:
      break;
  }
  CheckRequest request{.id = random_.array<12>(),
                       .priority = kCheckPriority,
                       .role = local_.role,
                       .tie_breaker = tie_breaker_,
                       .use_candidate = use_candidate && local_.role == Role::kControlling};
  checks_.remember(request.id, {key, now, local_.role, request.use_candidate});
  out_.push_back({key.socket, key.remote, encode(request, local_.credentials, remote_->credentials)});
  if (Pair* const pair = checks_.find(key)) ++pair->sent;
  ++probes_;
  return true;
}

void Puncher::schedule_retries(Instant now, const PairKey& key, const Pair& pair) {
  if (pair.sent == 0 || pair.sent > kRetryAfter.size()) return;
  schedule(now + kRetryAfter[pair.sent - 1], {key});
}

// One a slot: bursts would be lost in a home's uplink queue, and cost its owner's call its sound.
void Puncher::run_queue(Instant now) {
  while (!queue_.empty() && !over_) {
    const auto first = queue_.begin();
    if (first->first > now || next_slot_ > now) return;
    const Probe probe = first->second;
    queue_.erase(first);
    const Pair* const pair = checks_.find(probe.pair);
    if (pair != nullptr && pair->valid) continue;
    if (probe.guess && anything_heard()) continue;
    if (!send(now, probe.pair, false)) continue;
    next_slot_ = now + pace_;
    if (!probe.guess) schedule_retries(now, probe.pair, *checks_.find(probe.pair));
  }
}

void Puncher::handle_timeout(Instant now) {
  if (over_) return;
  if (guess_at_ && now >= *guess_at_) start_guessing(now);
  if (nominate_at_ && now >= *nominate_at_) nominate(now);
  run_queue(now);
  if (deadline_ && now >= *deadline_ && !over_) {
    if (held_back_ && !anything_heard()) return fail_with(PunchFailure::kHeldBack);
    fail_with(outlook_ == Outlook::kHopeless ? PunchFailure::kHopeless : PunchFailure::kNoAnswer);
  }
}

std::optional<Puncher::Send> Puncher::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  Send out = std::move(out_.front());
  out_.pop_front();
  return out;
}

std::optional<Puncher::Event> Puncher::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event out = events_.front();
  events_.pop_front();
  return out;
}

std::optional<Instant> Puncher::poll_timeout() const {
  std::optional<Instant> out = deadline_;
  const auto sooner = [&](Instant at) { out = out ? std::min(*out, at) : at; };
  if (guess_at_) sooner(*guess_at_);
  if (nominate_at_) sooner(*nominate_at_);
  if (!queue_.empty() && !over_) sooner(std::max(queue_.begin()->first, next_slot_));
  return out;
}

std::uint64_t Puncher::priority_with(std::uint32_t remote) const {
  const bool we_control = local_.role == Role::kControlling;
  return pair_priority(we_control ? kCheckPriority : remote, we_control ? remote : kCheckPriority);
}

bool Puncher::is_witnessed(const IpAddress& address) const {
  return std::ranges::find(remote_->witnessed, address) != remote_->witnessed.end();
}

bool Puncher::anything_heard() const {
  return std::ranges::any_of(checks_.pairs(),
                             [](const auto& entry) { return entry.second.heard || entry.second.valid; });
}

}  // namespace turnpike::punch
