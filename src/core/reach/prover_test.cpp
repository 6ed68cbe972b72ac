#include "core/reach/prover.h"

#include <gmock/gmock.h>

#include "crypto/hash.h"

namespace turnpike::reach {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const IpAddress kHome = IpAddress::v4(60, 0, 1, 7);
const IpAddress kProberHome = IpAddress::v4(60, 0, 2, 7);
const Service kHttp{ServiceKind::kHttp, {kHome, 5001}};
const Service kQuic{ServiceKind::kQuic, {kHome, 4001}};
const Service kPrivate{ServiceKind::kHttp, {IpAddress::v4(192, 168, 1, 2), 5001}};
constexpr ProofNonce kNonce{1, 2, 3};

class ReachProver : public testing::Test {
 protected:
  void candidates(std::vector<Candidate> all) {
    prover_.set_candidates(now_, std::move(all));
    drain();
  }
  void own(const Service& service) { candidates({{service, Origin::kOwn}}); }
  void up(std::size_t bootstrap = 0, const IpAddress& observed = kHome) {
    prover_.handle_link_up(now_, bootstrap, observed);
    drain();
  }
  void drain() {
    while (auto ask = prover_.poll_ask()) asks_.push_back(*ask);
    while (auto seen = prover_.poll_seen()) seen_.push_back(*seen);
  }
  void result(const Service& target, ProofOutcome outcome, Duration time = 30min, std::size_t bootstrap = 0) {
    prover_.handle_result(now_, bootstrap, target, outcome, time);
    drain();
  }
  void expect(const Service& target, const ProofNonce& nonce = kNonce, std::size_t bootstrap = 0) {
    prover_.handle_expect(now_, bootstrap, target, crypto::sha256(nonce));
    drain();
  }
  void arrive(ServiceKind at, const IpAddress& from = kProberHome, const ProofNonce& nonce = kNonce) {
    prover_.handle_arrival(now_, at, nonce, from);
    drain();
  }
  void pass(Duration time) {
    const Instant until = now_.mono + time;
    while (const auto next = prover_.poll_timeout()) {
      if (*next > until) break;
      now_.mono = std::max(now_.mono, *next);
      prover_.handle_timeout(now_);
      drain();
    }
    now_.mono = until;
    prover_.handle_timeout(now_);
    drain();
  }
  // Renewal begins some time before the end, with jitter.
  void wait_for_renewal() {
    const std::size_t before = asks_.size();
    for (int i = 0; i < 100 && asks_.size() == before; ++i) pass(15s);
    EXPECT_GT(asks_.size(), before);
  }
  Verdict verdict() const { return prover_.view().at(0).verdict; }

  SeededRandom random_{3};
  Now now_{Instant(1h), {1'795'000'000'000}};
  Prover prover_{random_};
  std::vector<Ask> asks_;
  std::vector<Seen> seen_;
};

TEST_F(ReachProver, AsksForEachGlobalCandidateAtTheAddressWhereItIsSeen) {
  candidates({{kHttp, Origin::kOwn},
              {kQuic, Origin::kMapped},
              {kPrivate, Origin::kOwn},
              {{ServiceKind::kTcp, {IpAddress::v4(60, 9, 9, 9), 4001}}, Origin::kAdvertised}});
  EXPECT_THAT(asks_, IsEmpty());
  up();
  ASSERT_THAT(asks_, SizeIs(2));
  EXPECT_EQ(asks_[0].target, kHttp);
  EXPECT_EQ(asks_[1].target, kQuic);
}

TEST_F(ReachProver, AsksOneBootstrapForBothFamiliesOnceItSeesBoth) {
  const IpAddress six = *IpAddress::parse("2001:db9:1::2");
  const Service http6{ServiceKind::kHttp, {six, 5001}};
  candidates({{kHttp, Origin::kMapped}, {http6, Origin::kOwn}});
  up(0, six);
  ASSERT_THAT(asks_, SizeIs(1));
  EXPECT_EQ(asks_[0].target, http6);
  up(0, kHome);
  ASSERT_THAT(asks_, SizeIs(2));
  EXPECT_EQ(asks_[1].target, kHttp);
  result(kHttp, ProofOutcome::kProved);
  result(http6, ProofOutcome::kProved);
  EXPECT_THAT(prover_.proved(), testing::UnorderedElementsAre(kHttp, http6));
  prover_.handle_link_down(now_, 0);
  EXPECT_THAT(prover_.observed(), IsEmpty());
}

const Service kTcp{ServiceKind::kTcp, {kHome, 4001}};

TEST_F(ReachProver, TakesADialBackOfAPeerForAProofWithNoBootstrapAtAll) {
  own(kTcp);
  prover_.handle_dialled_back(now_, kTcp, kProberHome);
  EXPECT_EQ(verdict(), Verdict::kProved);
  EXPECT_THAT(prover_.services(), ElementsAre(kTcp));
  pass(rendezvous::kProofLifetime);
  EXPECT_THAT(prover_.services(), IsEmpty()) << "it lapses like any proof";
}

TEST_F(ReachProver, TakesNoDialBackFromWhereItHasBeenSendingNorFromItsOwnNetworkNorToADoorItHasNot) {
  own(kTcp);
  prover_.handle_sent(now_, ServiceKind::kTcp, kProberHome);
  prover_.handle_dialled_back(now_, kTcp, kProberHome);
  EXPECT_EQ(prover_.counters().tainted, 1U);
  prover_.handle_dialled_back(now_, kTcp, IpAddress::v4(60, 0, 1, 99));
  prover_.handle_dialled_back(now_, kTcp, IpAddress::v4(192, 168, 1, 9));
  prover_.handle_dialled_back(now_, {ServiceKind::kTcp, {kHome, 9999}}, IpAddress::v4(60, 0, 3, 1));
  EXPECT_EQ(prover_.counters().foreign, 3U);
  EXPECT_THAT(prover_.services(), IsEmpty());
}

TEST_F(ReachProver, RegistersNothingGlobalBeforeItIsProved) {
  candidates({{kHttp, Origin::kOwn}, {kPrivate, Origin::kOwn}});
  up();
  EXPECT_THAT(prover_.services(), ElementsAre(kPrivate));
  result(kHttp, ProofOutcome::kProved);
  EXPECT_THAT(prover_.services(), testing::UnorderedElementsAre(kHttp, kPrivate));
  EXPECT_THAT(prover_.proved(), ElementsAre(kHttp));
}

TEST_F(ReachProver, HandsTheNonceBackToTheBootstrapThatAnnouncedIt) {
  own(kHttp);
  up(0);
  up(1);
  expect(kHttp, kNonce, 1);
  arrive(ServiceKind::kHttp);
  ASSERT_THAT(seen_, SizeIs(1));
  EXPECT_EQ(seen_[0].bootstrap, 1U);
  EXPECT_EQ(seen_[0].nonce, kNonce);
  EXPECT_EQ(seen_[0].from, kProberHome);
}

TEST_F(ReachProver, HandsANonceBackThatOvertookItsAnnouncement) {
  own(kHttp);
  up();
  arrive(ServiceKind::kHttp);
  EXPECT_THAT(seen_, IsEmpty());
  expect(kHttp);
  EXPECT_THAT(seen_, SizeIs(1));
}

TEST_F(ReachProver, RenewsBeforeAProofLapses) {
  own(kHttp);
  up();
  result(kHttp, ProofOutcome::kProved);
  pass(10min);
  ASSERT_THAT(asks_, SizeIs(1));
  wait_for_renewal();
  EXPECT_THAT(prover_.proved(), SizeIs(1)) << "with time left";
  result(kHttp, ProofOutcome::kProved);
  pass(14min);
  EXPECT_THAT(prover_.proved(), SizeIs(1)) << "beyond the first proof's end";
}

TEST_F(ReachProver, WithdrawsWhatLapsesUnrenewed) {
  own(kHttp);
  up();
  result(kHttp, ProofOutcome::kProved);
  prover_.handle_link_down(now_, 0);
  pass(30min - 1s);
  EXPECT_THAT(prover_.services(), SizeIs(1));
  pass(1s);
  EXPECT_THAT(prover_.services(), IsEmpty());
}

TEST_F(ReachProver, WithdrawsWhenRenewalFailsTwice) {
  own(kHttp);
  up();
  result(kHttp, ProofOutcome::kProved);
  wait_for_renewal();
  result(kHttp, ProofOutcome::kNothingArrived);
  EXPECT_THAT(prover_.services(), SizeIs(1)) << "one lost packet is no reason";
  const std::size_t before = asks_.size();
  pass(kRenewalRetry);
  ASSERT_THAT(asks_, SizeIs(before + 1));
  result(kHttp, ProofOutcome::kNothingArrived);
  EXPECT_THAT(prover_.services(), IsEmpty());
  EXPECT_EQ(verdict(), Verdict::kFirewall);
}

TEST_F(ReachProver, KeepsAProofWhereThereIsOnlyNobodyToRenewIt) {
  own(kHttp);
  up();
  result(kHttp, ProofOutcome::kProved);
  wait_for_renewal();
  result(kHttp, ProofOutcome::kNoProber);
  EXPECT_THAT(prover_.services(), SizeIs(1));
  pass(15min);
  EXPECT_THAT(prover_.services(), IsEmpty());
}

TEST_F(ReachProver, TakesAProofFromAnyOfItsBootstraps) {
  own(kHttp);
  up(0);
  up(1);
  result(kHttp, ProofOutcome::kNoProber, {}, 0);
  EXPECT_THAT(prover_.proved(), IsEmpty());
  result(kHttp, ProofOutcome::kProved, 30min, 1);
  EXPECT_THAT(prover_.proved(), SizeIs(1));
}

TEST_F(ReachProver, ForgetsTheProofOfAnAddressItNoLongerHas) {
  own(kHttp);
  up();
  result(kHttp, ProofOutcome::kProved);
  candidates({});
  own(kHttp);
  EXPECT_THAT(prover_.proved(), IsEmpty());
}

// --- what must not count ---

TEST_F(ReachProver, HandsNothingBackFromAnAddressThatThePortHasBeenSendingTo) {
  own(kQuic);
  up();
  prover_.handle_sent(now_, ServiceKind::kQuic, kProberHome);
  expect(kQuic);
  arrive(ServiceKind::kQuic);
  EXPECT_THAT(seen_, IsEmpty());
  EXPECT_EQ(prover_.counters().tainted, 1U);
  arrive(ServiceKind::kQuic, IpAddress::v4(60, 0, 3, 1));
  EXPECT_THAT(seen_, SizeIs(1)) << "another's counts";
}

TEST_F(ReachProver, TellsTheBootstrapWhomItsPortHasBeenSendingTo) {
  own(kQuic);
  prover_.handle_sent(now_, ServiceKind::kQuic, kProberHome);
  prover_.handle_sent(now_, ServiceKind::kHttp, IpAddress::v4(60, 0, 3, 1));
  up();
  EXPECT_THAT(asks_.at(0).avoid, ElementsAre(kProberHome));
}

TEST_F(ReachProver, HandsNothingBackFromItsOwnNetwork) {
  own(kHttp);
  up();
  expect(kHttp);
  arrive(ServiceKind::kHttp, IpAddress::v4(60, 0, 1, 200));
  arrive(ServiceKind::kHttp, kHome);
  arrive(ServiceKind::kHttp, IpAddress::v4(192, 168, 1, 9));
  EXPECT_THAT(seen_, IsEmpty());
  EXPECT_EQ(prover_.counters().foreign, 3U);
}

TEST_F(ReachProver, HandsNothingBackThatArrivedAtAnotherPortOrTwiceOrLate) {
  candidates({{kHttp, Origin::kOwn}, {kQuic, Origin::kOwn}});
  up();
  expect(kQuic);
  arrive(ServiceKind::kHttp);
  EXPECT_THAT(seen_, IsEmpty());
  arrive(ServiceKind::kQuic);
  arrive(ServiceKind::kQuic);
  EXPECT_THAT(seen_, SizeIs(1));
  expect(kHttp, {9});
  pass(kExpectLimit);
  arrive(ServiceKind::kHttp, kProberHome, {9});
  EXPECT_THAT(seen_, SizeIs(1));
}

TEST_F(ReachProver, IsNotSwampedByNoncesThatNobodyAnnounced) {
  own(kHttp);
  up();
  expect(kHttp);
  for (std::uint8_t n = 0; n < 200; ++n) arrive(ServiceKind::kHttp, kProberHome, {n, 99});
  arrive(ServiceKind::kHttp);
  EXPECT_THAT(seen_, SizeIs(1));
}

TEST_F(ReachProver, TakesNoResultForWhatItNeverAsked) {
  own(kHttp);
  up();
  result({ServiceKind::kTcp, {IpAddress::v4(60, 0, 9, 9), 1}}, ProofOutcome::kProved);
  result(kHttp, ProofOutcome::kProved, 30min, 7);
  EXPECT_THAT(prover_.services(), IsEmpty());
}

TEST_F(ReachProver, TakesNoProofForLongerThanItsLifetime) {
  own(kHttp);
  up();
  result(kHttp, ProofOutcome::kProved, 24h);
  prover_.handle_link_down(now_, 0);
  pass(rendezvous::kProofLifetime);
  EXPECT_THAT(prover_.services(), IsEmpty());
}

// --- what it says ---

TEST_F(ReachProver, NamesALyingRouterAFirewallAndTheAbsenceOfAProber) {
  candidates({{kHttp, Origin::kMapped}});
  EXPECT_EQ(verdict(), Verdict::kUnknown);
  up();
  EXPECT_EQ(verdict(), Verdict::kProving);
  result(kHttp, ProofOutcome::kNothingArrived);
  EXPECT_EQ(verdict(), Verdict::kLyingRouter);
  own(kQuic);
  result(kQuic, ProofOutcome::kNothingArrived);
  EXPECT_EQ(verdict(), Verdict::kFirewall);
  own(kHttp);
  result(kHttp, ProofOutcome::kNoProber);
  EXPECT_EQ(verdict(), Verdict::kNoProber);
}

TEST_F(ReachProver, NeverAsksForWhatARouterBehindAnotherOneMapped) {
  up();
  candidates({{{ServiceKind::kHttp, {IpAddress::v4(100, 64, 1, 1), 5001}}, Origin::kMapped}});
  EXPECT_EQ(verdict(), Verdict::kCgnat);
  candidates({{{ServiceKind::kHttp, {IpAddress::v4(10, 0, 0, 2), 5001}}, Origin::kMapped}});
  EXPECT_EQ(verdict(), Verdict::kDoubleNat);
  candidates({{{ServiceKind::kHttp, {IpAddress::v4(60, 8, 8, 8), 5001}}, Origin::kMapped}});
  EXPECT_EQ(verdict(), Verdict::kDoubleNat);
  EXPECT_THAT(asks_, IsEmpty());
  EXPECT_THAT(prover_.services(), IsEmpty()) << "not even for neighbours: it is the router's address";
}

TEST_F(ReachProver, AsksAgainMoreAndMoreRarely) {
  own(kHttp);
  up();
  for (int i = 0; i < 6; ++i) {
    const std::size_t before = asks_.size();
    result(kHttp, ProofOutcome::kNothingArrived);
    pass(kAskBackoffLimit + kAskBackoffLimit / 4);
    EXPECT_GT(asks_.size(), before);
  }
  const std::size_t before = asks_.size();
  result(kHttp, ProofOutcome::kNothingArrived);
  pass(2min);
  EXPECT_THAT(asks_, SizeIs(before));
  prover_.retry_now(now_);
  drain();
  EXPECT_THAT(asks_, SizeIs(before + 1)) << "another network, another chance";
}

TEST_F(ReachProver, HoldsNoMoreCandidatesThanItsLimitAndKeepsBothFamilies) {
  std::vector<Candidate> many;
  for (std::uint16_t n = 0; n < 100; ++n)
    many.push_back({{ServiceKind::kHttp, {kHome, static_cast<std::uint16_t>(n + 1)}}, {}});
  const Service v6{ServiceKind::kHttp, {*IpAddress::parse("2001:db8::1"), 5001}};
  many.push_back({v6, Origin::kOwn});
  candidates(many);
  EXPECT_THAT(prover_.view(), SizeIs(kMaxCandidates));
  EXPECT_EQ(prover_.view().back().service, v6);
}

TEST_F(ReachProver, DropsWhatNobodyCanDial) {
  candidates({{{ServiceKind::kHttp, {IpAddress::v4(127, 0, 0, 1), 5001}}, {}},
              {{ServiceKind::kHttp, {IpAddress(), 5001}}, {}},
              {{ServiceKind::kHttp, {kHome, 0}}, {}}});
  EXPECT_THAT(prover_.view(), IsEmpty());
}

}  // namespace
}  // namespace turnpike::reach
