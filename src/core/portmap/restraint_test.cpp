#include "core/portmap/restraint.h"

#include <gtest/gtest.h>

namespace turnpike::portmap {
namespace {

TEST(PortmapRestraint, AllowsAFewReactionsAndThenOneForEachThatGrowsOld) {
  using namespace std::chrono_literals;
  Restraint restraint;
  const Instant start{1000s};
  for (std::size_t i = 0; i < kMaxReactions; ++i) EXPECT_TRUE(restraint.allow(start + i * 1s));
  EXPECT_FALSE(restraint.allow(start + 60s));
  EXPECT_EQ(restraint.next(start + 60s), start + kReactionWindow);
  EXPECT_TRUE(restraint.allow(start + kReactionWindow));
  EXPECT_FALSE(restraint.allow(start + kReactionWindow));
}

}  // namespace
}  // namespace turnpike::portmap
