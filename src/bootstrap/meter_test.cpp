#include "bootstrap/meter.h"

#include <gtest/gtest.h>

namespace turnpike::bootstrap {
namespace {

using namespace std::chrono_literals;
using io::PumpSide;
using Kind = io::PumpVerdict::Kind;

struct RelayMeter : testing::Test {
  Now now{Instant{1h}, WallTime{1'795'000'000'000}};
  relay::Allowance allowance{.allowed = true};
  std::size_t taken = 0;
  std::optional<relay::Side> from;
  Meter meter{[this](Now, std::size_t bytes, relay::Side side) {
    taken += bytes;
    from = side;
    return allowance;
  }};

  io::PumpVerdict ask(PumpSide side = PumpSide::kFirstToSecond) { return meter.ask(now, side, 100); }
};

TEST_F(RelayMeter, PassesWhatTheLedgerAllows) {
  EXPECT_EQ(ask().kind, Kind::kPass);
  EXPECT_EQ(ask().kind, Kind::kPass);
  EXPECT_EQ(taken, 200U);
}

TEST_F(RelayMeter, StopsWhenTheLedgerDoes) {
  allowance.allowed = false;
  EXPECT_EQ(ask().kind, Kind::kStop);
}

TEST_F(RelayMeter, HoldsAStretchBackForTheWholeRestHoweverOftenItIsAsked) {
  allowance.rest = 1s;
  EXPECT_EQ(ask().wait, 1s);
  now.mono += 250ms;  // the pump waits in pieces
  EXPECT_EQ(ask().kind, Kind::kWait);
  EXPECT_EQ(ask().wait, 750ms);
  now.mono += 750ms;
  EXPECT_EQ(ask().kind, Kind::kPass);
}

TEST_F(RelayMeter, AsksAgainWhereNothingWasCharged) {
  allowance = {.ask_again = true, .rest = 2ms};
  EXPECT_EQ(ask().wait, 2ms);
  allowance = {.allowed = true};
  EXPECT_EQ(ask().kind, Kind::kPass) << "at once, however soon";
}

TEST_F(RelayMeter, TellsFromWhichEndTheBytesCome) {
  (void)ask(PumpSide::kFirstToSecond);
  EXPECT_EQ(from, relay::Side::kInitiator);
  (void)ask(PumpSide::kSecondToFirst);
  EXPECT_EQ(from, relay::Side::kResponder);
}

TEST_F(RelayMeter, ChargesEachStretchOnce) {
  allowance.rest = 1s;
  (void)ask();
  (void)ask();
  now.mono += 1s;
  (void)ask();
  EXPECT_EQ(taken, 100U);
  EXPECT_EQ(ask().kind, Kind::kWait);  // the next one
  EXPECT_EQ(taken, 200U);
}

TEST_F(RelayMeter, KeepsTheTwoDirectionsApart) {
  allowance.rest = 1s;
  (void)ask(PumpSide::kFirstToSecond);
  now.mono += 600ms;
  EXPECT_EQ(ask(PumpSide::kSecondToFirst).wait, 1s);
  EXPECT_EQ(ask(PumpSide::kFirstToSecond).wait, 400ms);
}

}  // namespace
}  // namespace turnpike::bootstrap
