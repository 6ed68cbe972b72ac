#include "core/connect/roads.h"

#include <gtest/gtest.h>

namespace turnpike::connect {
namespace {

using namespace std::chrono_literals;

const std::string kBoot = "boot.example:443";

struct World {
  SeededRandom random{1};
  Roads roads{random};
  Instant now{};

  std::vector<Road> plan(const std::string& target = kBoot, bool has_proxy = true) {
    std::vector<Road> out;
    for (const Attempt& attempt : roads.plan(now, target, has_proxy)) out.push_back(attempt.road);
    return out;
  }
  void refuse(RefusalReason reason = RefusalReason::kCredentials) {
    roads.handle_refusal(now, {reason, 407, "it asks for credentials (HTTP 407)"});
  }
};

using Plan = std::vector<Road>;

TEST(Roads, StartDirectAndAskTheProxyShortlyAfter) {
  World world;
  const auto plan = world.roads.plan(world.now, kBoot, true);
  ASSERT_EQ(plan.size(), 2U);
  EXPECT_EQ(plan[0].road, Road::kDirect);
  EXPECT_EQ(plan[0].after, Duration::zero());
  EXPECT_EQ(plan[1].road, Road::kProxy);
  EXPECT_EQ(plan[1].after, kRoadStagger);
}

TEST(Roads, AreDirectAloneWhereNoProxyIsMeant) {
  World world;
  EXPECT_EQ(world.plan(kBoot, false), Plan{Road::kDirect});
}

TEST(Roads, StartWithWhatWorkedThereLast) {
  World world;
  world.roads.handle_success(kBoot, Road::kProxy);
  EXPECT_EQ(world.plan(), (Plan{Road::kProxy, Road::kDirect}));
  EXPECT_EQ(world.plan("other.example:443"), (Plan{Road::kDirect, Road::kProxy}));
  world.roads.handle_success(kBoot, Road::kDirect);
  EXPECT_EQ(world.plan(), (Plan{Road::kDirect, Road::kProxy}));
}

TEST(Roads, ForgetEverythingOnAnotherNetwork) {
  World world;
  world.roads.handle_success(kBoot, Road::kProxy);
  world.refuse();
  world.roads.handle_network_changed();
  EXPECT_EQ(world.plan(), (Plan{Road::kDirect, Road::kProxy}));
  EXPECT_EQ(world.roads.refusal(), "");
}

TEST(Roads, LeaveAProxyAloneThatRefusesForEverLongerAndLonger) {
  World world;
  unsigned asked = 0;
  // A caller that comes every 100 ms for an hour.
  for (; world.now < Instant{} + 1h; world.now += 100ms) {
    if (world.plan().size() < 2) continue;
    ++asked;
    world.refuse();
  }
  EXPECT_GT(asked, 10U);  // it is asked again: the operator may have let us in
  EXPECT_LT(asked, 30U);
  EXPECT_EQ(world.roads.refusal(), "it asks for credentials (HTTP 407)");
}

TEST(Roads, DoNotBlameTheProxyForAFarEndThatIsDown) {
  World world;
  world.refuse(RefusalReason::kFarEnd);
  EXPECT_EQ(world.plan().size(), 2U);
}

TEST(Roads, TakeAProxyThatWorkedForWell) {
  World world;
  for (int i = 0; i < 5; ++i) world.refuse();
  world.now = *world.roads.rests_until(world.now);
  world.roads.handle_success(kBoot, Road::kProxy);
  world.refuse();
  EXPECT_LE(*world.roads.rests_until(world.now) - world.now, kFirstProxyRest + kFirstProxyRest / 4);
}

TEST(Roads, RememberNoMoreHostsThanTheirLimit) {
  World world;
  for (std::size_t i = 0; i < kMaxRemembered; ++i)
    world.roads.handle_success("h" + std::to_string(i) + ":443", Road::kProxy);
  EXPECT_EQ(world.roads.remembered("h0:443"), Road::kProxy);
  world.roads.handle_success("one-more:443", Road::kProxy);
  EXPECT_FALSE(world.roads.remembered("h0:443"));
  EXPECT_EQ(world.roads.remembered("one-more:443"), Road::kProxy);
}

}  // namespace
}  // namespace turnpike::connect
