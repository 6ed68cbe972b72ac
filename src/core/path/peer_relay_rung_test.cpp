#include "core/path/peer_relay_rung.h"

#include <gmock/gmock.h>

#include "core/path/ladder.h"

namespace turnpike::path {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const identity::PeerId kServer{{1}};
const PathFailure kNoAnswer{.end = PathEnd::kTimeout, .detail = {}};

// A ladder whose only ways are both kinds of relay, a clock, and what the ladder asked for.
class PeerRelayRungTest : public testing::Test {
 protected:
  Now now() const {
    const auto ms = static_cast<std::uint64_t>(elapsed_ / 1ms);
    return {Instant(1000s) + elapsed_, {1'700'000'000'000 + ms}};
  }
  void wait(Duration time) {
    const Duration until = elapsed_ + time;
    while (ladder_.poll_timeout() && *ladder_.poll_timeout() <= Instant(1000s) + until) {
      elapsed_ = std::max(elapsed_, Duration(*ladder_.poll_timeout() - Instant(1000s)));
      ladder_.handle_timeout(now());
      collect();
    }
    elapsed_ = until;
    ladder_.handle_timeout(now());
    collect();
  }
  void collect() {
    while (auto action = ladder_.poll_action()) {
      if (const auto* open = std::get_if<Open>(&*action)) opened_.push_back(*open);
      if (const auto* close = std::get_if<Close>(&*action)) closed_.push_back(close->path);
      if (const auto* ask = std::get_if<AskPeerRelay>(&*action)) asked_.push_back(*ask);
      if (std::holds_alternative<AskRelay>(*action)) ++bootstrap_asked_;
    }
  }
  void meet() {
    ladder_.set_bootstraps(now(), {0});
    ladder_.want(now(), true);
    collect();
  }
  PathId grant(std::uint64_t bytes = std::uint64_t{1} << 32U, std::uint64_t lifetime_ms = 3'600'000) {
    PeerRelayTarget target;
    target.server = kServer;
    target.limits.bytes = bytes;
    target.until = {now().wall.unix_ms + lifetime_ms};
    ladder_.handle_peer_grant(now(), target);
    collect();
    return opened_.empty() ? PathId() : opened_.back().path;
  }
  PathId open_one() {
    wait(kPeerRelayStagger);
    const PathId path = grant();
    ladder_.handle_open(now(), path, 20ms);
    collect();
    return path;
  }

  static RungView view_of(const Ladder& ladder) {
    for (const RungView& each : ladder.view()) {
      if (each.rung == Rung::kPeerRelay) return each;
    }
    return {};
  }

  SeededRandom random_{7};
  PathIds ids_;
  Ladder ladder_{rungs_of({Rung::kHttp, Rung::kPeerRelay, Rung::kBootstrapRelay}), ids_, random_};
  Duration elapsed_{};
  std::vector<Open> opened_;
  std::vector<PathId> closed_;
  std::vector<AskPeerRelay> asked_;
  int bootstrap_asked_ = 0;
};

TEST_F(PeerRelayRungTest, IsAskedForAQuarterOfASecondAfterTheFreeWaysHaveBegun) {
  meet();
  wait(kPeerRelayStagger - 1ms);
  EXPECT_THAT(asked_, IsEmpty());
  wait(1ms);
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_EQ(asked_[0].bootstrap, 0U);
}

TEST_F(PeerRelayRungTest, CarriesBytesBeforeTheBootstrapsRelayMay) {
  meet();
  EXPECT_EQ(bootstrap_asked_, 1) << "its control path opens at once";
  const PathId path = open_one();
  EXPECT_EQ(opened_.back().rung, Rung::kPeerRelay);
  const auto way = ladder_.best(now());
  ASSERT_TRUE(way);
  EXPECT_EQ(way->path, path);
  EXPECT_EQ(way->rung, Rung::kPeerRelay);
  EXPECT_LT(elapsed_, kRelayHold);
  EXPECT_EQ(ladder_.standing(), Standing::kOpen);
}

TEST_F(PeerRelayRungTest, HoldsTheBootstrapsRelayBackWhileItMayYetCome) {
  meet();
  RelayTarget costly;
  costly.quote = {.bytes = std::uint64_t{1} << 30U, .bytes_per_second = 0, .until = {now().wall.unix_ms + 3'600'000}};
  ladder_.handle_grant(now(), costly);
  collect();
  ladder_.handle_open(now(), opened_.back().path, 20ms);
  wait(kRelayHold);
  ASSERT_TRUE(ladder_.best(now()));
  EXPECT_LE(ladder_.best(now())->allowance, kRelayBytesInRace);
  ladder_.handle_peer_denied(now(), "no peer relays now", 20s);
  collect();
  EXPECT_GT(ladder_.best(now())->allowance, kRelayBytesInRace);
}

TEST_F(PeerRelayRungTest, EndsTheBootstrapsSessionOnceItIsOpen) {
  meet();
  RelayTarget costly;
  costly.quote = {.bytes = std::uint64_t{1} << 30U, .bytes_per_second = 0, .until = {now().wall.unix_ms + 3'600'000}};
  ladder_.handle_grant(now(), costly);
  collect();
  const PathId relayed = opened_.back().path;
  ladder_.handle_open(now(), relayed, 20ms);
  (void)open_one();
  EXPECT_THAT(closed_, ElementsAre(relayed));
}

TEST_F(PeerRelayRungTest, AsksAtOnceForAnotherServerWhenOneThatCarriedIsGone) {
  meet();
  const PathId path = open_one();
  ladder_.handle_fetch_started(now(), path, 1U << 20U);
  ladder_.handle_delivered(now(), path, 1U << 20U);
  ladder_.handle_closed(now(), path, kNoAnswer);
  collect();
  wait(kPeerRelayStagger);
  ASSERT_THAT(asked_, SizeIs(2));
  EXPECT_THAT(asked_[1].avoid, ElementsAre(kServer));
}

TEST_F(PeerRelayRungTest, ForgetsWhomToAvoidWhereNobodyElseRelays) {
  meet();
  ladder_.handle_closed(now(), open_one(), kNoAnswer);
  collect();
  wait(5s);
  ASSERT_THAT(asked_, SizeIs(2));
  EXPECT_THAT(asked_[1].avoid, ElementsAre(kServer));
  ladder_.handle_peer_denied(now(), "no other peer relays now", 1s);
  collect();
  wait(10s);
  ASSERT_THAT(asked_, SizeIs(3));
  EXPECT_THAT(asked_[2].avoid, IsEmpty());
}

TEST_F(PeerRelayRungTest, GivesUpASessionToWhichThePartnerDoesNotCome) {
  meet();
  wait(kPeerRelayStagger);
  const PathId path = grant();
  wait(kPeerRelayAttemptLimit);
  EXPECT_THAT(closed_, testing::Contains(path));
  EXPECT_EQ(view_of(ladder_).reason, "the partner did not come");
}

TEST_F(PeerRelayRungTest, NeverAsksForMoreThanTheSessionHolds) {
  meet();
  wait(kPeerRelayStagger);
  const std::uint64_t mib = 1U << 20U;
  const PathId path = grant(4 * mib);
  ladder_.handle_open(now(), path, 20ms);
  collect();
  const std::uint64_t first = ladder_.best(now())->allowance;
  EXPECT_LT(first, 4 * mib);
  EXPECT_GT(first, 3 * mib);
  ladder_.handle_fetch_started(now(), path, 3 * mib);
  EXPECT_EQ(ladder_.best(now())->allowance, 0U);
  EXPECT_THAT(closed_, IsEmpty()) << "what is under way ends first";
  ladder_.handle_delivered(now(), path, 3 * mib);
  ladder_.handle_fetch_ended(now(), path, 0);
  collect();
  EXPECT_THAT(closed_, testing::Contains(path));
  wait(1s);
  EXPECT_THAT(asked_, SizeIs(2));
}

TEST_F(PeerRelayRungTest, GivesAnUnusedSessionBack) {
  meet();
  const PathId path = open_one();
  ladder_.release(now());
  collect();
  wait(kPeerRelayLinger - 1ms);
  EXPECT_THAT(closed_, IsEmpty());
  wait(1ms);
  EXPECT_THAT(closed_, ElementsAre(path));
}

TEST_F(PeerRelayRungTest, IsNotAskedForWhereAFreeWayIsOpen) {
  ladder_.set_endpoints(now(), {{IpAddress::v4(192, 0, 2, 1), 5001}});
  meet();
  ladder_.handle_open(now(), opened_.front().path, 10ms);
  collect();
  wait(1h);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(PeerRelayRungTest, IsNotAskedForWhereItIsSwitchedOff) {
  Ladder off(rungs_of({Rung::kHttp, Rung::kBootstrapRelay}), ids_, random_);
  off.set_bootstraps(now(), {0});
  off.want(now(), true);
  elapsed_ = 10s;
  off.handle_timeout(now());
  while (const auto action = off.poll_action()) EXPECT_FALSE(std::holds_alternative<AskPeerRelay>(*action));
  EXPECT_EQ(view_of(off).state, "off");
}

}  // namespace
}  // namespace turnpike::path
