#include "core/rendezvous/proofs.h"

#include <gmock/gmock.h>

#include "core/rendezvous/client_test_support.h"
#include "crypto/hash.h"

namespace turnpike::rendezvous {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Peers in numbered networks; peer n is connection n, seen at 60.0.n.7.
class RendezvousProofs : public testing::Test {
 protected:
  static IpAddress home(std::uint8_t n, std::uint8_t host = 7) { return IpAddress::v4(60, 0, n, host); }
  static ConnectionId connection(std::uint64_t n) { return {n}; }
  static PeerId peer(std::uint8_t n) { return {{n}}; }
  static Service door(std::uint8_t n, ServiceKind kind = ServiceKind::kHttp) { return {kind, {home(n), 5001}}; }

  void pass(Duration time) {
    const Instant until = now_.mono + time;
    for (auto next = proofs_->poll_timeout(); next && *next < until; next = proofs_->poll_timeout()) {
      now_.mono = *next;
      proofs_->handle_timeout(now_);
      drain();
    }
    now_.mono = until;
    proofs_->handle_timeout(now_);
    drain();
  }
  void drain() {
    while (auto action = proofs_->poll_action()) {
      if (const auto* order = std::get_if<OrderProbe>(&*action)) orders_.push_back(*order);
      if (const auto* own = std::get_if<ProbeFromHere>(&*action)) own_.push_back(*own);
      if (const auto* told = std::get_if<TellOutcome>(&*action)) told_.push_back(*told);
      if (const auto* proved = std::get_if<Proved>(&*action)) proved_.push_back(*proved);
      if (const auto* expected = std::get_if<TellExpected>(&*action)) expected_.push_back(*expected);
    }
  }
  void start(std::vector<IpAddress> own = {}) { proofs_.emplace(std::move(own), random_); }
  void prober(std::uint8_t n, const IpAddress& at) {
    proofs_->add_prober(now_, connection(n), peer(n), at);
    drain();
  }
  void prober(std::uint8_t n) { prober(n, home(n)); }
  void ask(std::uint8_t n, const Service& target, std::vector<IpAddress> avoided = {}) {
    proofs_->ask(now_, connection(n), peer(n), home(n), target, std::move(avoided));
    drain();
  }
  void ask(std::uint8_t n) { ask(n, door(n)); }
  void seen(std::uint8_t n, const ProofNonce& nonce, const IpAddress& from, ServiceKind at = ServiceKind::kHttp) {
    proofs_->handle_seen(now_, connection(n), nonce, at, from);
    drain();
  }
  void done(const OrderProbe& order, ProbeOutcome outcome) {
    proofs_->handle_probed(now_, order.prober, order.number, outcome);
    drain();
  }
  std::size_t sent() const { return orders_.size() + own_.size(); }

  SeededRandom random_{5};
  Now now_{Instant(1h), {1'795'000'000'000}};
  std::optional<Proofs> proofs_{std::in_place, std::vector<IpAddress>{}, random_};
  std::vector<OrderProbe> orders_;
  std::vector<ProbeFromHere> own_;
  std::vector<TellOutcome> told_;
  std::vector<TellExpected> expected_;
  std::vector<Proved> proved_;
};

// --- what proves ---

TEST_F(RendezvousProofs, ProvesWhatANonceArrivedAt) {
  prober(2);
  ask(1);
  ASSERT_THAT(orders_, SizeIs(1));
  EXPECT_EQ(orders_[0].prober, connection(2));
  EXPECT_EQ(orders_[0].target, door(1));
  EXPECT_EQ(expected_.at(0).digest, crypto::sha256(orders_[0].nonce));
  EXPECT_TRUE(proofs_->is_proving(peer(1)));
  seen(1, orders_[0].nonce, home(2));
  ASSERT_THAT(proved_, SizeIs(1));
  EXPECT_EQ(proved_[0].peer, peer(1));
  EXPECT_EQ(proved_[0].until, now_.mono + kProofLifetime);
  EXPECT_EQ(told_.at(0).outcome, ProofOutcome::kProved);
  EXPECT_FALSE(proofs_->is_proving(peer(1)));
  EXPECT_EQ(proofs_->asks() + proofs_->probes(), 0U);
}

TEST_F(RendezvousProofs, SendsTheNonceItselfWhereItHasASecondAddress) {
  start({home(99)});
  prober(2);
  ask(1);
  ASSERT_THAT(own_, SizeIs(1));
  EXPECT_THAT(orders_, IsEmpty());
  seen(1, own_[0].nonce, home(99));
  EXPECT_THAT(proved_, SizeIs(1));
}

TEST_F(RendezvousProofs, AsksTheNextProberWhenOneIsSlowAndAtOnceWhenOneFails) {
  prober(2);
  prober(3);
  prober(4);
  ask(1);
  ASSERT_THAT(orders_, SizeIs(1));
  pass(kProbeHedge - 1ms);
  ASSERT_THAT(orders_, SizeIs(1));
  pass(1ms);
  ASSERT_THAT(orders_, SizeIs(2));
  done(orders_[1], ProbeOutcome::kFailed);
  ASSERT_THAT(orders_, SizeIs(3));
  EXPECT_EQ((std::set{orders_[0].prober, orders_[1].prober, orders_[2].prober}.size()), 3U);
  seen(1, orders_[0].nonce, home(static_cast<std::uint8_t>(orders_[0].prober.value)));
  EXPECT_THAT(proved_, SizeIs(1)) << "the first may still arrive";
}

TEST_F(RendezvousProofs, ProvesAtOnceWhenTheFirstProberComes) {
  ask(1);
  EXPECT_EQ(told_.at(0).outcome, ProofOutcome::kNoProber);
  prober(2);
  ASSERT_THAT(orders_, SizeIs(1));
  seen(1, orders_[0].nonce, home(2));
  EXPECT_EQ(told_.back().outcome, ProofOutcome::kProved);
}

TEST_F(RendezvousProofs, SaysThatNothingArrivedOnceEveryProberHasFailed) {
  for (std::uint8_t n = 2; n < 20; ++n) prober(n);
  ask(1);
  pass(kProbeLimit);
  pass(kProbeLimit);
  EXPECT_THAT(orders_, SizeIs(kMaxProbesPerAsk));
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].outcome, ProofOutcome::kNothingArrived);
  EXPECT_EQ(proofs_->asks(), 0U);
}

TEST_F(RendezvousProofs, ForgetsAProofAfterItsTime) {
  prober(2);
  ask(1);
  seen(1, orders_[0].nonce, home(2));
  pass(kProofLifetime - 1ms);
  ASSERT_NE(proofs_->proved(peer(1)), nullptr);
  pass(1ms);
  EXPECT_EQ(proofs_->proved(peer(1)), nullptr);
  EXPECT_EQ(proofs_->poll_timeout(), std::nullopt);
}

// --- what does not ---

TEST_F(RendezvousProofs, CountsANonceOnce) {
  prober(2);
  ask(1);
  seen(1, orders_[0].nonce, home(2));
  pass(1min);
  seen(1, orders_[0].nonce, home(2));
  EXPECT_THAT(proved_, SizeIs(1)) << "a replayed nonce would keep a proof alive for ever";
  EXPECT_EQ(proofs_->counters().rejected, 1U);
}

TEST_F(RendezvousProofs, RefusesANonceThatComesBackTooLate) {
  prober(2);
  ask(1);
  now_.mono += kProbeLimit;
  seen(1, orders_[0].nonce, home(2));
  EXPECT_THAT(proved_, IsEmpty());
  pass(0ms);
  seen(1, orders_[0].nonce, home(2));
  EXPECT_THAT(proved_, IsEmpty());
}

TEST_F(RendezvousProofs, RefusesANonceThatArrivedAtAnotherPort) {
  prober(2);
  ask(1, door(1, ServiceKind::kTurnTcp));
  seen(1, orders_[0].nonce, home(2), ServiceKind::kHttp);
  EXPECT_THAT(proved_, IsEmpty());
  EXPECT_EQ(proofs_->counters().rejected, 1U);
}

TEST_F(RendezvousProofs, RefusesANonceThatCameFromAnotherNetworkThanItsProbers) {
  prober(2);
  ask(1);
  seen(1, orders_[0].nonce, home(3));
  EXPECT_THAT(proved_, IsEmpty());
  seen(1, orders_[0].nonce, home(1, 9));
  EXPECT_THAT(proved_, IsEmpty()) << "from the asker's own network";
  seen(1, orders_[0].nonce, home(2, 9));
  EXPECT_THAT(proved_, SizeIs(1)) << "a carrier's NAT may use a neighbouring address";
}

TEST_F(RendezvousProofs, RefusesAnothersNonce) {
  prober(2);
  ask(1);
  seen(2, orders_[0].nonce, home(2));
  seen(3, orders_[0].nonce, home(2));
  EXPECT_THAT(proved_, IsEmpty());
  seen(1, ProofNonce{}, home(2));
  EXPECT_THAT(proved_, IsEmpty()) << "a nonce nobody sent";
}

TEST_F(RendezvousProofs, BelievesNoProberThatOnlySaysItSent) {
  prober(2);
  ask(1);
  done(orders_[0], ProbeOutcome::kSent);
  pass(kProbeLimit);
  EXPECT_THAT(proved_, IsEmpty());
  EXPECT_EQ(told_.at(0).outcome, ProofOutcome::kNothingArrived);
}

TEST_F(RendezvousProofs, DoesWithoutAProberThatNeverAnswersWhereThereIsABetterOne) {
  prober(2);
  prober(3);
  // 3 always delivers, 2 never does.
  std::size_t asked_the_silent = 0;
  for (std::uint8_t n = 10; n < 60; ++n) {
    const std::size_t before = orders_.size();
    ask(n);
    if (orders_.back().prober != connection(3)) {
      ++asked_the_silent;
      pass(kProbeHedge);
    }
    ASSERT_GT(orders_.size(), before);
    ASSERT_EQ(orders_.back().prober, connection(3));
    seen(n, orders_.back().nonce, home(3));
    pass(kProbeLimit + 1s);
  }
  EXPECT_THAT(proved_, SizeIs(50)) << "each was proved";
  EXPECT_LT(asked_the_silent, 10U);
}

TEST_F(RendezvousProofs, TakesNoOneElsesReportForAProbers) {
  prober(2);
  prober(3);
  ask(1);
  proofs_->handle_probed(now_, ConnectionId{9}, orders_[0].number, ProbeOutcome::kFailed);
  proofs_->handle_probed(now_, std::nullopt, orders_[0].number, ProbeOutcome::kFailed);
  drain();
  EXPECT_THAT(orders_, SizeIs(1));
}

// --- who may be sent, and where to ---

TEST_F(RendezvousProofs, NeverSendsAnythingToAnotherAddressThanTheAskersOwn) {
  start({home(99)});
  for (std::uint8_t n = 2; n < 9; ++n) prober(n);
  const auto refuses = [&](const IpAddress& victim, std::uint16_t port = 5001) {
    proofs_->ask(now_, connection(1), peer(1), home(1), {ServiceKind::kHttp, {victim, port}}, {});
    pass(kProbeLimit);
    return !told_.empty() && told_.back().outcome == ProofOutcome::kNotYours;
  };
  EXPECT_TRUE(refuses(home(5)));
  EXPECT_TRUE(refuses(home(1, 8))) << "a neighbour of its own";
  EXPECT_TRUE(refuses(*IpAddress::parse("2001:db8::1")));
  EXPECT_TRUE(refuses(IpAddress::v4(192, 168, 1, 1)));
  EXPECT_TRUE(refuses(home(1), 0));
  EXPECT_EQ(sent(), 0U) << "no packet leaves towards anybody";
  EXPECT_THAT(expected_, IsEmpty());
}

TEST_F(RendezvousProofs, NeverProbesPrivateAddressesEvenOfOneWhoIsSeenThere) {
  prober(2);
  for (const char* text : {"10.0.0.5", "192.168.1.2", "100.64.0.9", "127.0.0.1", "169.254.1.1", "fd00::1", "fe80::1"}) {
    const IpAddress address = *IpAddress::parse(text);
    proofs_->ask(now_, connection(1), peer(1), address, {ServiceKind::kHttp, {address, 5001}}, {});
    pass(kProbeLimit);
    EXPECT_EQ(told_.back().outcome, ProofOutcome::kNotYours) << text;
  }
  EXPECT_EQ(sent(), 0U);
}

TEST_F(RendezvousProofs, RefusesAProberBehindTheSameNatOrInTheSameNetwork) {
  prober(2, home(1));
  prober(3, home(1, 200));
  proofs_->add_prober(now_, connection(4), peer(1), home(4));  // the asker's own other connection
  ask(1);
  EXPECT_EQ(sent(), 0U);
  EXPECT_EQ(told_.at(0).outcome, ProofOutcome::kNoProber);
  const auto v6 = [](const char* text) { return *IpAddress::parse(text); };
  EXPECT_FALSE(may_probe(v6("2001:db8:1:2::1"), v6("2001:db8:1:9::1"))) << "one /48";
  EXPECT_TRUE(may_probe(v6("2001:db8:2::1"), v6("2001:db8:1::1")));
  EXPECT_FALSE(may_probe(v6("2001:db8:2::1"), home(1))) << "another family";
}

TEST_F(RendezvousProofs, RefusesAProberTheAskerHasBeenSendingTo) {
  start({home(99)});
  prober(2);
  prober(3);
  ask(1, door(1), {home(2), home(99)});
  pass(kProbeHedge);
  ASSERT_THAT(orders_, SizeIs(1));
  EXPECT_EQ(orders_[0].prober, connection(3));
  EXPECT_THAT(own_, IsEmpty());
}

// --- limits ---

TEST_F(RendezvousProofs, HoldsTenThousandAsksOfOneIdentityToItsBudget) {
  for (std::uint8_t n = 2; n < 200; ++n) prober(n);
  for (std::size_t i = 0; i < 10'000; ++i) {
    ask(1, {ServiceKind::kHttp, {home(1), static_cast<std::uint16_t>(1024 + i)}});
  }
  EXPECT_LE(sent(), kMaxAsksPerPeer * kMaxProbesPerAsk);
  EXPECT_EQ(proofs_->asks(), kMaxAsksPerPeer);
  EXPECT_EQ(told_.back().outcome, ProofOutcome::kTooFast);
  EXPECT_GT(told_.back().time, 0s);
  EXPECT_EQ(proofs_->counters().asks, 10'000U);
}

TEST_F(RendezvousProofs, HoldsTenThousandIdentitiesOfOneAddressToItsBudget) {
  for (std::uint8_t n = 2; n < 200; ++n) prober(n);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    PeerId sybil{};
    sybil.public_key[0] = 0xee;
    sybil.public_key[1] = static_cast<std::uint8_t>(i >> 8U);
    sybil.public_key[2] = static_cast<std::uint8_t>(i);
    proofs_->ask(now_, connection(1000 + i), sybil, home(1), door(1), {});
    drain();
  }
  EXPECT_LE(sent(), kHostAskRate.burst);
}

TEST_F(RendezvousProofs, HoldsANetworkToItsBudget) {
  for (std::uint8_t n = 2; n < 200; ++n) prober(n);
  std::size_t granted = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    PeerId sybil{};
    sybil.public_key[0] = 0xee;
    sybil.public_key[1] = static_cast<std::uint8_t>(i >> 8U);
    sybil.public_key[2] = static_cast<std::uint8_t>(i);
    const auto at = home(1, static_cast<std::uint8_t>(i % 250));
    const auto before = proofs_->counters().refused;
    proofs_->ask(now_, connection(1000 + i), sybil, at, {ServiceKind::kHttp, {at, 5001}}, {});
    drain();
    if (proofs_->counters().refused == before) ++granted;
  }
  EXPECT_EQ(granted, kNetworkAskRate.burst);
}

TEST_F(RendezvousProofs, AsksNoProberForMoreThanItsShare) {
  prober(2);
  for (std::uint8_t n = 10; n < 60; ++n) ask(n);
  EXPECT_THAT(orders_, SizeIs(kMaxProbesPerProber));
  for (int i = 0; i < 10; ++i) pass(kProbeLimit);
  const auto most = static_cast<std::size_t>(kProberRate.burst + kProberRate.per_second * 31);
  EXPECT_LE(orders_.size(), most);
}

TEST_F(RendezvousProofs, LetsAnAskWaitForABusyProberRatherThanFail) {
  prober(2);
  for (std::uint8_t n = 10; n < 22; ++n) ask(n);
  EXPECT_THAT(orders_, SizeIs(kProberRate.burst));
  EXPECT_THAT(told_, IsEmpty());
  for (std::size_t i = 0; i < orders_.size(); ++i) {
    seen(orders_[i].target.endpoint.address.octets[2], orders_[i].nonce, home(2));
    pass(kBusyWait);
  }
  EXPECT_THAT(proved_, SizeIs(12));
}

TEST_F(RendezvousProofs, LetsGoOfEverythingWhenTheConnectionsEnd) {
  prober(2);
  prober(3);
  ask(1);
  proofs_->remove(now_, orders_[0].prober);
  drain();
  ASSERT_THAT(orders_, SizeIs(2)) << "the other prober is asked at once";
  proofs_->remove(now_, connection(1));
  EXPECT_EQ(proofs_->asks() + proofs_->probes(), 0U);
  EXPECT_FALSE(proofs_->is_proving(peer(1)));
  seen(1, orders_[1].nonce, home(3));
  EXPECT_THAT(proved_, IsEmpty());
}

// --- with real clients and a real server ---

const Service kAlicesHttp{ServiceKind::kHttp, {IpAddress::v4(198, 51, 100, 1), 5001}};

TEST_F(RendezvousTest, TellsNobodyOfAnEndpointThatItIsClaimedAndNotProved) {
  nonces_arrive = false;
  alice.client.set_registration(now, {kAlicesHttp}, {local(1)});
  connect(alice);
  connect(bob);
  alice.client.prove(kAlicesHttp, {});
  pass(kProbeLimit + 1s);
  ASSERT_THAT(alice.told<ProofResult>(), SizeIs(1));
  EXPECT_EQ(alice.told<ProofResult>()[0].outcome, ProofOutcome::kNothingArrived);
  EXPECT_THAT(server->lookup(now, {IpAddress::v4(203, 0, 113, 9), 1}, id(1))->announcers[0].http, IsEmpty());
  EXPECT_THAT(server->peers(now, {IpAddress::v4(203, 0, 113, 9), 1}, {})->peers[0].http, IsEmpty());
}

TEST_F(RendezvousTest, TellsWhoLookedAPeerUpAsSoonAsItIsProved) {
  nonces_arrive = false;
  alice.client.set_registration(now, {kAlicesHttp}, {local(1)});
  connect(alice);
  connect(bob);
  alice.client.prove(kAlicesHttp, {});
  pump();
  ASSERT_TRUE(bob.client.lookup(now, {id(1)}));
  pump();
  const auto found = bob.told<StoreFound>()[0].found.announcers[0];
  EXPECT_THAT(found.http, IsEmpty());
  EXPECT_TRUE(found.proving) << "it is worth waiting a moment";
  deliver(kAlicesHttp, bob.told<ProbeOrder>()[0].nonce, bob.observed.address);
  pump();
  ASSERT_THAT(bob.told<PeerChanged>(), SizeIs(1));
  EXPECT_EQ(bob.told<PeerChanged>()[0].peer, alice.peer());
  EXPECT_THAT(bob.told<PeerChanged>()[0].http, ElementsAre(kAlicesHttp.endpoint));
}

TEST_F(RendezvousTest, AnEndpointIsShownNoLongerThanItsProofHolds) {
  alice.client.set_registration(now, {kAlicesHttp}, {local(1)});
  connect(alice);
  connect(bob);
  alice.client.prove(kAlicesHttp, {});
  pump();
  const auto shown = [&] {
    return server->lookup(now, {IpAddress::v4(203, 0, 113, 9), 1}, id(1))->announcers[0].http.size();
  };
  EXPECT_EQ(shown(), 1U);
  pass(kProofLifetime - 1s);
  EXPECT_EQ(shown(), 1U);
  pass(1s);
  EXPECT_EQ(shown(), 0U) << "whatever its owner registers";
}

TEST_F(RendezvousTest, AServiceProvedBeforeItIsRegisteredIsShownOnceItIs) {
  connect(alice);
  connect(bob);
  alice.client.prove(kAlicesHttp, {});
  pump();
  alice.client.set_registration(now, {kAlicesHttp}, {local(1)});
  pump();
  EXPECT_THAT(server->lookup(now, {IpAddress::v4(203, 0, 113, 9), 1}, id(1))->announcers[0].http, SizeIs(1));
}

TEST_F(RendezvousTest, ProvesFromItsSecondAddressWithoutAnyOtherPeer) {
  probe_home = IpAddress::v4(192, 0, 2, 11);
  start();
  connect(alice);
  alice.client.prove(kAlicesHttp, {});
  pump();
  EXPECT_EQ(probes, 1U);
  EXPECT_EQ(alice.told<ProofResult>().at(0).outcome, ProofOutcome::kProved);
}

TEST_F(RendezvousTest, SendsNothingToAVictimThatAnAskerNames) {
  probe_home = IpAddress::v4(192, 0, 2, 11);
  start();
  connect(alice);
  connect(bob);
  alice.client.prove({ServiceKind::kHttp, {IpAddress::v4(8, 8, 8, 8), 5001}}, {});
  alice.client.prove({ServiceKind::kTurnUdp, {bob.observed.address, 53}}, {});
  pass(kProbeLimit);
  EXPECT_EQ(probes, 0U);
  EXPECT_THAT(bob.told<ProbeOrder>(), IsEmpty());
  for (const ProofResult& each : alice.told<ProofResult>()) EXPECT_EQ(each.outcome, ProofOutcome::kNotYours);
}

TEST_F(RendezvousTest, RegistersWhatIsProvedAtOnceButNotWithoutEnd) {
  alice.client.set_registration(now, {}, {local(1)});
  connect(alice);
  alice.client.set_registration(now, {kAlicesHttp}, {local(1)});
  pump();
  EXPECT_EQ(server->stats().registrations, 2U);
  for (int i = 0; i < 40; ++i) {
    alice.client.set_registration(now, i % 2 == 0 ? std::vector<Service>{} : std::vector{kAlicesHttp}, {local(1)});
    pump();
  }
  EXPECT_LE(server->stats().registrations, std::uint64_t{1 + kServicesPace.burst});
}

}  // namespace
}  // namespace turnpike::rendezvous
