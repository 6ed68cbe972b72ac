#include "core/portmap/epoch.h"

#include <gtest/gtest.h>

namespace turnpike::portmap {
namespace {

using namespace std::chrono_literals;
constexpr Instant kStart{1000s};

TEST(PortmapEpoch, BelievesTheFirstAnswerWhateverItSays) {
  for (const std::uint32_t epoch : {0U, 7U, 0xffffffffU}) {
    EpochWatch watch(EpochRule::kPcp);
    EXPECT_TRUE(watch.is_continuous(kStart, epoch));
  }
}

TEST(PortmapEpoch, NoticesThatTheRouterStartedAgain) {
  for (const EpochRule rule : {EpochRule::kNatPmp, EpochRule::kPcp}) {
    EpochWatch watch(rule);
    EXPECT_TRUE(watch.is_continuous(kStart, 5000));
    EXPECT_FALSE(watch.is_continuous(kStart + 10s, 3));
    EXPECT_TRUE(watch.is_continuous(kStart + 20s, 13));  // compared with the last answer, not with the first
  }
}

TEST(PortmapEpoch, NoticesARestartThatTookLongerThanTheRouterHadRun) {
  for (const EpochRule rule : {EpochRule::kNatPmp, EpochRule::kPcp}) {
    EpochWatch watch(rule);
    EXPECT_TRUE(watch.is_continuous(kStart, 10));
    EXPECT_FALSE(watch.is_continuous(kStart + 100s, 50));
  }
}

TEST(PortmapEpoch, ForgivesARouterWhoseClockIsALittleOff) {
  EpochWatch nat_pmp(EpochRule::kNatPmp);
  EXPECT_TRUE(nat_pmp.is_continuous(kStart, 100));
  EXPECT_TRUE(nat_pmp.is_continuous(kStart + 800s, 100 + 698));  // 7/8 of 800, less 2
  EXPECT_FALSE(nat_pmp.is_continuous(kStart + 1600s, 798 + 697));

  EpochWatch pcp(EpochRule::kPcp);
  EXPECT_TRUE(pcp.is_continuous(kStart, 100));
  EXPECT_TRUE(pcp.is_continuous(kStart + 1s, 99));            // packets change places
  EXPECT_TRUE(pcp.is_continuous(kStart + 1601s, 99 + 1498));  // 15/16 of 1600, less 2
  EXPECT_FALSE(pcp.is_continuous(kStart + 3201s, 1597 + 1497));
}

TEST(PortmapEpoch, TakesAPcpClockThatRunsTooFastForAnotherRouter) {
  EpochWatch watch(EpochRule::kPcp);
  EXPECT_TRUE(watch.is_continuous(kStart, 100));
  EXPECT_FALSE(watch.is_continuous(kStart + 10s, 5000));
}

}  // namespace
}  // namespace turnpike::portmap
