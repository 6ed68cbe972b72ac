#include "core/rendezvous/limiter.h"

#include <gtest/gtest.h>

namespace turnpike::rendezvous {
namespace {

using namespace std::chrono_literals;

constexpr Rate kRate{.per_second = 10, .burst = 20};

Instant at(Duration since_start) { return Instant{1h + since_start}; }

TEST(TokenBucket, GivesItsBurstAndThenItsRate) {
  TokenBucket bucket;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(bucket.take(at(0s), kRate, 1));
  EXPECT_FALSE(bucket.take(at(0s), kRate, 1));
  EXPECT_EQ(bucket.wait(at(0s), kRate, 1), 100ms);
  EXPECT_FALSE(bucket.take(at(99ms), kRate, 1));
  EXPECT_TRUE(bucket.take(at(100ms), kRate, 1));
  EXPECT_FALSE(bucket.take(at(100ms), kRate, 1));
}

TEST(TokenBucket, TakesNothingForWhatItRefuses) {
  TokenBucket bucket;
  ASSERT_TRUE(bucket.take(at(0s), kRate, 15));
  EXPECT_FALSE(bucket.take(at(0s), kRate, 6));
  EXPECT_TRUE(bucket.take(at(0s), kRate, 5));
}

TEST(TokenBucket, IsNeverFullerThanItsBurst) {
  TokenBucket bucket;
  ASSERT_TRUE(bucket.take(at(0s), kRate, 20));
  EXPECT_FALSE(bucket.take(at(1h), kRate, 21));
  EXPECT_TRUE(bucket.take(at(1h), kRate, 20));
}

TEST(NetworkLimiter, CountsAllAddressesOfANetworkTogether) {
  NetworkLimiter limiter(kRate);
  EXPECT_TRUE(limiter.take(at(0s), IpAddress::v4(198, 51, 100, 1), 20));
  EXPECT_FALSE(limiter.take(at(0s), IpAddress::v4(198, 51, 100, 2), 1));
  EXPECT_EQ(limiter.wait(at(0s), IpAddress::v4(198, 51, 100, 3), 1), 100ms);
  EXPECT_TRUE(limiter.take(at(0s), IpAddress::v4(198, 51, 101, 1), 20));
  EXPECT_EQ(limiter.wait(at(0s), IpAddress::v4(203, 0, 113, 1), 1), 0s);
}

TEST(NetworkLimiter, ForgetsTheNetworkUnusedForLongest) {
  NetworkLimiter limiter(kRate, 2);
  const auto network = [](std::uint8_t n) { return IpAddress::v4(198, 51, n, 1); };
  EXPECT_TRUE(limiter.take(at(0s), network(1), 20));
  EXPECT_TRUE(limiter.take(at(0s), network(2), 20));
  EXPECT_FALSE(limiter.take(at(0s), network(1), 1));
  EXPECT_TRUE(limiter.take(at(0s), network(3), 20));  // in the place of network 2
  EXPECT_EQ(limiter.size(), 2U);
  EXPECT_FALSE(limiter.take(at(0s), network(1), 1));
  EXPECT_TRUE(limiter.take(at(0s), network(2), 1));
}

}  // namespace
}  // namespace turnpike::rendezvous
