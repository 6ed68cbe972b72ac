#include "sim/home.h"

#include <gtest/gtest.h>

namespace turnpike::sim {
namespace {

Home home(Nat nat) {
  Home out;
  out.nat = nat;
  return out;
}

TEST(SimHome, LetsConnectionsInToOpenHomesOnly) {
  const Home open = home(Nat::kOpen);
  for (const Nat nat : {Nat::kPortRestricted, Nat::kSymmetric}) {
    EXPECT_TRUE(lets_through(home(nat), open, 5001));
    EXPECT_FALSE(lets_through(open, home(nat), 5001));
  }
}

TEST(SimHome, LetsAWebOnlyHomeOutOnTwoPorts) {
  const Home open = home(Nat::kOpen);
  EXPECT_TRUE(lets_through(home(Nat::kWebOnly), open, 443));
  EXPECT_FALSE(lets_through(home(Nat::kWebOnly), open, 5001));
}

TEST(SimHome, TakesAsLongAsItsSlowerLine) {
  World world(1);
  Home from = home(Nat::kOpen);
  Home to = home(Nat::kOpen);
  from.up = 1e6;
  to.down = 1e9;
  const Transit transit = send(world, from, to, 2'000'000);
  EXPECT_NEAR(static_cast<double>(transit.arrived / 1ms), 2020, 5);
  EXPECT_NEAR(static_cast<double>(transit.left / 1ms), 2000, 5);
}

TEST(SimHome, KeepsTheOrderOfWhatItCarriesThoughSomeIsLost) {
  World world(1);
  Home from = home(Nat::kOpen);
  Home to = home(Nat::kOpen);
  from.loss = 0.5;
  Duration last{};
  for (int i = 0; i < 200; ++i) {
    const Duration arrived = send(world, from, to, 1000).arrived;
    EXPECT_GT(arrived, last);
    last = arrived;
  }
}

}  // namespace
}  // namespace turnpike::sim
