#include "core/rendezvous/limiter.h"

#include <algorithm>

namespace turnpike::rendezvous {
namespace {

Duration time_for(const Rate& rate, std::uint32_t cost) {
  return Duration{std::int64_t{1'000'000} * cost / rate.per_second};
}

}  // namespace

bool TokenBucket::take(Instant now, const Rate& rate, std::uint32_t cost) {
  if (wait(now, rate, cost) > Duration{}) return false;
  full_at_ = std::max(full_at_, now) + time_for(rate, cost);
  return true;
}

Duration TokenBucket::wait(Instant now, const Rate& rate, std::uint32_t cost) const {
  const Instant full_after = std::max(full_at_, now) + time_for(rate, cost);
  return std::max(full_after - now - time_for(rate, rate.burst), Duration{});
}

bool NetworkLimiter::take(Instant now, const IpAddress& from, std::uint32_t cost) {
  const IpAddress network = network_of(from);
  const auto known = buckets_.find(network);
  if (known != buckets_.end()) {
    by_age_.splice(by_age_.end(), by_age_, known->second.age);
    return known->second.bucket.take(now, rate_, cost);
  }
  if (buckets_.size() >= max_networks_) {
    buckets_.erase(by_age_.front());
    by_age_.pop_front();
  }
  const auto age = by_age_.insert(by_age_.end(), network);
  return buckets_.emplace(network, Slot{{}, age}).first->second.bucket.take(now, rate_, cost);
}

Duration NetworkLimiter::wait(Instant now, const IpAddress& from, std::uint32_t cost) const {
  const auto known = buckets_.find(network_of(from));
  return known == buckets_.end() ? Duration{} : known->second.bucket.wait(now, rate_, cost);
}

}  // namespace turnpike::rendezvous
