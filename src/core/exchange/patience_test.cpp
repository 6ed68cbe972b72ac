#include "core/exchange/patience.h"

#include <gtest/gtest.h>

#include <tuple>

namespace turnpike::exchange {
namespace {

constexpr Instant kStart{1000s};

TEST(ExchangePatience, EndsAfterSilence) {
  Patience patience;
  EXPECT_EQ(patience.wait(kStart), kStart + kMaxSilence);
  EXPECT_FALSE(patience.is_over(kStart + kMaxSilence - 1us));
  EXPECT_TRUE(patience.is_over(kStart + kMaxSilence));
}

TEST(ExchangePatience, EndsWhenTheSourceOnlyTrickles) {
  Patience patience;
  Instant now = kStart;
  while (!patience.is_over(now) && now < kStart + 1000s) {
    std::ignore = patience.wait(now);
    now += 5s;
    patience.received(now, 1);
  }
  EXPECT_EQ(now, kStart + kTrickleWindow);
}

TEST(ExchangePatience, LastsWithASourceThatKeepsTheRate) {
  Patience patience;
  Instant now = kStart;
  for (int i = 0; i < 1000; ++i) {
    std::ignore = patience.wait(now);
    now += 5s;
    ASSERT_FALSE(patience.is_over(now));
    patience.received(now, kMinBytesPerWindow / 5 + 1);
  }
}

TEST(ExchangePatience, DoesNotChargeTheSourceForOurOwnSlowness) {
  Patience patience;
  Instant now = kStart;
  for (int i = 0; i < 100; ++i) {
    std::ignore = patience.wait(now);
    now += 1ms;
    patience.received(now, 1);
    now += 60s;  // our disk
    ASSERT_FALSE(patience.is_over(now));
  }
}

TEST(ExchangePatience, CountsSilenceAcrossWaitsThatEndedForAnotherReason) {
  Patience patience;
  std::ignore = patience.wait(kStart);
  patience.received(kStart + kMaxSilence / 2, 0);
  EXPECT_EQ(patience.wait(kStart + 100s), kStart + 100s + kMaxSilence / 2);
}

}  // namespace
}  // namespace turnpike::exchange
