#include "core/path/peer_relay_rung.h"

#include <algorithm>

namespace turnpike::path {
namespace {

// A session that could not carry one piece more, or ends sooner, is renewed once it is idle.
constexpr std::uint64_t kMinUsefulBytes = std::uint64_t{1200} << 10U;
constexpr std::uint64_t kMinUsefulMs = 15'000;

}  // namespace

void PeerRelayRung::set_bootstraps(Instant now, const std::vector<std::size_t>& linked) {
  const bool more = std::ranges::any_of(
      linked, [&](std::size_t index) { return std::ranges::find(linked_, index) == linked_.end(); });
  linked_ = linked;
  if (more) retry_now(now);
}

void PeerRelayRung::retry_now(Instant now) {
  backoff_.reset();
  avoided_.clear();
  next_try_ = now;
}

void PeerRelayRung::step(Now now, bool needed, Random& random, std::deque<Action>& actions) {
  if (is_trying() && (!needed || !is_possible())) return drop(actions);
  if (state_ == State::kAsking && now.mono >= deadline_) fail(now.mono, "nobody answered", {}, random);
  if (state_ == State::kTrying && now.mono >= deadline_) {
    actions.emplace_back(Close{path_});
    avoid(target_.server);
    fail(now.mono, "the partner did not come", {}, random);
  }
  if (state_ != State::kIdle || !needed || !is_possible() || now.mono < std::max(next_try_, not_before_)) return;
  state_ = State::kAsking;
  deadline_ = now.mono + kPeerGrantLimit;
  actions.emplace_back(AskPeerRelay{linked_[turn_ % linked_.size()], avoided_});
}

void PeerRelayRung::drop(std::deque<Action>& actions) {
  if (state_ == State::kTrying || state_ == State::kOpen) actions.emplace_back(Close{path_});
  state_ = State::kIdle;
  open_.reset();
}

void PeerRelayRung::close_if_useless(Now now, bool spared, bool needed, Instant released, std::deque<Action>& actions) {
  if (!open_ || open_->fetches > 0) return;
  const bool forgotten = !needed && now.mono >= std::max(open_->used, released) + kPeerRelayLinger;
  if (spared || forgotten || allowance(now) == 0) drop(actions);
}

void PeerRelayRung::handle_grant(Now now, const PeerRelayTarget& granted, PathIds& ids, std::deque<Action>& actions) {
  if (state_ != State::kAsking) return;
  state_ = State::kTrying;
  target_ = granted;
  path_ = ids.next();
  charged_ = 0;
  deadline_ = now.mono + kPeerRelayAttemptLimit;
  actions.emplace_back(Open{.path = path_, .rung = Rung::kPeerRelay, .target = granted});
}

void PeerRelayRung::handle_denied(Instant now, std::string reason, Duration retry_after, Random& random) {
  if (state_ != State::kAsking) return;
  avoided_.clear();  // rather one of them again than nobody
  fail(now, std::move(reason), retry_after, random);
}

bool PeerRelayRung::handle_open(Instant now, PathId path, Duration rtt) {
  if (state_ != State::kTrying || path_ != path) return false;
  state_ = State::kOpen;
  reason_.clear();
  open_ = OpenPathState{.path = path, .rtt = rtt, .used = now};
  return true;
}

bool PeerRelayRung::handle_closed(Instant now, PathId path, std::string reason, Random& random) {
  if (!owns(path)) return false;
  const bool was_open = open_.has_value();
  const bool was_proven = was_open && open_->proven;
  if (was_proven) backoff_.reset();
  avoid(target_.server);
  open_.reset();
  fail(now, std::move(reason), {}, random);
  if (was_proven) next_try_ = now;  // ranges wait, and others relay too
  return was_open;
}

void PeerRelayRung::fail(Instant now, std::string reason, Duration at_least, Random& random) {
  state_ = State::kIdle;
  reason_ = std::move(reason);
  next_try_ = now + std::max(backoff_.fail(random), at_least);
  ++turn_;
}

void PeerRelayRung::avoid(const identity::PeerId& server) {
  std::erase(avoided_, server);
  if (avoided_.size() >= kMaxAvoidedServers) avoided_.erase(avoided_.begin());
  avoided_.push_back(server);
}

void PeerRelayRung::handle_delivered(std::uint64_t bytes) {
  bytes_ += bytes;
  backoff_.reset();
  avoided_.clear();
}

std::uint64_t PeerRelayRung::allowance(Now now) const {
  const std::uint64_t left = target_.limits.bytes - std::min(target_.limits.bytes, charged_);
  if (left < kMinUsefulBytes || now.wall.unix_ms + kMinUsefulMs > target_.until.unix_ms) return 0;
  return left;
}

std::optional<Instant> PeerRelayRung::next_try() const {
  if (!is_possible()) return std::nullopt;
  return std::max(next_try_, not_before_);
}

std::optional<Instant> PeerRelayRung::deadline(Now now, bool needed, Instant released) const {
  if (is_trying()) return deadline_;
  if (!open_) return needed ? next_try() : std::nullopt;
  if (!needed) return std::max(open_->used, released) + kPeerRelayLinger;
  const std::uint64_t end = target_.until.unix_ms - std::min(target_.until.unix_ms, kMinUsefulMs);
  if (end <= now.wall.unix_ms) return std::nullopt;
  const std::uint64_t left = std::min<std::uint64_t>(end - now.wall.unix_ms, 86'400'000);
  return now.mono + std::chrono::milliseconds(left) + std::chrono::milliseconds(1);
}

RungView PeerRelayRung::view(bool needed) const {
  RungView out{.rung = Rung::kPeerRelay, .state = "idle", .reason = reason_, .bytes = bytes_};
  if (!allowed_) return {.rung = Rung::kPeerRelay, .state = "off", .reason = "switched off here"};
  if (open_) {
    out.state = "open";
    out.rtt = open_->rtt;
  } else if (is_trying()) {
    out.state = "trying";
    out.next_action = deadline_;
  } else if (!is_possible()) {
    out.reason = "no bootstrap has both of us connected";
  } else if (needed) {
    out.state = "waiting";
    out.next_action = next_try();
  }
  return out;
}

}  // namespace turnpike::path
