#include "core/path/ladder.h"

#include <algorithm>

namespace turnpike::path {
namespace {

// What surrounds relayed content: frames and their tags, request and answer headers, a page of the layer.
constexpr std::uint64_t kRelayOverhead = 16U << 10U;
constexpr std::uint64_t kRelayOverheadShare = 256;

std::uint64_t on_the_wire(std::uint64_t content) { return content + content / kRelayOverheadShare + kRelayOverhead; }

std::uint64_t content_within(std::uint64_t wire) {
  if (wire <= kRelayOverhead) return 0;
  return (wire - kRelayOverhead) / (kRelayOverheadShare + 1) * kRelayOverheadShare;
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

std::string in_words(const PathFailure& failure) {
  std::string text(words_of(failure.end));
  if (!failure.detail.empty()) text += " (" + failure.detail + ")";
  return text;
}

}  // namespace

void Ladder::set_direct(Now now, const std::vector<Endpoint>& tcp, const std::vector<Endpoint>& quic, bool has_near) {
  direct_.set_endpoints(now.mono, tcp, quic, has_near);
  step(now);
}

void Ladder::set_connected(Now now, bool connected) {
  direct_.set_connected(now.mono, connected);
  step(now);
}

void Ladder::set_endpoints(Now now, const std::vector<Endpoint>& http) {
  std::vector<Endpoint> wanted;
  for (const Endpoint& endpoint : http) {
    if (std::find(wanted.begin(), wanted.end(), endpoint) == wanted.end()) wanted.push_back(endpoint);
  }
  keep_both_families(wanted, kMaxEndpoints);
  std::vector<Address> addresses;
  for (const Endpoint& endpoint : wanted) {
    const auto known = std::find_if(addresses_.begin(), addresses_.end(),
                                    [&](const Address& address) { return address.endpoint == endpoint; });
    if (known != addresses_.end()) {
      addresses.push_back(*known);
    } else {
      addresses.emplace_back().endpoint = endpoint;
      addresses.back().next_try = now.mono;
    }
  }
  for (const Address& gone : addresses_) {
    if (gone.attempt && std::find(wanted.begin(), wanted.end(), gone.endpoint) == wanted.end()) close(*gone.attempt);
  }
  addresses_ = std::move(addresses);
  step(now);
}

void Ladder::set_bootstraps(Now now, const std::vector<std::size_t>& linked) {
  const bool more = std::any_of(linked.begin(), linked.end(), [&](std::size_t index) {
    return std::find(linked_.begin(), linked_.end(), index) == linked_.end();
  });
  linked_ = linked;
  peer_relay_.set_bootstraps(now.mono, linked);
  punch_.set_bootstraps(now.mono, linked);
  if (more) {
    relay_.backoff.reset();
    relay_.next_try = now.mono;
  }
  step(now);
}

void Ladder::expect(Now now, bool more) {
  expecting_ = more;
  step(now);
}

void Ladder::want(Now now, bool relay_too) {
  if (wanted_ && relay_wanted_ == relay_too) return;
  const bool fresh = !wanted_;
  wanted_ = true;
  relay_wanted_ = relay_too;
  if (fresh && !has_free_rung_open() && !peer_relay_.open() && relay_.state != RelayState::kOpen) start_race(now.mono);
  step(now);
}

void Ladder::release(Now now) {
  if (!wanted_) return;
  wanted_ = false;
  relay_wanted_ = false;
  released_ = now.mono;
  drop_attempts();
  step(now);
}

void Ladder::retry_now(Now now) {
  for (Address& address : addresses_) {
    address.backoff.reset();
    address.next_try = now.mono;
  }
  direct_.retry_now(now.mono);
  peer_relay_.retry_now(now.mono);
  punch_.retry_now(now.mono);
  relay_.backoff.reset();
  relay_.next_try = now.mono;
  next_http_start_ = now.mono;
  step(now);
}

void Ladder::start_race(Instant now) {
  race_since_ = now;
  settled_ = false;
  race_bytes_ = 0;
  next_http_start_ = now;
  peer_relay_.start_race(now);
  punch_.start_race(now);
}

void Ladder::handle_open(Now now, PathId path, Duration rtt, Rung rung) {
  direct_.handle_open(now.mono, path, rtt, rung);
  peer_relay_.handle_open(now.mono, path, rtt);
  for (Address& address : addresses_) {
    if (address.attempt != path) continue;
    address.attempt.reset();
    address.reason.clear();
    http_ = OpenPathState{.path = path, .rtt = rtt, .endpoint = address.endpoint, .used = now.mono};
  }
  if (relay_.state == RelayState::kTrying && relay_.path == path) {
    relay_.state = RelayState::kOpen;
    relay_.reason.clear();
    relay_.open = OpenPathState{.path = path, .rtt = rtt, .used = now.mono};
  }
  step(now);
}

void Ladder::handle_closed(Now now, PathId path, const PathFailure& failure) {
  if (direct_.handle_closed(now.mono, path, in_words(failure), random_) && !http_) lose_path(now);
  if (peer_relay_.handle_closed(now.mono, path, in_words(failure), random_) && !has_free_rung_open()) lose_path(now);
  if (http_ && http_->path == path) {
    const OpenPathState lost = *http_;
    http_.reset();
    for (Address& address : addresses_) {
      if (address.endpoint == lost.endpoint) fail_address(now.mono, address, in_words(failure), lost.proven);
    }
    if (!direct_.open()) lose_path(now);
  }
  for (Address& address : addresses_) {
    if (address.attempt == path) fail_address(now.mono, address, in_words(failure), false);
  }
  if (relay_.state == RelayState::kTrying && relay_.path == path) {
    fail_relay(now.mono, in_words(failure), {}, false);
  } else if (relay_.state == RelayState::kOpen && relay_.path == path) {
    const bool renew = failure.end == PathEnd::kQuoteSpent && relay_.open.proven;
    fail_relay(now.mono, in_words(failure), {}, relay_.open.proven);
    if (renew) relay_.next_try = now.mono;
    if (!has_free_rung_open()) lose_path(now);
  }
  step(now);
}

void Ladder::demote(Now now, PathId path, const PathFailure& failure) {
  if (!owns(path)) return;
  close(path);
  handle_closed(now, path, failure);
}

// The way is gone: whatever else there is races anew, and the relay is held back anew.
void Ladder::lose_path(Now now) {
  if (wanted_) start_race(now.mono);
}

void Ladder::handle_grant(Now now, const RelayTarget& granted) {
  if (relay_.state != RelayState::kAsking) return;
  const bool too_short = granted.quote.until.unix_ms != 0 &&
                         granted.quote.until.unix_ms < now.wall.unix_ms + std::uint64_t{kMinUsefulTime / 1ms};
  if (granted.quote.bytes < kMinUsefulQuote || too_short) {
    fail_relay(now.mono, "the bootstrap grants too little for one piece", {}, false);
  } else {
    relay_.state = RelayState::kTrying;
    relay_.target = granted;
    relay_.path = ids_.next();
    relay_.charged = 0;
    relay_.deadline = now.mono + kRelayAttemptLimit;
    actions_.emplace_back(Open{.path = relay_.path, .rung = Rung::kBootstrapRelay, .target = granted});
  }
  step(now);
}

void Ladder::handle_denied(Now now, std::string reason, Duration retry_after) {
  if (relay_.state != RelayState::kAsking) return;
  fail_relay(now.mono, std::move(reason), retry_after, false);
  step(now);
}

void Ladder::handle_peer_grant(Now now, const PeerRelayTarget& granted) {
  peer_relay_.handle_grant(now, granted, ids_, actions_);
  step(now);
}

void Ladder::handle_peer_denied(Now now, std::string reason, Duration retry_after) {
  peer_relay_.handle_denied(now.mono, std::move(reason), retry_after, random_);
  step(now);
}

void Ladder::handle_hole(Now now, const Endpoint& hole, bool ours) {
  punch_.handle_hole();
  if (!punch_.is_allowed() || has_free_rung_open()) return;
  direct_.drop_attempt(actions_);
  direct_.set_hole(now.mono, hole, ours);
  step(now);
}

void Ladder::handle_hole_gone(Now now) {
  if (!direct_.open() && !direct_.is_trying()) direct_.drop_hole();
  step(now);
}

void Ladder::handle_punch_failed(Now now, std::string reason, Duration retry_after) {
  punch_.handle_failed(now.mono, std::move(reason), retry_after, random_);
  step(now);
}

void Ladder::handle_timeout(Now now) { step(now); }

void Ladder::handle_fetch_started(Now now, PathId path, std::uint64_t bytes) {
  OpenPathState* state = open_state(path);
  if (state == nullptr) return;
  ++state->fetches;
  state->used = now.mono;
  if (state == &relay_.open) {
    relay_.charged += on_the_wire(bytes);
    if (!settled_) race_bytes_ += on_the_wire(bytes);
  }
  if (peer_relay_.open() && state == &*peer_relay_.open()) peer_relay_.handle_fetch_started(on_the_wire(bytes));
  step(now);
}

void Ladder::handle_delivered(Now now, PathId path, std::uint64_t bytes) {
  OpenPathState* state = open_state(path);
  if (state == nullptr) return;
  state->proven = true;
  state->used = now.mono;
  if (state == &relay_.open) {
    relay_.backoff.reset();
    bytes_[index_of(Rung::kBootstrapRelay)] += bytes;
    return;
  }
  if (direct_.open() && state == &*direct_.open()) return direct_.handle_delivered(bytes);
  if (peer_relay_.open() && state == &*peer_relay_.open()) return peer_relay_.handle_delivered(bytes);
  bytes_[index_of(Rung::kHttp)] += bytes;
  for (Address& address : addresses_) {
    if (address.endpoint == state->endpoint) address.backoff.reset();
  }
}

void Ladder::handle_fetch_ended(Now now, PathId path, std::uint64_t undelivered) {
  OpenPathState* state = open_state(path);
  if (state == nullptr) return;
  if (state->fetches > 0) --state->fetches;
  state->used = now.mono;
  if (state == &relay_.open) {
    relay_.charged = minus(relay_.charged, undelivered);
    race_bytes_ = minus(race_bytes_, undelivered);
  }
  if (peer_relay_.open() && state == &*peer_relay_.open()) peer_relay_.handle_fetch_ended(undelivered);
  step(now);
}

std::optional<Action> Ladder::poll_action() {
  if (actions_.empty()) return std::nullopt;
  Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

void Ladder::step(Now now) {
  if (wanted_) {
    try_direct(now.mono);
    try_addresses(now.mono);
    settle(now.mono);
  }
  punch_.step(now.mono, needs_punch(), random_, actions_);
  peer_relay_.step(now, needs_peer_relay(), random_, actions_);
  close_what_is_not_needed(now);
  try_relay(now.mono);
  schedule(now);
}

void Ladder::try_direct(Instant now) { direct_.step(now, ids_, random_, actions_); }

void Ladder::try_addresses(Instant now) {
  if (!allowed_[index_of(Rung::kHttp)] || has_free_rung_open()) return;
  for (Address& address : addresses_) {
    if (address.attempt && now >= address.attempt_deadline) {
      close(*address.attempt);
      fail_address(now, address, "no answer", false);
    }
  }
  for (Address& address : addresses_) {
    if (address.attempt || now < address.next_try) continue;
    if (now < next_http_start_) return;
    address.attempt = ids_.next();
    address.attempt_deadline = now + kHttpAttemptLimit;
    next_http_start_ = now + kHttpStagger;
    actions_.emplace_back(Open{.path = *address.attempt, .rung = Rung::kHttp, .target = HttpTarget{address.endpoint}});
  }
}

void Ladder::settle(Instant now) {
  if (settled_) return;
  const bool http_may_come =
      allowed_[index_of(Rung::kHttp)] && std::any_of(addresses_.begin(), addresses_.end(), [&](const Address& address) {
        return address.attempt || address.next_try <= now;
      });
  const bool peer_may_come = needs_peer_relay() && peer_relay_.may_come(now);
  const bool punch_may_come = needs_punch() && punch_.may_come(now);
  const bool may_yet_come =
      !has_free_rung_open() && (direct_.may_come(now) || http_may_come || punch_may_come || peer_may_come);
  const bool may_be_told = expecting_ && !has_free_rung_open() && now < race_since_ + kRelayHold;
  settled_ = !(may_yet_come || may_be_told) || now >= race_since_ + kRaceLimit;
}

bool Ladder::relay_is_possible() const {
  return relay_wanted_ && allowed_[index_of(Rung::kBootstrapRelay)] && !linked_.empty() && !has_free_rung_open() &&
         !peer_relay_.open();
}

void Ladder::try_relay(Instant now) {
  if (relay_.state == RelayState::kAsking && now >= relay_.deadline) {
    fail_relay(now, "the bootstrap did not answer the wish for a session", {}, false);
  }
  if (relay_.state == RelayState::kTrying && now >= relay_.deadline) {
    close(relay_.path);
    fail_relay(now, "the partner did not join the session", {}, false);
  }
  if (relay_.state != RelayState::kIdle || !relay_is_possible() || now < relay_.next_try) return;
  relay_.state = RelayState::kAsking;
  relay_.deadline = now + kGrantLimit;
  actions_.emplace_back(AskRelay{linked_[relay_.turn % linked_.size()]});
}

bool Ladder::quote_is_low(Now now) const {
  const relay::Quote& quote = relay_.target.quote;
  if (minus(quote.bytes, relay_.charged) < kMinUsefulQuote) return true;
  return quote.until.unix_ms != 0 && now.wall.unix_ms + std::uint64_t{kMinUsefulTime / 1ms} > quote.until.unix_ms;
}

void Ladder::close_what_is_not_needed(Now now) {
  if (has_free_rung_open()) drop_addresses();
  if (!wanted_) direct_.close_if_forgotten(now.mono, released_, actions_);
  if (http_ && http_->fetches == 0) {
    const bool forgotten = !wanted_ && now.mono >= std::max(http_->used, released_) + kHttpLinger;
    if (forgotten || direct_.open()) {
      close(http_->path);
      http_.reset();
    }
  }
  peer_relay_.close_if_useless(now, has_free_rung_open(), relay_wanted_, released_, actions_);
  if (relay_.state == RelayState::kOpen) {
    const bool spared = has_free_rung_open() || peer_relay_.open() || quote_is_low(now);
    const bool forgotten = !relay_wanted_ && now.mono >= std::max(relay_.open.used, released_) + kRelayLinger;
    if (relay_.open.fetches == 0 && (spared || forgotten)) drop_relay();
  } else if (relay_.state != RelayState::kIdle && !relay_is_possible()) {
    drop_relay();
  }
}

void Ladder::drop_addresses() {
  for (Address& address : addresses_) {
    if (!address.attempt) continue;
    close(*address.attempt);
    address.attempt.reset();
  }
}

void Ladder::drop_attempts() {
  direct_.drop_attempt(actions_);
  drop_addresses();
  if (peer_relay_.is_trying()) peer_relay_.drop(actions_);
  if (relay_.state == RelayState::kAsking || relay_.state == RelayState::kTrying) drop_relay();
}

void Ladder::drop_relay() {
  if (relay_.state == RelayState::kTrying || relay_.state == RelayState::kOpen) close(relay_.path);
  relay_.state = RelayState::kIdle;
}

void Ladder::fail_address(Instant now, Address& address, std::string reason, bool was_proven) {
  if (was_proven) address.backoff.reset();
  address.attempt.reset();
  address.reason = std::move(reason);
  address.next_try = now + address.backoff.fail(random_);
}

void Ladder::fail_relay(Instant now, std::string reason, Duration at_least, bool was_proven) {
  if (was_proven) relay_.backoff.reset();
  relay_.state = RelayState::kIdle;
  relay_.reason = std::move(reason);
  relay_.next_try = now + std::max(relay_.backoff.fail(random_), std::min<Duration>(at_least, kRefusalLimit));
  ++relay_.turn;
}

void Ladder::schedule(Now now) {
  deadline_.reset();
  const auto at = [&](Instant instant) {
    if (instant > now.mono && (!deadline_ || instant < *deadline_)) deadline_ = instant;
  };
  if (const std::optional<Instant> direct = direct_.deadline(wanted_, released_)) at(*direct);
  if (const auto peer = peer_relay_.deadline(now, needs_peer_relay(), released_)) at(*peer);
  if (const auto punch = punch_.deadline(needs_punch())) at(*punch);
  if (wanted_ && allowed_[index_of(Rung::kHttp)] && !has_free_rung_open()) {
    for (const Address& address : addresses_) {
      at(address.attempt ? address.attempt_deadline : std::max(address.next_try, next_http_start_));
    }
  }
  if (wanted_ && !settled_) {
    at(race_since_ + kRelayHold);
    at(race_since_ + kRaceLimit);
  }
  if (http_ && !wanted_) at(std::max(http_->used, released_) + kHttpLinger);
  switch (relay_.state) {
    case RelayState::kIdle:
      if (relay_is_possible()) at(relay_.next_try);
      break;
    case RelayState::kAsking:
    case RelayState::kTrying:
      at(relay_.deadline);
      break;
    case RelayState::kOpen: {
      if (!relay_wanted_) at(std::max(relay_.open.used, released_) + kRelayLinger);
      const std::uint64_t left = minus(relay_.target.quote.until.unix_ms, now.wall.unix_ms + kMinUsefulTime / 1ms);
      if (left > 0) at(now.mono + std::chrono::milliseconds(std::min<std::uint64_t>(left, 86'400'000)) + 1ms);
      break;
    }
  }
}

std::optional<Way> Ladder::best(Now now) const {
  if (const std::optional<OpenPathState>& direct = direct_.open()) {
    return Way{.path = direct->path, .rung = direct_.rung(), .rtt = direct->rtt, .allowance = UINT64_MAX};
  }
  if (http_) {
    return Way{.path = http_->path, .rung = Rung::kHttp, .rtt = http_->rtt, .allowance = UINT64_MAX};
  }
  if (const std::optional<OpenPathState>& peer = peer_relay_.open()) {
    const std::uint64_t content = content_within(peer_relay_.allowance(now));
    return Way{.path = peer->path, .rung = Rung::kPeerRelay, .rtt = peer->rtt, .allowance = content};
  }
  if (relay_.state != RelayState::kOpen) return std::nullopt;
  if (!settled_ && now.mono < race_since_ + kRelayHold) return std::nullopt;
  std::uint64_t wire = quote_is_low(now) ? 0 : relay_.target.quote.bytes - relay_.charged;
  if (!settled_) wire = std::min(wire, minus(kRelayBytesInRace, race_bytes_));
  return Way{
      .path = relay_.path, .rung = Rung::kBootstrapRelay, .rtt = relay_.open.rtt, .allowance = content_within(wire)};
}

Standing Ladder::standing() const {
  if (!wanted_) return Standing::kIdle;
  if (has_free_rung_open() || peer_relay_.open() || relay_.state == RelayState::kOpen) return Standing::kOpen;
  const bool trying = direct_.is_trying() || punch_.is_trying() || peer_relay_.is_trying() ||
                      relay_.state != RelayState::kIdle ||
                      std::any_of(addresses_.begin(), addresses_.end(), [](const Address& a) { return a.attempt; });
  if (trying) return Standing::kTrying;
  return next_try() ? Standing::kWaiting : Standing::kNoWay;
}

std::optional<Instant> Ladder::next_try() const {
  std::optional<Instant> next;
  const auto at = [&](Instant instant) { next = next ? std::min(*next, instant) : instant; };
  if (const std::optional<Instant> direct = direct_.next_try()) at(*direct);
  if (allowed_[index_of(Rung::kHttp)]) {
    for (const Address& address : addresses_) at(address.next_try);
  }
  if (const auto punch = punch_.next_try()) at(*punch);
  if (const auto peer = peer_relay_.next_try(); peer && needs_peer_relay()) at(*peer);
  if (relay_is_possible()) at(relay_.next_try);
  return next;
}

bool Ladder::relay_may_come(Now now) const {
  if (peer_relay_.open() || peer_relay_.may_come(now.mono)) return true;
  if (!allowed_[index_of(Rung::kBootstrapRelay)]) return false;
  return relay_.state != RelayState::kIdle || (!linked_.empty() && relay_.next_try <= now.mono);
}

bool Ladder::owns(PathId path) const {
  if (direct_.owns(path) || peer_relay_.owns(path)) return true;
  if (http_ && http_->path == path) return true;
  if ((relay_.state == RelayState::kTrying || relay_.state == RelayState::kOpen) && relay_.path == path) return true;
  return std::any_of(addresses_.begin(), addresses_.end(), [&](const Address& a) { return a.attempt == path; });
}

OpenPathState* Ladder::open_state(PathId path) {
  if (direct_.open() && direct_.open()->path == path) return &*direct_.open();
  if (http_ && http_->path == path) return &*http_;
  if (peer_relay_.open() && peer_relay_.open()->path == path) return &*peer_relay_.open();
  if (relay_.state == RelayState::kOpen && relay_.path == path) return &relay_.open;
  return nullptr;
}

std::vector<Endpoint> Ladder::endpoints() const {
  std::vector<Endpoint> out;
  for (const Address& address : addresses_) out.push_back(address.endpoint);
  return out;
}

std::string Ladder::reason() const {
  std::string text;
  for (const RungView& rung : view()) {
    if (rung.reason.empty()) continue;
    if (!text.empty()) text += "; ";
    text += std::string(name_of(rung.rung)) + ": " + rung.reason;
  }
  return text;
}

std::vector<RungView> Ladder::view() const {
  RungView http{.rung = Rung::kHttp, .state = "idle", .bytes = bytes_[index_of(Rung::kHttp)]};
  for (const Address& address : addresses_) {
    if (address.attempt) http.state = "trying";
    if (address.reason.empty()) continue;
    if (!http.reason.empty()) http.reason += ", ";
    http.reason += address.endpoint.to_string() + " " + address.reason;
    if (wanted_ && !address.attempt && (!http.next_action || address.next_try < *http.next_action)) {
      http.next_action = address.next_try;
    }
  }
  if (http.state == "idle" && http.next_action) http.state = "waiting";
  if (addresses_.empty()) http.reason = "it has told no address";
  if (http_) {
    http.state = "open";
    http.rtt = http_->rtt;
    http.next_action.reset();
  }
  if (!allowed_[index_of(Rung::kHttp)]) http = {.rung = Rung::kHttp, .state = "off", .reason = "switched off here"};

  RungView relay{.rung = Rung::kBootstrapRelay, .state = "idle", .reason = relay_.reason};
  relay.bytes = bytes_[index_of(Rung::kBootstrapRelay)];
  if (linked_.empty() && relay_.state == RelayState::kIdle) relay.reason = "no bootstrap has both of us connected";
  switch (relay_.state) {
    case RelayState::kIdle:
      if (relay_is_possible()) {
        relay.state = "waiting";
        relay.next_action = relay_.next_try;
      }
      break;
    case RelayState::kAsking:
    case RelayState::kTrying:
      relay.state = "trying";
      relay.next_action = relay_.deadline;
      break;
    case RelayState::kOpen:
      relay.state = "open";
      relay.rtt = relay_.open.rtt;
      relay.quote = relay_.target.quote;
      relay.quote_left = minus(relay_.target.quote.bytes, relay_.charged);
      break;
  }
  if (!allowed_[index_of(Rung::kBootstrapRelay)]) {
    relay = {.rung = Rung::kBootstrapRelay, .state = "off", .reason = "switched off here"};
  }
  const bool through_hole = direct_.open() && direct_.rung() == Rung::kPunched;
  const RungView punched = punch_.view(needs_punch(), through_hole ? std::optional(direct_.open()->rtt) : std::nullopt,
                                       direct_.punched_bytes());
  return {direct_.view(Rung::kLan, wanted_),
          direct_.view(Rung::kDirect, wanted_),
          http,
          punched,
          peer_relay_.view(needs_peer_relay()),
          relay};
}

}  // namespace turnpike::path
