#include "core/path/ladder.h"

#include <gmock/gmock.h>

namespace turnpike::path {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kMib = std::uint64_t{1} << 20U;
constexpr RungSet kHttpAndRelay = rungs_of({Rung::kHttp, Rung::kBootstrapRelay});
constexpr RungSet kAll = rungs_of({Rung::kDirect, Rung::kHttp, Rung::kBootstrapRelay});
const PathFailure kNoAnswer{.end = PathEnd::kTimeout, .detail = {}};

// A ladder, a clock, and what the ladder asked for last.
class PathLadder : public testing::Test {
 protected:
  explicit PathLadder(const RungSet& allowed = kHttpAndRelay) : ladder_(allowed, ids_, random_) {}
  Now at(Duration since) const {
    const auto ms = static_cast<std::uint64_t>(since / 1ms);
    return {Instant(1000s) + since, {1'700'000'000'000 + ms}};
  }
  Now now() const { return at(elapsed_); }
  void wait(Duration time) {
    const Duration until = elapsed_ + time;
    while (ladder_.poll_timeout() && *ladder_.poll_timeout() <= at(until).mono) {
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
      if (std::holds_alternative<AskRelay>(*action)) ++asked_;
    }
  }
  void want(bool relay_too = true) {
    ladder_.want(now(), relay_too);
    collect();
  }
  void know(std::size_t addresses, bool relay) {
    std::vector<Endpoint> http;
    for (std::size_t i = 0; i < addresses; ++i) {
      http.push_back({IpAddress::v4(192, 0, 2, static_cast<std::uint8_t>(i + 1)), 5001});
    }
    ladder_.set_endpoints(now(), http);
    if (relay) ladder_.set_bootstraps(now(), {0});
    collect();
  }
  void grant(std::uint64_t bytes = std::uint64_t{1} << 30U, std::uint64_t lifetime_ms = 3'600'000) {
    RelayTarget target;
    target.quote = {.bytes = bytes, .bytes_per_second = 0, .until = {now().wall.unix_ms + lifetime_ms}};
    ladder_.handle_grant(now(), target);
    collect();
  }
  void open(PathId path, Duration rtt = 10ms) {
    ladder_.handle_open(now(), path, rtt);
    collect();
  }
  void fail(PathId path, const PathFailure& failure = kNoAnswer) {
    ladder_.handle_closed(now(), path, failure);
    collect();
  }
  PathId relay_open() {
    grant();
    const PathId path = opened_.back().path;
    open(path);
    return path;
  }

  SeededRandom random_{7};
  PathIds ids_;
  Ladder ladder_;
  Duration elapsed_{};
  std::vector<Open> opened_;
  std::vector<PathId> closed_;
  int asked_ = 0;
};

TEST_F(PathLadder, DoesNothingForAPeerNobodyWants) {
  know(2, true);
  wait(1h);
  EXPECT_THAT(opened_, IsEmpty());
  EXPECT_EQ(asked_, 0);
}

TEST_F(PathLadder, StartsTheFreeRungAndTheRelaysControlPathAtOnce) {
  know(1, true);
  want();
  ASSERT_THAT(opened_, SizeIs(1));
  EXPECT_EQ(opened_[0].rung, Rung::kHttp);
  EXPECT_EQ(asked_, 1);
}

TEST_F(PathLadder, StaggersAttemptsAtSeveralAddresses) {
  know(3, false);
  want();
  EXPECT_THAT(opened_, SizeIs(1));
  wait(249ms);
  EXPECT_THAT(opened_, SizeIs(1));
  wait(1ms);
  EXPECT_THAT(opened_, SizeIs(2));
  wait(250ms);
  EXPECT_THAT(opened_, SizeIs(3));
}

TEST_F(PathLadder, KeepsTheFirstAddressThatAnswersAndClosesTheOthers) {
  know(3, false);
  want();
  wait(600ms);
  ASSERT_THAT(opened_, SizeIs(3));
  open(opened_[1].path);
  EXPECT_EQ(ladder_.best(now())->path, opened_[1].path);
  EXPECT_THAT(closed_, testing::UnorderedElementsAre(opened_[0].path, opened_[2].path));
}

TEST_F(PathLadder, HoldsTheRelaysBytesBackForACheaperPath) {
  know(1, true);
  want();
  relay_open();
  EXPECT_FALSE(ladder_.best(now()));
  wait(799ms);
  EXPECT_FALSE(ladder_.best(now()));
  wait(1ms);
  ASSERT_TRUE(ladder_.best(now()));
  EXPECT_EQ(ladder_.best(now())->rung, Rung::kBootstrapRelay);
}

TEST_F(PathLadder, LetsNoMoreThanTwoMebibytesThroughTheRelayBeforeTheRaceIsSettled) {
  know(1, true);
  want();
  const PathId relay = relay_open();
  wait(800ms);
  EXPECT_LE(ladder_.best(now())->allowance, 2 * kMib);
  ladder_.handle_fetch_started(now(), relay, kMib);
  ladder_.handle_delivered(now(), relay, kMib);
  ladder_.handle_fetch_ended(now(), relay, 0);
  EXPECT_LT(ladder_.best(now())->allowance, kMib);
  wait(kRaceLimit);
  EXPECT_GT(ladder_.best(now())->allowance, 100 * kMib);
}

TEST_F(PathLadder, LetsTheRelayFlowAtOnceWhenEveryCheaperRungHasFailed) {
  know(1, true);
  want();
  relay_open();
  fail(opened_[0].path, {.end = PathEnd::kRefused, .detail = {}});
  ASSERT_TRUE(ladder_.best(now()));
  EXPECT_GT(ladder_.best(now())->allowance, 100 * kMib);
}

TEST_F(PathLadder, LetsTheRelayFlowAtOnceWhereThereIsNoCheaperRung) {
  know(0, true);
  want();
  relay_open();
  EXPECT_TRUE(ladder_.best(now()));
}

TEST_F(PathLadder, TakesACheaperPathThatComesLaterAndClosesTheRelayOnceItIsIdle) {
  know(1, true);
  want();
  const PathId relay = relay_open();
  fail(opened_[0].path);
  ladder_.handle_fetch_started(now(), relay, kMib);
  wait(3s);  // the back-off of the first failure
  ASSERT_EQ(opened_.back().rung, Rung::kHttp);
  open(opened_.back().path);
  EXPECT_EQ(ladder_.best(now())->rung, Rung::kHttp);
  EXPECT_THAT(closed_, IsEmpty());
  ladder_.handle_delivered(now(), relay, kMib);
  ladder_.handle_fetch_ended(now(), relay, 0);
  collect();
  EXPECT_THAT(closed_, testing::ElementsAre(relay));
}

TEST_F(PathLadder, ProbesTheCheaperRungForEverWhileOnTheRelay) {
  know(1, true);
  want();
  relay_open();
  int probes = 0;
  for (int hour = 0; hour < 24; ++hour) {
    const std::size_t before = opened_.size();
    for (int minute = 0; minute < 60; ++minute) wait(1min);
    EXPECT_GT(opened_.size(), before) << "in hour " << hour;
    probes += static_cast<int>(opened_.size() - before);
    // The day's one relay session ends after an hour and is renewed.
    if (opened_.back().rung == Rung::kBootstrapRelay) open(opened_.back().path);
  }
  EXPECT_LT(probes, 24 * 60) << "but not more often than every minute or so";
}

TEST_F(PathLadder, GivesUpAnAttemptThatNobodyReports) {
  know(1, false);
  want();
  wait(kHttpAttemptLimit);
  EXPECT_THAT(closed_, testing::ElementsAre(opened_[0].path));
  EXPECT_EQ(ladder_.standing(), Standing::kWaiting);
  EXPECT_TRUE(ladder_.next_try());
  EXPECT_THAT(ladder_.reason(), testing::HasSubstr("192.0.2.1:5001 no answer"));
}

TEST_F(PathLadder, WaitsLongerAfterEachFailure) {
  know(1, false);
  want();
  Duration last{};
  for (int i = 0; i < 4; ++i) {
    fail(opened_.back().path);
    const Duration delay = *ladder_.next_try() - now().mono;
    EXPECT_GT(delay, last);
    last = delay;
    wait(delay);
  }
}

TEST_F(PathLadder, ForgetsItsBackOffWhenTheNetworkChanges) {
  know(1, false);
  want();
  fail(opened_.back().path);
  ladder_.retry_now(now());
  collect();
  EXPECT_THAT(opened_, SizeIs(2));
}

TEST_F(PathLadder, TriesANewAddressAtOnce) {
  know(1, false);
  want();
  fail(opened_.back().path);
  wait(300ms);
  know(2, false);
  EXPECT_THAT(opened_, SizeIs(2));
}

TEST_F(PathLadder, RacesAnewWhenItsPathIsLost) {
  know(1, true);
  want();
  open(opened_[0].path);
  EXPECT_EQ(asked_, 1);
  ladder_.handle_delivered(now(), opened_[0].path, kMib);
  fail(opened_[0].path, {.end = PathEnd::kClosed, .detail = {}});
  EXPECT_FALSE(ladder_.best(now()));
  EXPECT_EQ(asked_, 2) << "the relay is prepared";
}

TEST_F(PathLadder, GivesUpAWishForASessionThatHttpMadeNeedless) {
  know(1, true);
  want();
  grant();
  const PathId relay = opened_.back().path;
  open(opened_[0].path);
  EXPECT_THAT(closed_, testing::ElementsAre(relay));
  open(relay);  // crosses
  EXPECT_EQ(ladder_.best(now())->rung, Rung::kHttp);
}

TEST_F(PathLadder, AsksForNoRelayWhereItIsNotWanted) {
  know(1, true);
  want(false);
  EXPECT_EQ(asked_, 0);
  want(true);
  EXPECT_EQ(asked_, 1);
}

TEST_F(PathLadder, KeepsToTheRungsItIsAllowed) {
  Ladder relay_only(rungs_of({Rung::kBootstrapRelay}), ids_, random_);
  relay_only.set_endpoints(now(), {{IpAddress::v4(192, 0, 2, 1), 5001}});
  relay_only.set_bootstraps(now(), {0});
  relay_only.want(now(), true);
  EXPECT_TRUE(std::holds_alternative<AskRelay>(*relay_only.poll_action()));
  EXPECT_FALSE(relay_only.poll_action());
  Ladder http_only(rungs_of({Rung::kHttp}), ids_, random_);
  http_only.set_bootstraps(now(), {0});
  http_only.want(now(), true);
  EXPECT_FALSE(http_only.poll_action());
  EXPECT_EQ(http_only.standing(), Standing::kNoWay);
}

TEST_F(PathLadder, WaitsAsLongAsTheBootstrapSaysAndSaysWhy) {
  know(0, true);
  want();
  ladder_.handle_denied(now(), "full", 60s);
  EXPECT_GE(*ladder_.next_try(), now().mono + 60s);
  EXPECT_THAT(ladder_.reason(), testing::HasSubstr("full"));
  wait(70s);
  EXPECT_EQ(asked_, 2);
}

TEST_F(PathLadder, AsksAnotherBootstrapAfterARefusal) {
  ladder_.set_bootstraps(now(), {3, 5});
  ladder_.want(now(), true);
  EXPECT_EQ(std::get<AskRelay>(*ladder_.poll_action()).bootstrap, 3U);
  ladder_.handle_denied(now(), "full", {});
  elapsed_ += 3s;
  ladder_.handle_timeout(now());
  EXPECT_EQ(std::get<AskRelay>(*ladder_.poll_action()).bootstrap, 5U);
}

TEST_F(PathLadder, NeverAsksForMoreThanTheQuoteHolds) {
  know(0, true);
  want();
  grant(10 * kMib);
  const PathId relay = opened_.back().path;
  open(relay);
  const std::uint64_t allowance = ladder_.best(now())->allowance;
  EXPECT_LT(allowance, 10 * kMib);
  EXPECT_GT(allowance, 8 * kMib);
  ladder_.handle_fetch_started(now(), relay, 8 * kMib);
  EXPECT_LT(ladder_.best(now())->allowance, 2 * kMib);
}

TEST_F(PathLadder, RenewsASessionWhoseQuoteIsNearlySpentBeforeItIsCut) {
  know(0, true);
  want();
  grant(4 * kMib);
  const PathId first = opened_.back().path;
  open(first);
  ladder_.handle_fetch_started(now(), first, 3 * kMib);
  ladder_.handle_delivered(now(), first, 3 * kMib);
  EXPECT_THAT(closed_, IsEmpty()) << "while a fetch is under way";
  ladder_.handle_fetch_ended(now(), first, 0);
  collect();
  EXPECT_THAT(closed_, testing::ElementsAre(first));
  EXPECT_EQ(asked_, 2);
}

TEST_F(PathLadder, RenewsASessionBeforeItsTimeIsUp) {
  know(0, true);
  want();
  grant(1'000 * kMib, 60'000);
  open(opened_.back().path);
  wait(60s - kMinUsefulTime - 1s);
  EXPECT_EQ(asked_, 1);
  wait(2s);
  EXPECT_EQ(asked_, 2);
}

TEST_F(PathLadder, RefusesAQuoteThatDoesNotHoldOnePiece) {
  know(0, true);
  want();
  grant(kMinUsefulQuote - 1);
  EXPECT_THAT(opened_, IsEmpty());
  EXPECT_EQ(ladder_.standing(), Standing::kWaiting);
}

TEST_F(PathLadder, GivesBackTheAllowanceOfWhatNeverCame) {
  know(0, true);
  want();
  const PathId relay = relay_open();
  const std::uint64_t before = ladder_.best(now())->allowance;
  ladder_.handle_fetch_started(now(), relay, 8 * kMib);
  ladder_.handle_fetch_ended(now(), relay, 8 * kMib);
  EXPECT_GE(ladder_.best(now())->allowance + kMib, before);
}

TEST_F(PathLadder, LingersAWhileWhenReleased) {
  know(1, false);
  want();
  open(opened_[0].path);
  ladder_.release(now());
  wait(kHttpLinger - 1s);
  EXPECT_THAT(closed_, IsEmpty());
  wait(1s);
  EXPECT_THAT(closed_, SizeIs(1));
  EXPECT_FALSE(ladder_.poll_timeout());
}

TEST_F(PathLadder, DropsItsAttemptsWhenReleased) {
  know(2, true);
  want();
  ladder_.release(now());
  collect();
  EXPECT_THAT(closed_, SizeIs(1));
  grant();
  EXPECT_THAT(opened_, SizeIs(1)) << "a grant that comes too late opens nothing";
}

TEST_F(PathLadder, DemotesAPathAFetchFoundDead) {
  know(2, false);
  want();
  open(opened_[0].path);
  ladder_.demote(now(), opened_[0].path, {.end = PathEnd::kTimeout, .detail = "silent"});
  collect();
  EXPECT_THAT(closed_, testing::Contains(opened_[0].path));
  ASSERT_THAT(opened_, SizeIs(2)) << "the other address";
}

TEST_F(PathLadder, DropsTheLastOfTheMoreNumerousFamilyWhenThereAreTooManyAddresses) {
  std::vector<Endpoint> many;
  for (std::uint8_t i = 0; i < 20; ++i) many.push_back({IpAddress::v4(198, 51, 100, i), 5001});
  many.push_back({*IpAddress::parse("2001:db8::1"), 5001});
  ladder_.set_endpoints(now(), many);
  const auto kept = ladder_.endpoints();
  EXPECT_THAT(kept, SizeIs(kMaxEndpoints));
  EXPECT_THAT(kept, testing::Contains(many.back()));
  EXPECT_THAT(kept, testing::Contains(many.front()));
}

TEST_F(PathLadder, TellsTheReasonOfEachRung) {
  know(1, false);
  want();
  fail(opened_[0].path, {.end = PathEnd::kRefused, .detail = "connection refused"});
  const std::vector<RungView> rungs = ladder_.view();
  EXPECT_EQ(rungs[0].reason, "switched off here");
  EXPECT_EQ(rungs[1].reason, "switched off here");
  EXPECT_EQ(rungs[2].state, "waiting");
  EXPECT_EQ(rungs[2].reason, "192.0.2.1:5001 refused (connection refused)");
  EXPECT_TRUE(rungs[2].next_action);
  EXPECT_EQ(rungs.back().reason, "no bootstrap has both of us connected");
}

class PathLadderWithDirect : public PathLadder {
 protected:
  PathLadderWithDirect() : PathLadder(kAll) {}
  static std::vector<Endpoint> hosts(std::size_t count) {
    std::vector<Endpoint> out;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back({IpAddress::v4(192, 0, 2, static_cast<std::uint8_t>(i + 1)), 4001});
    }
    return out;
  }
  void know_direct(std::size_t addresses) {
    ladder_.set_direct(now(), hosts(addresses));
    collect();
  }
  void connect(bool connected = true) {
    ladder_.set_connected(now(), connected);
    collect();
  }
};

TEST_F(PathLadderWithDirect, RacesDirectAndHttpAtOnceAndPrefersDirect) {
  know(1, true);
  know_direct(2);
  want();
  ASSERT_THAT(opened_, SizeIs(2));
  EXPECT_EQ(std::get<DirectTarget>(opened_[0].target).tcp, hosts(2)) << "the shell races the addresses";
  EXPECT_EQ(opened_[1].rung, Rung::kHttp);
  open(opened_[1].path);
  EXPECT_EQ(ladder_.best(now())->rung, Rung::kHttp);
  open(opened_[0].path);
  EXPECT_EQ(ladder_.best(now())->rung, Rung::kDirect);
  EXPECT_THAT(closed_, testing::ElementsAre(opened_[1].path)) << "nothing is fetched over http any more";
}

TEST_F(PathLadderWithDirect, LetsAFetchOverHttpEndBeforeItClosesThatPath) {
  know(1, false);
  know_direct(1);
  want();
  open(opened_[1].path);
  ladder_.handle_fetch_started(now(), opened_[1].path, kMib);
  open(opened_[0].path);
  EXPECT_THAT(closed_, IsEmpty());
  ladder_.handle_fetch_ended(now(), opened_[1].path, 0);
  collect();
  EXPECT_THAT(closed_, testing::ElementsAre(opened_[1].path));
}

TEST_F(PathLadderWithDirect, UsesAConnectionThatThePeerMadeThoughItToldNoAddress) {
  want();
  EXPECT_THAT(opened_, IsEmpty());
  connect();
  ASSERT_THAT(opened_, SizeIs(1));
  EXPECT_THAT(std::get<DirectTarget>(opened_[0].target).tcp, IsEmpty());
}

TEST_F(PathLadderWithDirect, HoldsTheRelayBackWhileDirectMayYetCome) {
  know(0, true);
  know_direct(1);
  want();
  relay_open();
  EXPECT_FALSE(ladder_.best(now()));
  wait(kRelayHold);
  EXPECT_EQ(ladder_.best(now())->rung, Rung::kBootstrapRelay);
  EXPECT_LE(ladder_.best(now())->allowance, kRelayBytesInRace);
}

TEST_F(PathLadderWithDirect, GivesAnAttemptUpAfterItsLimitAndTriesAgainLater) {
  know_direct(1);
  want();
  wait(kDirectAttemptLimit);
  EXPECT_THAT(closed_, testing::ElementsAre(opened_[0].path));
  EXPECT_EQ(ladder_.standing(), Standing::kWaiting);
  EXPECT_EQ(ladder_.view()[1].reason, "no answer");
  wait(2 * kFirstRungBackoff);
  EXPECT_THAT(opened_, SizeIs(2));
}

TEST_F(PathLadderWithDirect, TriesDirectAgainWhileHttpCarries) {
  know(1, false);
  know_direct(1);
  want();
  open(opened_[1].path);
  fail(opened_[0].path);
  wait(2 * kFirstRungBackoff);
  ASSERT_THAT(opened_, SizeIs(3));
  EXPECT_EQ(opened_[2].rung, Rung::kDirect);
}

TEST_F(PathLadderWithDirect, KeepsAnUnusedPathForAWhileAndNoLonger) {
  know_direct(1);
  want();
  open(opened_[0].path);
  ladder_.release(now());
  collect();
  wait(kDirectLinger - 1ms);
  EXPECT_THAT(closed_, IsEmpty());
  wait(1ms);
  EXPECT_THAT(closed_, testing::ElementsAre(opened_[0].path));
}

TEST_F(PathLadderWithDirect, FallsBackToHttpWhenDirectIsLost) {
  know(1, false);
  know_direct(1);
  want();
  open(opened_[0].path);
  EXPECT_THAT(closed_, testing::ElementsAre(opened_[1].path));
  fail(opened_[0].path);
  ASSERT_THAT(opened_, SizeIs(3));
  EXPECT_EQ(opened_[2].rung, Rung::kHttp);
}

TEST_F(PathLadderWithDirect, TriesAtOnceAgainWhatHasCarriedBytesAndWaitsForWhatHasNot) {
  know_direct(1);
  want();
  open(opened_[0].path);
  ladder_.handle_delivered(now(), opened_[0].path, kMib);
  fail(opened_[0].path);
  ASSERT_THAT(opened_, SizeIs(2)) << "over TCP most likely, where it was UDP that died";
  open(opened_[1].path);
  fail(opened_[1].path);
  EXPECT_THAT(opened_, SizeIs(2)) << "this one has delivered nothing";
  wait(2 * kFirstRungBackoff);
  EXPECT_THAT(opened_, SizeIs(3));
}

TEST_F(PathLadderWithDirect, TriesAPeerThatOnlyUdpReaches) {
  ladder_.set_direct(now(), {}, hosts(1));
  collect();
  want();
  ASSERT_THAT(opened_, SizeIs(1));
  EXPECT_EQ(std::get<DirectTarget>(opened_[0].target).quic, hosts(1));
}

TEST_F(PathLadderWithDirect, KeepsBothFamiliesAmongTooManyAddresses) {
  std::vector<Endpoint> many = hosts(20);
  many.push_back({*IpAddress::parse("2001:db8::1"), 4001});
  ladder_.set_direct(now(), many);
  EXPECT_THAT(ladder_.direct_endpoints(), SizeIs(kMaxDirectEndpoints));
  EXPECT_THAT(ladder_.direct_endpoints(), testing::Contains(many.back()));
}

}  // namespace
}  // namespace turnpike::path
