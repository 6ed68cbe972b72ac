#include "core/kad/allowance.h"

#include <gtest/gtest.h>

namespace turnpike::kad {
namespace {

constexpr Instant kStart{std::chrono::hours(1)};
constexpr Duration kGap = std::chrono::seconds(3);

int taken(Allowance& allowance, Instant now) {
  int count = 0;
  while (allowance.take(now)) ++count;
  return count;
}

TEST(KadAllowance, GivesABurstAndThenOnePerGap) {
  Allowance allowance(5, kGap);
  EXPECT_EQ(taken(allowance, kStart), 5);
  EXPECT_EQ(allowance.next(), kStart + kGap);
  EXPECT_EQ(taken(allowance, kStart + kGap - Duration(1)), 0);
  EXPECT_EQ(taken(allowance, kStart + kGap), 1);
  EXPECT_EQ(taken(allowance, kStart + 3 * kGap), 2);
}

TEST(KadAllowance, SavesUpNoMoreThanABurst) {
  Allowance allowance(5, kGap);
  EXPECT_EQ(taken(allowance, kStart), 5);
  EXPECT_EQ(taken(allowance, kStart + std::chrono::hours(24)), 5);
}

}  // namespace
}  // namespace turnpike::kad
