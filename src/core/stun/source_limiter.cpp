#include "core/stun/source_limiter.h"

#include <algorithm>

#include "base/bytes.h"

namespace turnpike::stun {
namespace {

std::uint64_t mixed(std::uint64_t z) {  // the finaliser of splitmix64
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

}  // namespace

IpAddress answer_network(const IpAddress& address) {
  IpAddress out = address.unmapped();
  const std::size_t kept = out.family == IpAddress::Family::kV4 ? 3 : 8;
  std::fill(out.octets.begin() + static_cast<std::ptrdiff_t>(kept), out.octets.end(), std::uint8_t{0});
  return out;
}

bool SourceLimiter::take(Instant now, const IpAddress& from) {
  const IpAddress network = answer_network(from);
  ByteReader in(network.octets);
  const std::uint64_t high = in.u64();
  const std::uint64_t hash = mixed(mixed(key_ ^ high) ^ static_cast<std::uint64_t>(network.family));
  Instant& full_at = full_at_[hash % kBuckets];
  const Instant next = std::max(full_at, now) + interval_;
  if (next > now + interval_ * burst_) return false;
  full_at = next;
  return true;
}

}  // namespace turnpike::stun
