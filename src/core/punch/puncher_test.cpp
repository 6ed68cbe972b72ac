#include "core/punch/puncher.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/punch/punch_test_support.h"

namespace turnpike::punch {
namespace {

using namespace std::chrono_literals;

constexpr NatKind kOpen{.mapping = Mapping::kNone};
constexpr NatKind kFullCone{.filter = Filter::kNone};
constexpr NatKind kAddressCone{.filter = Filter::kByAddress};
constexpr NatKind kPortCone{};
constexpr NatKind kPreserving{.allocation = PortAllocation::kPreserving};
constexpr NatKind kByAddressSequential{.mapping = Mapping::kAddressDependent,
                                       .allocation = PortAllocation::kSequential};
constexpr NatKind kSequential{.mapping = Mapping::kAddressAndPortDependent, .allocation = PortAllocation::kSequential};
constexpr NatKind kByTwo{
    .mapping = Mapping::kAddressAndPortDependent, .allocation = PortAllocation::kSequential, .stride = 2};
constexpr NatKind kRandomPorts{.mapping = Mapping::kAddressAndPortDependent};
constexpr NatKind kRandomByAddress{.mapping = Mapping::kAddressDependent};

struct Tally {
  int opened = 0;
  std::vector<Duration> times{};
  std::size_t most_probes = 0;
  std::size_t most_entries = 0;
  [[nodiscard]] Duration quantile(double share) const {
    auto sorted = times;
    std::ranges::sort(sorted);
    return sorted.empty() ? Duration::max()
                          : sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
  }
};

Tally tries(NatKind first, NatKind second, int runs, double loss = 0) {
  Tally out;
  for (int seed = 1; seed <= runs; ++seed) {
    PunchWorld world(static_cast<std::uint64_t>(seed), first, second);
    world.loss = loss;
    world.run();
    EXPECT_TRUE(!world.both_opened() || world.is_one_hole()) << "seed " << seed;
    for (const TestHome* home : {&world.a, &world.b}) {
      out.most_probes = std::max(out.most_probes, home->puncher->probes_sent());
      out.most_entries = std::max(out.most_entries, home->nat.entries());
    }
    if (!world.both_opened()) continue;
    ++out.opened;
    out.times.push_back(std::max(world.a.opened_after, world.b.opened_after));
  }
  return out;
}

TEST(Puncher, EveryPairOfNatsThatKeepOnePortIsOpenedEveryTimeWithinAFewRoundTrips) {
  for (const NatKind first : {kOpen, kFullCone, kAddressCone, kPortCone, kPreserving}) {
    for (const NatKind second : {kOpen, kFullCone, kAddressCone, kPortCone, kPreserving}) {
      const Tally tally = tries(first, second, 20);
      EXPECT_EQ(tally.opened, 20);
      EXPECT_LE(tally.quantile(1), 300ms);
    }
  }
}

TEST(Puncher, ANatWhosePortsAreInOrderIsMetAtTheNextOne) {
  for (const NatKind easy : {kFullCone, kAddressCone, kPortCone}) {
    for (const NatKind hard : {kSequential, kByTwo, kByAddressSequential}) {
      EXPECT_EQ(tries(easy, hard, 20).opened, 20);
      EXPECT_EQ(tries(hard, easy, 20).opened, 20);
    }
  }
}

TEST(Puncher, TwoNatsWhosePortsAreInOrderMeet) {
  EXPECT_EQ(tries(kSequential, kSequential, 20).opened, 20);
  EXPECT_EQ(tries(kSequential, kByTwo, 20).opened, 20);
  EXPECT_EQ(tries(kByAddressSequential, kSequential, 20).opened, 20);
}

TEST(Puncher, ARandomNatIsFoundByManySocketsAndManyGuesses) {
  for (const bool easy_asks : {true, false}) {
    const Tally tally = easy_asks ? tries(kPortCone, kRandomPorts, 40) : tries(kRandomPorts, kPortCone, 40);
    EXPECT_GE(tally.opened, 38);
    EXPECT_LE(tally.quantile(0.5), 1s);
    EXPECT_LE(tally.quantile(0.95), 5s);
    EXPECT_LE(tally.most_probes, kMaxGuesses + 100);
    EXPECT_LE(tally.most_entries, kMaxGuesses + 100);
  }
}

TEST(Puncher, ARandomNatThatKeepsAPortForEachAddressIsFoundTheSameWay) {
  EXPECT_GE(tries(kPortCone, kRandomByAddress, 20).opened, 19);
}

TEST(Puncher, AConeThatFiltersByAddressNeedsNoGuesses) {
  const Tally tally = tries(kAddressCone, kRandomPorts, 20);
  EXPECT_EQ(tally.opened, 20);
  EXPECT_LE(tally.quantile(1), 400ms);
  EXPECT_LE(tally.most_probes, 40U);
}

TEST(Puncher, OneThatKeepsAPortForEachAddressGuessesToo) {
  EXPECT_GE(tries(kByAddressSequential, kRandomPorts, 20).opened, 19);
}

TEST(Puncher, AFifthOfThePacketsLostIsNoHindrance) {
  EXPECT_EQ(tries(kPortCone, kPortCone, 50, 0.2).opened, 50);
  EXPECT_GE(tries(kPortCone, kRandomPorts, 20, 0.05).opened, 18);
}

TEST(Puncher, TwoRandomNatsFailWithTheReasonAndFewProbes) {
  PunchWorld world(1, kRandomPorts, kRandomPorts);
  world.run();
  EXPECT_EQ(world.a.failed, PunchFailure::kHopeless);
  EXPECT_EQ(world.b.failed, PunchFailure::kHopeless);
  EXPECT_LE(world.a.puncher->probes_sent(), 64U);
}

TEST(Puncher, APeerThatNeverAnswersIsGivenUpInSixSeconds) {
  PunchWorld world(1, kPortCone, kPortCone);
  world.run(1h);
  EXPECT_EQ(world.a.failed, PunchFailure::kNoAnswer);
}

TEST(Puncher, BothOpenTheSameHoleWhenTheSignalsAreHalfASecondApart) {
  PunchWorld world(3, kPortCone, kPortCone);
  world.run(500ms);
  EXPECT_TRUE(world.is_one_hole());
}

TEST(Puncher, TwoThatBothWantToControlAgree) {
  for (const Role role : {Role::kControlling, Role::kControlled}) {
    PunchWorld world(4, kPortCone, kPortCone);
    world.a.role = role;
    world.b.role = role;
    world.run();
    EXPECT_TRUE(world.is_one_hole());
    EXPECT_NE(world.a.puncher->role(), world.b.puncher->role());
  }
}

TEST(Puncher, ADualStackPairTakesIpv6) {
  SeededRandom random(1);
  Governor governor;
  Puncher puncher(random, governor, {.credentials = Credentials::draw(random)});
  puncher.start(Instant{1h}, {.credentials = Credentials::draw(random),
                              .candidates = {{*Endpoint::parse("203.0.113.9:4001"), CandidateKind::kHost},
                                             {*Endpoint::parse("[2001:db8::9]:4001"), CandidateKind::kHost}}});
  std::size_t v6 = 0;
  for (Instant now{1h}; now < Instant{1h} + 50ms; now += 5ms) {
    puncher.handle_timeout(now);
    while (const auto sent = puncher.poll_transmit()) v6 += sent->to.address.family == IpAddress::Family::kV6 ? 1 : 0;
  }
  EXPECT_EQ(v6, 1U);
}

// --- what others may try ---

struct Hostile : testing::Test {
  Hostile() {
    puncher.emplace(random, governor, LocalEnd{.role = Role::kControlled, .credentials = ours});
    remote.credentials = theirs;
    remote.candidates = {{peer, CandidateKind::kReflexive}};
  }
  void start() { puncher->start(now, remote); }
  [[nodiscard]] Bytes request(const Credentials& to, bool use_candidate = false) {
    return encode({.id = random.array<12>(),
                   .priority = 5,
                   .role = Role::kControlling,
                   .tie_breaker = 3,
                   .use_candidate = use_candidate},
                  theirs, to);
  }
  [[nodiscard]] std::size_t sent_to(const IpAddress& address, Duration time) {
    std::size_t count = 0;
    for (const Instant until = now + time; now < until; now += 1ms) {
      puncher->handle_timeout(now);
      while (const auto sent = puncher->poll_transmit()) count += sent->to.address == address ? 1 : 0;
    }
    return count;
  }

  SeededRandom random{9};
  Governor governor;
  Instant now{1h};
  Credentials ours = Credentials::draw(random);
  Credentials theirs = Credentials::draw(random);
  Endpoint peer = *Endpoint::parse("203.0.113.9:4001");
  Endpoint victim = *Endpoint::parse("198.51.100.77:4001");
  RemoteEnd remote;
  std::optional<Puncher> puncher;
};

using PuncherHostile = Hostile;

TEST_F(PuncherHostile, AVictimNamedAsACandidateGetsAtMost64Packets) {
  remote.candidates.clear();
  for (unsigned i = 0; i < 10'000; ++i) {
    remote.candidates.push_back({{victim.address, static_cast<std::uint16_t>(2000 + i)}, CandidateKind::kReflexive});
  }
  remote.behaviour = {.mapping = Mapping::kAddressAndPortDependent, .allocation = PortAllocation::kRandom};
  std::size_t hit = 0;
  for (int attempt = 0; attempt < 20; ++attempt) {
    puncher.emplace(random, governor,
                    LocalEnd{.credentials = ours, .behaviour = {.mapping = Mapping::kEndpointIndependent}});
    start();
    hit += sent_to(victim.address, 7s);
  }
  EXPECT_GT(hit, 0U);
  EXPECT_LE(hit, 64U);
}

TEST_F(PuncherHostile, AVictimWhoseAddressThePeerForgesGetsAtMost64ChecksToo) {
  start();
  std::size_t checks = 0;
  for (int i = 0; i < 2'000; ++i) {
    now += 50ms;
    (void)puncher->handle_datagram(now, 0, {victim.address, static_cast<std::uint16_t>(2000 + i)}, request(ours));
    while (const auto sent = puncher->poll_transmit()) {
      const auto message = stun::MessageView::parse(sent->payload);
      checks += sent->to.address == victim.address && message->message_class() == stun::Class::kRequest ? 1 : 0;
    }
    puncher->handle_timeout(now);
  }
  EXPECT_LE(checks, 64U);
}

TEST_F(PuncherHostile, AnAnswerFromElsewhereThanItWasAskedOpensNothing) {
  start();
  const auto sent = puncher->poll_transmit();
  ASSERT_TRUE(sent);
  const auto id = stun::MessageView::parse(sent->payload)->id();
  EXPECT_TRUE(puncher->handle_datagram(now, 0, victim, encode_success(id, {}, theirs)));
  EXPECT_TRUE(puncher->handle_datagram(now, 0, peer, request(ours, true)));
  EXPECT_FALSE(puncher->opened());
}

TEST_F(PuncherHostile, AnOffPathAnswerWithoutThePasswordIsNotOurs) {
  start();
  const auto sent = puncher->poll_transmit();
  const auto id = stun::MessageView::parse(sent->payload)->id();
  EXPECT_FALSE(puncher->handle_datagram(now, 0, peer, encode_success(id, {}, {"guessed", "guessed"})));
}

TEST_F(PuncherHostile, AnAnswerReplayedCountsOnce) {
  start();
  const auto sent = puncher->poll_transmit();
  const Bytes answer = encode_success(stun::MessageView::parse(sent->payload)->id(), {}, theirs);
  EXPECT_TRUE(puncher->handle_datagram(now, 0, peer, answer));
  EXPECT_FALSE(puncher->handle_datagram(now, 0, peer, answer));
}

TEST_F(PuncherHostile, AWrongPasswordGetsNoAnswerAndAWrongUserIsSomebodyElses) {
  start();
  while (puncher->poll_transmit()) {
  }
  EXPECT_TRUE(puncher->handle_datagram(now, 0, peer, request({ours.ufrag, "wrongwrongwrongwrongwrong"})));
  EXPECT_FALSE(puncher->handle_datagram(now, 0, peer, request({"somebody", ours.password})));
  EXPECT_FALSE(puncher->poll_transmit());
}

TEST_F(PuncherHostile, TenThousandSourcesWithThePasswordMakeSixteenPairs) {
  start();
  for (unsigned i = 0; i < 10'000; ++i) {
    const Endpoint from{IpAddress::v4(100, 1, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)), 4001};
    (void)puncher->handle_datagram(now, 0, from, request(ours));
    while (puncher->poll_transmit()) {
    }
  }
  EXPECT_EQ(puncher->pairs(), 1 + kMaxPeerReflexive);
}

TEST_F(PuncherHostile, APrivateAddressOfANetworkThatIsNotOursIsNeverSentTo) {
  const Endpoint printer = *Endpoint::parse("192.168.1.1:9100");
  remote.candidates.push_back({printer, CandidateKind::kHost});
  start();
  EXPECT_EQ(sent_to(printer.address, 7s), 0U);
}

TEST_F(PuncherHostile, NothingThatMayBeTriedIsAReason) {
  remote.candidates = {{*Endpoint::parse("127.0.0.1:4001"), CandidateKind::kHost}};
  start();
  const auto event = puncher->poll_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<Puncher::Failed>(*event).why, PunchFailure::kNoCandidates);
}

TEST_F(PuncherHostile, ARouterThatMayNotBeBurdenedAnyMoreIsTheReason) {
  Governor spent(GovernorLimits{.entries_per_minute = 0});
  puncher.emplace(random, spent, LocalEnd{.credentials = ours});
  start();
  EXPECT_EQ(sent_to(peer.address, 7s), 0U);
  const auto event = puncher->poll_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<Puncher::Failed>(*event).why, PunchFailure::kHeldBack);
}

TEST_F(PuncherHostile, ACheckThatComesBeforeTheSignalIsAnsweredAndUsed) {
  EXPECT_TRUE(puncher->handle_datagram(now, 0, victim, request(ours)));
  EXPECT_TRUE(puncher->poll_transmit()) << "the answer";
  EXPECT_FALSE(puncher->poll_transmit()) << "whose password is not known yet cannot be checked";
  start();
  bool checked = false;
  while (const auto sent = puncher->poll_transmit()) checked = checked || sent->to == victim;
  EXPECT_TRUE(checked);
}

TEST_F(PuncherHostile, AGuessThatHitsARoleConflictIsTriedAgain) {
  remote.behaviour = {.mapping = Mapping::kAddressAndPortDependent, .allocation = PortAllocation::kRandom};
  puncher.emplace(random, governor,
                  LocalEnd{.credentials = ours, .behaviour = {.mapping = Mapping::kEndpointIndependent}});
  start();
  std::optional<Puncher::Send> guess;
  for (const Instant until = now + 1s; now < until && !guess; now += 1ms) {
    puncher->handle_timeout(now);
    while (const auto sent = puncher->poll_transmit()) {
      if (sent->to != peer) guess = *sent;
    }
  }
  ASSERT_TRUE(guess);
  const auto id = stun::MessageView::parse(guess->payload)->id();
  EXPECT_TRUE(puncher->handle_datagram(now, 0, guess->to, encode_error(id, stun::ErrorCode::kRoleConflict, theirs)));
  EXPECT_EQ(puncher->role(), Role::kControlled);
}

TEST_F(PuncherHostile, ChecksAreAnsweredAfterTheHoleIsOpenToo) {
  start();
  const auto sent = puncher->poll_transmit();
  const auto id = stun::MessageView::parse(sent->payload)->id();
  EXPECT_TRUE(puncher->handle_datagram(now, 0, peer, encode_success(id, {}, theirs)));
  EXPECT_TRUE(puncher->handle_datagram(now, 0, peer, request(ours, true)));
  ASSERT_TRUE(puncher->opened());
  while (puncher->poll_transmit()) {
  }
  EXPECT_TRUE(puncher->handle_datagram(now, 0, peer, request(ours, true)));
  EXPECT_TRUE(puncher->poll_transmit());
  EXPECT_FALSE(puncher->poll_timeout());
}

}  // namespace
}  // namespace turnpike::punch
