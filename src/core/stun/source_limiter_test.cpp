#include "core/stun/source_limiter.h"

#include <gtest/gtest.h>

namespace turnpike::stun {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};

int taken(SourceLimiter& limiter, Instant now, const IpAddress& from, int attempts) {
  int count = 0;
  for (int i = 0; i < attempts; ++i) count += limiter.take(now, from) ? 1 : 0;
  return count;
}

TEST(StunSourceLimiter, GivesTheBurstAndThenTheRate) {
  SeededRandom random(1);
  SourceLimiter limiter(random, 10, 20);
  const auto from = IpAddress::v4(192, 0, 2, 1);
  EXPECT_EQ(taken(limiter, kStart, from, 100), 20);
  EXPECT_EQ(taken(limiter, kStart + 1s, from, 100), 10);
  EXPECT_EQ(taken(limiter, kStart + 1h, from, 100), 20);
}

TEST(StunSourceLimiter, CountsAWholeSlash24AndAWholeSlash64AsOne) {
  SeededRandom random(1);
  SourceLimiter limiter(random, 10, 20);
  for (std::uint8_t host = 0; host < 20; ++host) EXPECT_TRUE(limiter.take(kStart, IpAddress::v4(192, 0, 2, host)));
  EXPECT_FALSE(limiter.take(kStart, IpAddress::v4(192, 0, 2, 200)));
  EXPECT_FALSE(limiter.take(kStart, *IpAddress::parse("::ffff:192.0.2.9")));
  EXPECT_TRUE(limiter.take(kStart, IpAddress::v4(192, 0, 3, 1)));

  EXPECT_EQ(taken(limiter, kStart, *IpAddress::parse("2001:db8:0:1::1"), 30), 20);
  EXPECT_FALSE(limiter.take(kStart, *IpAddress::parse("2001:db8:0:1:ffff::2")));
  EXPECT_TRUE(limiter.take(kStart, *IpAddress::parse("2001:db8:0:2::1")));
}

}  // namespace
}  // namespace turnpike::stun
