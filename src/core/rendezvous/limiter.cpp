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

IpAddress host_of(const IpAddress& address) {
  IpAddress out = address;
  if (out.family == IpAddress::Family::kV6) std::fill(out.octets.begin() + 8, out.octets.end(), std::uint8_t{0});
  return out;
}

}  // namespace turnpike::rendezvous
