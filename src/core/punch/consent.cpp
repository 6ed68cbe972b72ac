#include "core/punch/consent.h"

#include <algorithm>
#include <utility>

namespace turnpike::punch {

Consent::Consent(Random& random, Instant now, Role role, Credentials ours, Credentials theirs)
    : random_(random),
      role_(role),
      ours_(std::move(ours)),
      theirs_(std::move(theirs)),
      tie_breaker_(random.below(UINT64_MAX)),
      next_(now + interval()),
      expires_(now + kConsentLifetime) {}

Duration Consent::interval() {
  const auto fifth = static_cast<std::uint64_t>(kConsentInterval.count() / 5);
  return kConsentInterval - Duration(fifth) + Duration(random_.below(2 * fifth + 1));
}

bool Consent::handle_datagram(Instant now, ByteView datagram) {
  const auto message = stun::MessageView::parse(datagram);
  if (!message || !waiting_ || message->id() != id_) return false;
  const auto response = read_response(*message, theirs_);
  if (!response) return false;
  if (!response->seen || expired_) return true;
  waiting_ = false;
  expires_ = now + kConsentLifetime;
  return true;
}

void Consent::handle_timeout(Instant now) {
  if (expired_) return;
  if (now >= expires_) {
    expired_ = true;
    due_ = false;
    return;
  }
  if (now < next_) return;
  next_ = now + interval();
  due_ = true;
}

std::optional<Bytes> Consent::poll_transmit() {
  if (!std::exchange(due_, false)) return std::nullopt;
  id_ = random_.array<12>();
  waiting_ = true;
  return encode({.id = id_, .priority = 1, .role = role_, .tie_breaker = tie_breaker_, .use_candidate = false}, ours_,
                theirs_);
}

std::optional<Consent::Event> Consent::poll_event() {
  if (!expired_ || std::exchange(told_, true)) return std::nullopt;
  return Expired{};
}

std::optional<Instant> Consent::poll_timeout() const {
  if (expired_) return std::nullopt;
  return std::min(next_, expires_);
}

void KeepAlive::handle_kept() {
  if (++successes_ < kSuccesses) return;
  successes_ = 0;
  interval_ = std::min(interval_ * 3 / 2, ceiling_);
}

void KeepAlive::handle_lost() {
  successes_ = 0;
  ceiling_ = std::max(interval_ * 2 / 3, kLeast);
  interval_ = std::max(interval_ / 2, kLeast);
}

}  // namespace turnpike::punch
