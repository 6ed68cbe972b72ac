// How often one network may be answered before it has proved where it is: token buckets in fixed memory.
#pragma once

#include <cstdint>
#include <vector>

#include "base/endpoint.h"
#include "base/random.h"
#include "base/time.h"

namespace turnpike::stun {

/// The network that unauthenticated answers are counted by: a /24, or a /64 of IPv6.
[[nodiscard]] IpAddress answer_network(const IpAddress& address);

/// One bucket for each network, found by a secret hash: a flood of invented sources takes no memory. Two networks that
/// share a bucket share its rate; nobody outside can choose whom to share with.
class SourceLimiter {
 public:
  static constexpr std::size_t kBuckets = 16384;

  SourceLimiter(Random& random, std::uint32_t per_second, std::uint32_t burst)
      : key_(random.below(UINT64_MAX)), interval_(std::chrono::seconds(1)), burst_(burst), full_at_(kBuckets) {
    interval_ /= per_second;
  }

  /// Takes one if it is there.
  [[nodiscard]] bool take(Instant now, const IpAddress& from);

 private:
  std::uint64_t key_;
  Duration interval_;
  std::uint32_t burst_;
  std::vector<Instant> full_at_;  // when each bucket will be, or was, full
};

}  // namespace turnpike::stun
