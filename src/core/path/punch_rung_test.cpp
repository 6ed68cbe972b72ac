#include "core/path/punch_rung.h"

#include <gmock/gmock.h>

#include "core/path/ladder.h"

namespace turnpike::path {
namespace {

using testing::SizeIs;

const Endpoint kHole{IpAddress::v4(203, 0, 113, 9), 40'000};
constexpr RungSet kPunchAndRelay = rungs_of({Rung::kPunched, Rung::kBootstrapRelay});
const PathFailure kSilence{.end = PathEnd::kTimeout, .detail = {}};

// A ladder to a peer that has told no address, and what it asked for.
struct PathPunchRung : testing::Test {
  explicit PathPunchRung(const RungSet& allowed = kPunchAndRelay) : ladder(allowed, ids, random) {
    ladder.set_bootstraps(now(), {0});
  }
  [[nodiscard]] Now now() const { return {Instant(1000s) + elapsed, {1'700'000'000'000}}; }
  void collect() {
    while (auto action = ladder.poll_action()) {
      if (const auto* open = std::get_if<Open>(&*action)) opened.push_back(*open);
      if (const auto* close = std::get_if<Close>(&*action)) closed.push_back(close->path);
      if (std::holds_alternative<AskPunch>(*action)) ++asked;
      if (std::holds_alternative<AskRelay>(*action)) ++asked_relay;
    }
  }
  void wait(Duration time) {
    const Duration until = elapsed + time;
    while (ladder.poll_timeout() && *ladder.poll_timeout() <= Instant(1000s) + until) {
      elapsed = std::max(elapsed, Duration(*ladder.poll_timeout() - Instant(1000s)));
      ladder.handle_timeout(now());
      collect();
    }
    elapsed = until;
    ladder.handle_timeout(now());
    collect();
  }
  void want() {
    ladder.want(now(), true);
    collect();
  }
  void hole(bool ours = true) {
    ladder.handle_hole(now(), kHole, ours);
    collect();
  }
  void open_last() {
    ladder.handle_open(now(), opened.back().path, 40ms, Rung::kPunched);
    collect();
  }
  [[nodiscard]] RungView punched() const {
    for (const RungView& each : ladder.view()) {
      if (each.rung == Rung::kPunched) return each;
    }
    return {};
  }

  SeededRandom random{1};
  PathIds ids;
  Duration elapsed{};
  Ladder ladder;
  std::vector<Open> opened;
  std::vector<PathId> closed;
  int asked = 0;
  int asked_relay = 0;
};

TEST_F(PathPunchRung, AHoleIsAskedForOnceTheToldAddressesHaveHadTheirStart) {
  want();
  EXPECT_EQ(asked, 0);
  wait(kPunchStagger);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(punched().state, "trying");
}

TEST_F(PathPunchRung, TheHoleThatWasAskedForIsConnectedThroughAtOnceAndCountsAsPunched) {
  want();
  wait(200ms);
  hole();
  ASSERT_THAT(opened, SizeIs(1));
  EXPECT_EQ(opened[0].rung, Rung::kPunched);
  EXPECT_EQ(std::get<DirectTarget>(opened[0].target), (DirectTarget{.tcp = {}, .quic = {kHole}}));
  open_last();
  const auto way = ladder.best(now());
  ASSERT_TRUE(way);
  EXPECT_EQ(way->rung, Rung::kPunched);
  ladder.handle_delivered(now(), way->path, 1000);
  EXPECT_EQ(punched().state, "open");
  EXPECT_EQ(punched().bytes, 1000U);
}

TEST_F(PathPunchRung, TheOtherEndWaitsForTheConnectionAndUsesIt) {
  want();
  wait(200ms);
  hole(false);
  EXPECT_THAT(opened, SizeIs(0));
  ladder.set_connected(now(), true);
  collect();
  EXPECT_THAT(opened, SizeIs(1));
}

TEST_F(PathPunchRung, TheOtherEndConnectsItselfWhenNobodyComes) {
  want();
  hole(false);
  wait(kHoleTurn);
  EXPECT_THAT(opened, SizeIs(1));
}

TEST_F(PathPunchRung, TheRelayIsGivenUpForTheHole) {
  want();
  EXPECT_EQ(asked_relay, 1);
  RelayTarget granted;
  granted.quote = {.bytes = 1U << 30U, .bytes_per_second = 0, .until = {1'800'000'000'000}};
  ladder.handle_grant(now(), granted);
  collect();
  ladder.handle_open(now(), opened.back().path, 80ms, Rung::kBootstrapRelay);
  const PathId relay = opened.back().path;
  wait(4s);
  ASSERT_EQ(ladder.best(now())->rung, Rung::kBootstrapRelay);
  hole();
  open_last();
  EXPECT_EQ(ladder.best(now())->rung, Rung::kPunched);
  EXPECT_THAT(closed, testing::Contains(relay));
}

TEST_F(PathPunchRung, AHoleThatIsLostIsPunchedAnew) {
  want();
  wait(200ms);
  hole();
  open_last();
  ladder.handle_delivered(now(), opened.back().path, 1);
  ladder.handle_closed(now(), opened.back().path, kSilence);
  collect();
  wait(1s);
  EXPECT_EQ(asked, 2);
}

TEST_F(PathPunchRung, AfterAFailureItWaitsLongerEachTimeAndSaysWhy) {
  want();
  wait(200ms);
  ladder.handle_punch_failed(now(), "nothing came through", {});
  collect();
  EXPECT_EQ(punched().state, "waiting");
  EXPECT_EQ(punched().reason, "nothing came through");
  wait(5s);
  EXPECT_EQ(asked, 1) << "each attempt costs both routers entries";
  wait(10s);
  EXPECT_EQ(asked, 2);
}

TEST_F(PathPunchRung, APartnerThatNeverAnswersIsGivenUp) {
  want();
  wait(200ms);
  wait(kPunchAttemptLimit);
  EXPECT_EQ(punched().reason, "the partner did not answer");
}

TEST_F(PathPunchRung, NothingIsPunchedForAPeerOfWhomNothingIsWanted) {
  wait(1min);
  EXPECT_EQ(asked, 0);
}

TEST_F(PathPunchRung, AHoleThatWasClosedUnusedIsForgotten) {
  hole(false);
  ladder.handle_hole_gone(now());
  want();
  wait(200ms);
  EXPECT_EQ(asked, 1);
}

struct PathPunchRungOff : PathPunchRung {
  PathPunchRungOff() : PathPunchRung(rungs_of({Rung::kBootstrapRelay})) {}
};

TEST_F(PathPunchRungOff, WhereItIsSwitchedOffNoHoleIsAskedForOrUsed) {
  want();
  wait(1min);
  hole();
  EXPECT_EQ(asked, 0);
  for (const Open& each : opened) EXPECT_NE(each.rung, Rung::kPunched);
  EXPECT_EQ(punched().state, "off");
}

}  // namespace
}  // namespace turnpike::path
