#include "core/path/backoff.h"

#include <gtest/gtest.h>

namespace turnpike::path {
namespace {

using namespace std::chrono_literals;

TEST(PathBackoff, DoublesUpToItsLimitWithinAQuarterOfJitter) {
  SeededRandom random(1);
  Backoff backoff(5s, 10min);
  Duration nominal = 5s;
  for (int i = 0; i < 60; ++i) {
    const Duration delay = backoff.fail(random);
    EXPECT_GE(delay, nominal * 3 / 4) << i;
    EXPECT_LE(delay, nominal * 5 / 4) << i;
    nominal = std::min<Duration>(nominal * 2, 10min);
  }
}

TEST(PathBackoff, StartsAnewAfterASuccess) {
  SeededRandom random(1);
  Backoff backoff(5s, 10min);
  for (int i = 0; i < 5; ++i) (void)backoff.fail(random);
  backoff.reset();
  EXPECT_LE(backoff.fail(random), 6250ms);
}

TEST(PathBackoff, SpreadsThoseThatFailTogether) {
  SeededRandom random(1);
  Duration least = Duration::max();
  Duration most{};
  for (int i = 0; i < 100; ++i) {
    Backoff backoff(4s, 1min);
    const Duration delay = backoff.fail(random);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GT(most - least, 1s);
}

}  // namespace
}  // namespace turnpike::path
