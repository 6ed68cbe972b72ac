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

/// The host an address counts as: itself, or its /64 for IPv6.
[[nodiscard]] IpAddress host_of(const IpAddress& address);

/// One bucket for each key.
template <class Key>
class KeyedLimiter {
 public:
  explicit KeyedLimiter(Rate rate, std::size_t max_keys = kMaxLimitedNetworks) : rate_(rate), max_keys_(max_keys) {}

  [[nodiscard]] bool take(Instant now, const Key& key, std::uint32_t cost) {
    const auto known = buckets_.find(key);
    if (known != buckets_.end()) {
      by_age_.splice(by_age_.end(), by_age_, known->second.age);
      return known->second.bucket.take(now, rate_, cost);
    }
    if (buckets_.size() >= max_keys_) {
      buckets_.erase(by_age_.front());
      by_age_.pop_front();
    }
    const auto age = by_age_.insert(by_age_.end(), key);
    return buckets_.emplace(key, Slot{{}, age}).first->second.bucket.take(now, rate_, cost);
  }
  [[nodiscard]] Duration wait(Instant now, const Key& key, std::uint32_t cost) const {
    const auto known = buckets_.find(key);
    return known == buckets_.end() ? Duration{} : known->second.bucket.wait(now, rate_, cost);
  }
  [[nodiscard]] std::size_t size() const { return buckets_.size(); }

 private:
  struct Slot {
    TokenBucket bucket;
    typename std::list<Key>::iterator age;
  };

  Rate rate_;
  std::size_t max_keys_;
  std::map<Key, Slot> buckets_;
  std::list<Key> by_age_;  // front: unused for longest
};

/// One bucket for each /24 (IPv6: /48).
class NetworkLimiter {
 public:
  explicit NetworkLimiter(Rate rate, std::size_t max_networks = kMaxLimitedNetworks) : networks_(rate, max_networks) {}

  [[nodiscard]] bool take(Instant now, const IpAddress& from, std::uint32_t cost) {
    return networks_.take(now, network_of(from), cost);
  }
  [[nodiscard]] Duration wait(Instant now, const IpAddress& from, std::uint32_t cost) const {
    return networks_.wait(now, network_of(from), cost);
  }
  [[nodiscard]] std::size_t size() const { return networks_.size(); }

 private:
  KeyedLimiter<IpAddress> networks_;
};

}  // namespace turnpike::rendezvous
