// How often one may ask: token buckets, alone and by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "base/endpoint.h"
#include "base/time.h"

namespace turnpike::rendezvous {

struct Rate {
  std::uint32_t per_second = 0;  ///< Never 0.
  std::uint32_t burst = 0;
};

/// Full at first.
class TokenBucket {
 public:
  /// Takes `cost` if it is there. Nothing is taken otherwise.
  [[nodiscard]] bool take(Instant now, const Rate& rate, std::uint32_t cost);
  /// How long until `cost` (at most the burst) will be there.
  [[nodiscard]] Duration wait(Instant now, const Rate& rate, std::uint32_t cost) const;

 private:
  // When the bucket will be, or was, full: one number holds the whole state.
  Instant full_at_{};
};

constexpr std::size_t kMaxLimitedNetworks = 16384;  ///< Buckets kept; the one unused for longest goes first.

/// One bucket for each /24 (IPv6: /48).
class NetworkLimiter {
 public:
  explicit NetworkLimiter(Rate rate, std::size_t max_networks = kMaxLimitedNetworks)
      : rate_(rate), max_networks_(max_networks) {}

  [[nodiscard]] bool take(Instant now, const IpAddress& from, std::uint32_t cost);
  [[nodiscard]] Duration wait(Instant now, const IpAddress& from, std::uint32_t cost) const;
  [[nodiscard]] std::size_t size() const { return buckets_.size(); }

 private:
  struct Slot {
    TokenBucket bucket;
    std::list<IpAddress>::iterator age;
  };

  Rate rate_;
  std::size_t max_networks_;
  std::map<IpAddress, Slot> buckets_;
  std::list<IpAddress> by_age_;  // front: unused for longest
};

}  // namespace turnpike::rendezvous
