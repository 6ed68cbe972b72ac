#include "core/coordination/punching.h"

#include <gmock/gmock.h>

namespace turnpike::coordination {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const Endpoint kHole = *Endpoint::parse("203.0.113.9:40000");

// One end, and what it has told the world.
struct End {
  End(std::uint8_t number, Random& random)
      : peer{{number}}, address(IpAddress::v4(203, 0, number, 1)), punching(peer, random) {
    punching.set_own({{{IpAddress::v4(192, 168, number, 2), 4001}, punch::CandidateKind::kHost}});
  }
  template <class What>
  std::vector<What> told() const {
    std::vector<What> out;
    for (const PunchAction& each : actions) {
      if (const auto* what = std::get_if<What>(&each)) out.push_back(*what);
    }
    return out;
  }
  [[nodiscard]] std::vector<punch::Sighting> sightings() const {
    const Endpoint local{IpAddress::v4(192, 168, 1, 2), 4001};
    return {{local, *Endpoint::parse("198.51.100.1:3478"), {address, 40000}},
            {local, *Endpoint::parse("198.51.101.1:3478"), {address, 40000}}};
  }

  PeerId peer;
  IpAddress address;
  Punching punching;
  std::vector<PunchAction> actions;
  bool deaf = false;
  bool blind = false;  // no STUN server answers
};

struct CoordinationPunching : testing::Test {
  void drain() {
    for (bool again = true; again;) {
      again = false;
      for (End* const end : {&a, &b}) {
        while (const auto action = end->punching.poll_action()) {
          again = true;
          end->actions.push_back(*action);
          End& other = end == &a ? b : a;
          if (const auto* say = std::get_if<Say>(&*action)) {
            EXPECT_EQ(say->to, other.peer);
            if (!other.deaf) other.punching.handle_signal(now, say->bootstrap, end->peer, end->address, say->message);
          } else if (std::holds_alternative<MeasureNat>(*action) && !end->blind) {
            end->punching.handle_sightings(now, end->sightings());
          }
        }
      }
    }
  }
  void ask(End& end) {
    end.punching.request(now, (&end == &a ? b : a).peer, 3);
    drain();
  }
  void pass(Duration time) {
    const Instant until = now.mono + time;
    for (End* const end : {&a, &b}) {
      while (const auto at = end->punching.poll_timeout()) {
        if (*at > until) break;
        now.mono = std::max(now.mono, *at);
        end->punching.handle_timeout(now);
      }
    }
    now.mono = until;
    drain();
  }
  void open(End& end) {
    end.punching.handle_opened(now, end.told<StartPunch>().back().id, kHole);
    drain();
  }

  SeededRandom random{1};
  Now now{Instant{1h}, {1'795'000'000'000}};
  End a{1, random};
  End b{2, random};
};

TEST_F(CoordinationPunching, BothEndsMeasureAgreeAndBegin) {
  ask(a);
  ASSERT_THAT(a.told<StartPunch>(), SizeIs(1));
  ASSERT_THAT(b.told<StartPunch>(), SizeIs(1));
  const StartPunch ours = a.told<StartPunch>()[0];
  const StartPunch theirs = b.told<StartPunch>()[0];
  EXPECT_EQ(ours.local.role, punch::Role::kControlling);
  EXPECT_EQ(theirs.local.role, punch::Role::kControlled);
  EXPECT_EQ(ours.remote.credentials, theirs.local.credentials);
  EXPECT_EQ(theirs.remote.credentials, ours.local.credentials);
  EXPECT_EQ(ours.remote.candidates, theirs.local.candidates);
  EXPECT_THAT(ours.remote.candidates, SizeIs(2)) << "its address, and what STUN saw";
  EXPECT_EQ(ours.remote.behaviour.mapping, punch::Mapping::kEndpointIndependent);
  EXPECT_THAT(ours.remote.witnessed, testing::ElementsAre(b.address));
}

TEST_F(CoordinationPunching, TheOneThatAskedIsToConnectThroughTheHole) {
  ask(a);
  open(a);
  open(b);
  EXPECT_TRUE(a.told<HoleOpened>().back().ours);
  EXPECT_EQ(a.told<HoleOpened>().back().remote, kHole);
  EXPECT_FALSE(b.told<HoleOpened>().back().ours);
}

TEST_F(CoordinationPunching, WhenBothAskAtOnceOnePunchIsMade) {
  a.punching.request(now, b.peer, 3);
  b.punching.request(now, a.peer, 3);
  drain();
  EXPECT_THAT(a.told<StartPunch>(), SizeIs(1));
  EXPECT_THAT(b.told<StartPunch>(), SizeIs(1));
  EXPECT_NE(a.told<StartPunch>()[0].local.role, b.told<StartPunch>()[0].local.role);
  EXPECT_THAT(a.told<PunchDenied>(), IsEmpty());
  EXPECT_THAT(b.told<PunchDenied>(), IsEmpty());
}

TEST_F(CoordinationPunching, AMeasurementHoldsForTheNextPunch) {
  ask(a);
  a.punching.handle_opened(now, a.told<StartPunch>()[0].id, kHole);
  a.punching.handle_lost(now, a.told<StartPunch>()[0].id);
  drain();
  pass(5s);
  ask(a);
  EXPECT_THAT(a.told<MeasureNat>(), SizeIs(1));
  pass(30s);
  ask(a);
  EXPECT_THAT(a.told<MeasureNat>(), SizeIs(2));
}

TEST_F(CoordinationPunching, ANetworkThatChangedIsMeasuredAnew) {
  ask(a);
  a.punching.handle_lost(now, a.told<StartPunch>()[0].id);
  a.punching.handle_network_changed();
  pass(4s);
  ask(a);
  EXPECT_THAT(a.told<MeasureNat>(), SizeIs(2));
}

TEST_F(CoordinationPunching, APartnerThatDoesNotAnswerIsTheReason) {
  b.deaf = true;
  ask(a);
  pass(10s);
  ASSERT_THAT(a.told<PunchDenied>(), SizeIs(1));
  EXPECT_EQ(a.told<PunchDenied>()[0].reason, "the partner did not answer");
  EXPECT_EQ(a.punching.under_way(), 0U);
}

TEST_F(CoordinationPunching, WithoutAStunServerThatAnswersThatIsTheReason) {
  a.blind = true;
  ask(a);
  pass(10s);
  ASSERT_THAT(a.told<PunchDenied>(), SizeIs(1));
  EXPECT_EQ(a.told<PunchDenied>()[0].reason, "no STUN server answers");
}

TEST_F(CoordinationPunching, TwoNatsThatLeaveNoWayAreNotTriedAgainForMinutes) {
  ask(a);
  a.punching.handle_punch_failed(now, a.told<StartPunch>()[0].id, punch::PunchFailure::kHopeless);
  drain();
  EXPECT_EQ(a.told<PunchDenied>()[0].retry_after, kHopelessRetry);
}

TEST_F(CoordinationPunching, WithoutAPortToPunchWithNothingIsOfferedOrAnswered) {
  a.punching.set_own({});
  ask(a);
  EXPECT_THAT(a.told<PunchDenied>(), SizeIs(1));
  ask(b);
  EXPECT_THAT(a.told<Say>(), IsEmpty());
}

TEST_F(CoordinationPunching, AnAnswerNobodyAskedForOrOfAnotherPunchStartsNothing) {
  a.punching.handle_signal(now, 0, b.peer, b.address,
                           signal::PunchAnswer{{.number = 7, .credentials = {}, .candidates = {}, .behaviour = {}}});
  b.deaf = true;
  ask(a);
  a.punching.handle_signal(now, 0, b.peer, b.address,
                           signal::PunchAnswer{{.number = 7, .credentials = {}, .candidates = {}, .behaviour = {}}});
  drain();
  EXPECT_THAT(a.told<StartPunch>(), IsEmpty());
}

TEST_F(CoordinationPunching, OffersOfOnePeerAreFollowedOnceInAWhileAndAllTogetherAreBounded) {
  for (unsigned i = 0; i < 100; ++i) {
    for (std::uint8_t peer = 10; peer < 60; ++peer) {
      a.punching.handle_signal(now, 0, {{peer}}, b.address,
                               signal::PunchOffer{{.number = i, .credentials = {}, .candidates = {}, .behaviour = {}}});
    }
  }
  while (a.punching.poll_action()) {
  }
  EXPECT_EQ(a.punching.under_way(), kMaxPunches);
}

TEST_F(CoordinationPunching, HolesThatStandStopTheNextPunchOnlyWhenTheyAreTooMany) {
  for (std::uint8_t peer = 10; peer < 10 + kMaxHoles; ++peer) {
    now.mono += kPunchOfferPeriod;
    a.punching.handle_signal(now, 0, {{peer}}, b.address, signal::PunchOffer{});
    a.punching.handle_sightings(now, a.sightings());
    while (const auto action = a.punching.poll_action()) a.actions.push_back(*action);
    ASSERT_THAT(a.told<StartPunch>(), SizeIs(peer - 9U));
    a.punching.handle_opened(now, a.told<StartPunch>().back().id, kHole);
  }
  EXPECT_EQ(a.punching.under_way(), 0U);
  ask(a);
  EXPECT_THAT(a.told<PunchDenied>(), SizeIs(1));
}

TEST_F(CoordinationPunching, AHoleThatIsLostIsTold) {
  ask(a);
  open(a);
  a.punching.handle_lost(now, a.told<StartPunch>()[0].id);
  drain();
  EXPECT_THAT(a.told<HoleGone>(), SizeIs(1));
}

}  // namespace
}  // namespace turnpike::coordination
