#include "core/sync/rate_meter.h"

#include <gtest/gtest.h>

namespace turnpike::sync {
namespace {

using namespace std::chrono_literals;

TEST(SyncRateMeter, MeasuresNothingBeforeItHasSeenHalfASecond) {
  RateMeter meter;
  meter.start(Instant(1s));
  meter.add(Instant(1s + 100ms), 1'000'000);
  EXPECT_EQ(meter.rate(), 0);
}

TEST(SyncRateMeter, FollowsTheRate) {
  RateMeter meter;
  meter.start(Instant(1s));
  for (int i = 1; i <= 20; ++i) meter.add(Instant(1s + i * 500ms), 500'000);
  EXPECT_NEAR(meter.rate(), 1e6, 1e5);
  for (int i = 21; i <= 40; ++i) meter.add(Instant(1s + i * 500ms), 50'000);
  EXPECT_NEAR(meter.rate(), 1e5, 2e4);
}

TEST(SyncRateMeter, DoesNotCountIdleTime) {
  RateMeter meter;
  meter.start(Instant(1s));
  meter.add(Instant(2s), 1'000'000);
  meter.stop();
  meter.start(Instant(100s));
  meter.add(Instant(101s), 1'000'000);
  EXPECT_NEAR(meter.rate(), 1e6, 1e5);
}

}  // namespace
}  // namespace turnpike::sync
