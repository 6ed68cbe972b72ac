#include "core/portmap/port_set.h"

#include <algorithm>
#include <utility>

namespace turnpike::portmap {

PortSet::PortSet(Random& random, std::uint16_t base, SetShape shape)
    : random_(&random), own_base_(base), shape_(shape), base_(base) {
  for (std::size_t i = 0; i < entries_.size(); ++i) entries_[i].purpose = kAllPurposes[i];
}

std::uint16_t PortSet::internal_port(const Entry& entry) const {
  return static_cast<std::uint16_t>(own_base_ + offset_of(entry.purpose));
}

void PortSet::start() {
  tried_.insert(base_);
  ask_for_all();
}

void PortSet::renew_all() {
  if (removing_) return;
  queue_.clear();
  ask_for_all();
}

void PortSet::check_one() {
  const auto held = std::ranges::find_if(entries_, [](const Entry& entry) { return entry.is_held; });
  if (removing_ || !is_idle() || held == entries_.end()) return;
  queue_map(static_cast<std::size_t>(held - entries_.begin()));
}

void PortSet::ask_for_all() {
  failure_.reset();
  renew_at_.reset();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    entries_[i].tries = 0;
    queue_map(i);
  }
}

void PortSet::remove_all() {
  removing_ = true;
  settled_ = false;
  renew_at_.reset();
  queue_.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i) queue_removal(i);
}

void PortSet::queue_map(std::size_t index) {
  const Entry& entry = entries_[index];
  Ask ask{.transport = transport_of(entry.purpose), .internal_port = internal_port(entry)};
  const bool alone = singly_ && shape_ == SetShape::kGroup;
  ask.any_port = alone;
  const auto by_base = static_cast<std::uint16_t>(base_ + offset_of(entry.purpose));
  ask.external_port = entry.is_held ? entry.external_port : alone ? ask.internal_port : by_base;
  if (alone && entry.tries > 0) ask.external_port = static_cast<std::uint16_t>(10000 + random_->below(50000));
  queue_.push_back({index, ask});
}

void PortSet::queue_removal(std::size_t index) {
  Entry& entry = entries_[index];
  if (!entry.is_held) return;
  entry.is_held = false;
  queue_.push_back({index,
                    {.transport = transport_of(entry.purpose),
                     .internal_port = internal_port(entry),
                     .external_port = entry.external_port,
                     .lease = Seconds(0)}});
}

std::optional<Ask> PortSet::poll_ask() {
  if (open_ || queue_.empty()) return std::nullopt;
  open_ = queue_.front();
  queue_.pop_front();
  return open_->ask;
}

void PortSet::handle_granted(Instant now, const Granted& granted) {
  if (!is_open(granted.ask)) return;
  const Step step = *std::exchange(open_, std::nullopt);
  if (step.ask.is_removal()) return drained(now);
  Entry& entry = entries_[step.index];
  const auto lease = believable(granted.lease);
  entry.is_held = true;
  entry.external_port = granted.external_port;
  entry.granted = now;
  entry.expires = now + lease.value_or(Seconds(0));
  entry.refused.reset();
  if (removing_) {
    queue_removal(step.index);
  } else if (!lease || granted.external_port == 0) {
    detail_ = "a mapping to port " + std::to_string(granted.external_port) + " for " +
              std::to_string(granted.lease.count()) + " s";
    remove_all();
    removing_ = false;
    give_up(Refusal::kBroken);
  } else if (granted.external_port != step.ask.external_port && !singly_) {
    // The router's own choice is as good a base as any, if it leaves room for the others.
    const int hint = granted.external_port - offset_of(entry.purpose);
    move_on(hint >= kLowestBase && hint <= kMaxBase ? std::optional(static_cast<std::uint16_t>(hint)) : std::nullopt);
  }
  drained(now);
}

void PortSet::handle_refused(Instant now, const Refused& refused) {
  if (!is_open(refused.ask)) return;
  const Step step = *std::exchange(open_, std::nullopt);
  if (step.ask.is_removal() || removing_) return drained(now);
  Entry& entry = entries_[step.index];
  entry.refused = refused.why;
  if (!refused.detail.empty()) detail_ = refused.detail;
  if (refused.why == Refusal::kNoAnswer && any_held()) {  // what is held may still stand: ask again later
    queue_.clear();
    retrying_ = true;
    return drained(now);
  }
  entry.is_held = false;
  ++entry.tries;
  const bool taken = refused.why == Refusal::kTaken;
  if (shape_ == SetShape::kGroup && taken && !singly_) {
    move_on(std::nullopt);
  } else if (singly_ && taken && entry.tries < kMaxSingleTries) {
    queue_map(step.index);
  } else if (!any_held() && !singly_) {
    queue_.clear();
    give_up(refused.why);
  }
  drained(now);
}

std::uint16_t PortSet::next_base(std::optional<std::uint16_t> hint) {
  if (hint && !tried_.contains(*hint)) return *hint;
  constexpr std::uint64_t kFirst = 10000;  // below, well-known services crowd
  for (;;) {
    const auto base = static_cast<std::uint16_t>(kFirst + random_->below(kMaxBase - kFirst + 1));
    if (!tried_.contains(base)) return base;
  }
}

void PortSet::move_on(std::optional<std::uint16_t> hint) {
  queue_.clear();
  settled_ = false;
  if (tried_.size() >= kMaxGroupTries || shape_ == SetShape::kPinholes) {
    singly_ = true;  // what is held stays; the rest wherever there is room
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (!entries_[i].is_held) queue_map(i);
    }
    return;
  }
  base_ = next_base(hint);
  tried_.insert(base_);
  for (std::size_t i = 0; i < entries_.size(); ++i) queue_removal(i);
  for (std::size_t i = 0; i < entries_.size(); ++i) queue_map(i);
}

void PortSet::give_up(Refusal why) {
  failure_ = why;
  settled_ = false;
  renew_at_.reset();
}

void PortSet::drained(Instant now) {
  if (!is_idle() || removing_ || failure_) return;
  if (!any_held()) {
    const auto refused = std::ranges::find_if(entries_, [](const Entry& entry) { return entry.refused.has_value(); });
    return give_up(refused == entries_.end() ? Refusal::kBroken : *refused->refused);
  }
  settled_ = true;
  if (is_group()) tried_ = {base_};
  if (std::exchange(retrying_, false)) {
    // RFC 6887 §11.2.1: at three quarters of the lease, at seven eighths, and so on.
    const auto expires =
        std::ranges::min(entries_, {}, [](const Entry& e) { return e.is_held ? e.expires : Instant::max(); });
    renew_at_ = now + std::max((expires.expires - now) / 2, kMinRenewal);
  } else {
    renew_at_ = half_life();
  }
}

// A little later than half, by up to an eighth of the lease, so that a house does not ask in step.
std::optional<Instant> PortSet::half_life() const {
  std::optional<Instant> out;
  for (const Entry& entry : entries_) {
    if (!entry.is_held) continue;
    const Duration lease = entry.expires - entry.granted;
    const auto spread = static_cast<std::uint64_t>(lease.count() / 16 + 1);
    const Instant at = entry.granted + lease / 2 + Duration(static_cast<Duration::rep>(random_->below(spread)));
    out = std::min(out.value_or(at), at);
  }
  return out;
}

void PortSet::expire(Instant now) {
  bool lost = false;
  for (Entry& entry : entries_) {
    if (!entry.is_held || now < entry.expires) continue;
    entry.is_held = false;
    entry.refused = entry.refused.value_or(Refusal::kNoAnswer);
    lost = true;
  }
  if (lost && !any_held() && !removing_) {
    queue_.clear();
    give_up(Refusal::kNoAnswer);
  }
}

void PortSet::handle_timeout(Instant now) {
  expire(now);
  if (!renew_at_ || now < *renew_at_ || !is_idle()) return;
  ask_for_all();
}

std::optional<Instant> PortSet::poll_timeout() const {
  if (!is_idle() || removing_ || failure_) return std::nullopt;
  return renew_at_;
}

bool PortSet::any_held() const {
  return std::ranges::any_of(entries_, [](const Entry& entry) { return entry.is_held; });
}

bool PortSet::is_group() const {
  return std::ranges::all_of(entries_, [this](const Entry& entry) {
    return entry.is_held && entry.external_port == base_ + offset_of(entry.purpose);
  });
}

}  // namespace turnpike::portmap
