#include "core/path/punch_rung.h"

#include <algorithm>

namespace turnpike::path {

void PunchRung::set_bootstraps(Instant now, const std::vector<std::size_t>& linked) {
  const bool more = std::ranges::any_of(
      linked, [&](std::size_t index) { return std::ranges::find(linked_, index) == linked_.end(); });
  linked_ = linked;
  if (more) retry_now(now);
}

void PunchRung::retry_now(Instant now) {
  backoff_.reset();
  next_try_ = now;
}

void PunchRung::step(Instant now, bool needed, Random& random, std::deque<Action>& actions) {
  if (deadline_ && now >= *deadline_) handle_failed(now, "the partner did not answer", {}, random);
  if (deadline_ || !needed || !is_possible() || now < std::max(next_try_, not_before_)) return;
  deadline_ = now + kPunchAttemptLimit;
  actions.emplace_back(AskPunch{linked_[turn_ % linked_.size()]});
}

void PunchRung::handle_hole() {
  deadline_.reset();
  reason_.clear();
  backoff_.reset();
}

void PunchRung::handle_failed(Instant now, std::string reason, Duration retry_after, Random& random) {
  if (!deadline_) return;
  deadline_.reset();
  reason_ = std::move(reason);
  next_try_ = now + std::max(backoff_.fail(random), retry_after);
  ++turn_;
}

std::optional<Instant> PunchRung::next_try() const {
  if (!is_possible()) return std::nullopt;
  return std::max(next_try_, not_before_);
}

std::optional<Instant> PunchRung::deadline(bool needed) const {
  if (deadline_) return deadline_;
  return needed ? next_try() : std::nullopt;
}

RungView PunchRung::view(bool needed, const std::optional<Duration>& open, std::uint64_t bytes) const {
  if (!allowed_) return {.rung = Rung::kPunched, .state = "off", .reason = "switched off here"};
  RungView out{.rung = Rung::kPunched, .state = "idle", .reason = reason_, .bytes = bytes};
  if (open) {
    out.state = "open";
    out.reason.clear();
    out.rtt = open;
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
