#include "sim/world.h"

#include <gmock/gmock.h>

namespace turnpike::sim {
namespace {

TEST(SimWorld, LetsThingsHappenInTimeAndThenInTheOrderTheyWereAskedFor) {
  World world(1);
  std::vector<int> seen;
  world.after(2s, [&] { seen.push_back(3); });
  world.after(1s, [&] {
    seen.push_back(1);
    world.after(0s, [&] { seen.push_back(2); });
  });
  world.after(2s, [&] { seen.push_back(4); });
  world.run_for(3s);
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(world.elapsed(), 3s);
}

TEST(SimWorld, StopsAtTheLimit) {
  World world(1);
  EXPECT_FALSE(world.run_until([] { return false; }, 5s));
  EXPECT_EQ(world.elapsed(), 5s);
}

TEST(SimWorld, IsTheSameForTheSameSeed) {
  World one(7);
  World two(7);
  World other(8);
  EXPECT_EQ(one.dice().below(UINT64_MAX), two.dice().below(UINT64_MAX));
  EXPECT_NE(one.dice().below(UINT64_MAX), other.dice().below(UINT64_MAX));
}

}  // namespace
}  // namespace turnpike::sim
