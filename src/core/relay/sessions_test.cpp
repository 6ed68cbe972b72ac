#include "core/relay/sessions.h"

#include <gtest/gtest.h>

namespace turnpike::relay {
namespace {

using namespace std::chrono_literals;

Now at(Duration since_start) {
  const auto ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since_start).count());
  return {Instant{since_start}, WallTime{1'795'000'000'000 + ms}};
}

PeerId peer(std::size_t n) {
  PeerId out;
  out.public_key = {static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(n >> 8U), 1};
  return out;
}

IpAddress home(std::size_t n) {
  return IpAddress::v4(198, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n), 7);
}

struct RelaySessions : testing::Test {
  SeededRandom random{1};
  Policy policy{.bytes = 1000, .bytes_per_second = 0, .lifetime = 1h};
  Sessions sessions{policy, random};

  Grant open(Duration when = 0s, std::size_t from = 1, std::size_t to = 2) {
    const auto grant = sessions.open(at(when), peer(from), home(1), peer(to));
    EXPECT_TRUE(grant);
    return *grant;
  }
  Grant open_and_join(Duration when = 0s) {
    const Grant grant = open(when);
    EXPECT_TRUE(sessions.join(at(when), grant.session, grant.initiator));
    EXPECT_TRUE(sessions.join(at(when), grant.session, grant.responder));
    return grant;
  }
  std::optional<EndReason> ended(const SessionId& session) {
    while (const auto event = sessions.poll_event()) {
      if (event->session == session) return event->reason;
    }
    return std::nullopt;
  }
};

TEST_F(RelaySessions, PairTheTwoPeersThatWereGrantedOne) {
  const Grant grant = open();
  const auto first = sessions.join(at(1s), grant.session, grant.responder);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->side, Side::kResponder);
  EXPECT_EQ(first->peer, peer(2));
  EXPECT_EQ(first->partner, peer(1));
  EXPECT_FALSE(first->paired);
  EXPECT_FALSE(sessions.is_paired(grant.session));
  const auto second = sessions.join(at(2s), grant.session, grant.initiator);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->side, Side::kInitiator);
  EXPECT_TRUE(second->paired);
  EXPECT_EQ(second->quote, grant.quote);
  EXPECT_TRUE(sessions.is_paired(grant.session));
}

TEST_F(RelaySessions, QuoteWhatThePolicySays) {
  const Grant grant = open(5s);
  EXPECT_EQ(grant.quote, (Quote{1000, 0, WallTime{at(5s).wall.unix_ms + 3'600'000}}));
}

TEST_F(RelaySessions, RefuseACredentialOfAnotherSession) {
  const Grant ours = open(0s, 1, 2);
  const Grant other = open(0s, 1, 3);
  const auto join = sessions.join(at(0s), ours.session, other.initiator);
  ASSERT_FALSE(join);
  EXPECT_EQ(join.error(), JoinError::kWrongCredential);
}

TEST_F(RelaySessions, RefuseAGuessedCredential) {
  const Grant grant = open();
  EXPECT_EQ(sessions.join(at(0s), grant.session, Credential{}).error(), JoinError::kWrongCredential);
  Credential near = grant.initiator;
  near.bytes.back() ^= 1U;
  EXPECT_EQ(sessions.join(at(0s), grant.session, near).error(), JoinError::kWrongCredential);
}

TEST_F(RelaySessions, RefuseACredentialThatWasUsed) {
  const Grant grant = open_and_join();
  EXPECT_EQ(sessions.join(at(1s), grant.session, grant.initiator).error(), JoinError::kAlreadyJoined);
  EXPECT_TRUE(sessions.is_paired(grant.session)) << "the attempt must not disturb the session";
}

TEST_F(RelaySessions, RefuseACredentialWhoseSessionIsOver) {
  const Grant grant = open();
  EXPECT_EQ(sessions.join(at(kJoinLimit), grant.session, grant.initiator).error(), JoinError::kNoSession);
  EXPECT_EQ(ended(grant.session), EndReason::kNotJoined);
}

TEST_F(RelaySessions, RefuseAnUnknownSession) {
  EXPECT_EQ(sessions.join(at(0s), SessionId{{1, 2, 3}}, Credential{}).error(), JoinError::kNoSession);
}

TEST_F(RelaySessions, EndWhenOneEndDoesNotJoinInTime) {
  const Grant grant = open();
  ASSERT_TRUE(sessions.join(at(1s), grant.session, grant.initiator));
  EXPECT_EQ(sessions.poll_timeout(), at(kJoinLimit).mono);
  sessions.handle_timeout(at(kJoinLimit - 1us));
  EXPECT_FALSE(ended(grant.session));
  sessions.handle_timeout(at(kJoinLimit));
  EXPECT_EQ(ended(grant.session), EndReason::kNotJoined);
  EXPECT_EQ(sessions.size(), 0U);
  EXPECT_FALSE(sessions.poll_timeout());
}

TEST_F(RelaySessions, EndAfterSilenceAndNotWhileBytesFlow) {
  const Grant grant = open_and_join();
  EXPECT_TRUE(sessions.take(at(kIdleLimit - 1s), grant.session, 1).allowed);
  sessions.handle_timeout(at(kIdleLimit));
  EXPECT_FALSE(ended(grant.session));
  EXPECT_EQ(sessions.poll_timeout(), at(2 * kIdleLimit - 1s).mono);
  sessions.handle_timeout(at(2 * kIdleLimit - 1s));
  EXPECT_EQ(ended(grant.session), EndReason::kIdle);
}

TEST_F(RelaySessions, EndWhenTheirTimeIsUpEvenIfBytesFlow) {
  const Grant grant = open_and_join();
  for (Duration t = 1min; t < 1h; t += 1min) {
    sessions.handle_timeout(at(t));
    ASSERT_TRUE(sessions.take(at(t), grant.session, 1).allowed);
  }
  EXPECT_FALSE(sessions.take(at(1h), grant.session, 1).allowed);
  EXPECT_EQ(ended(grant.session), EndReason::kExpired);
}

TEST_F(RelaySessions, CarryTheQuotedBytesAndNotOneMore) {
  const Grant grant = open_and_join();
  EXPECT_TRUE(sessions.take(at(0s), grant.session, 999).allowed);
  EXPECT_TRUE(sessions.take(at(0s), grant.session, 1).allowed);
  EXPECT_FALSE(sessions.take(at(0s), grant.session, 1).allowed);
  EXPECT_EQ(ended(grant.session), EndReason::kQuoteUsed);
  EXPECT_EQ(sessions.totals().bytes, 1000U);
}

TEST_F(RelaySessions, CarryNothingBeforeBothEndsAreThere) {
  const Grant grant = open();
  ASSERT_TRUE(sessions.join(at(0s), grant.session, grant.initiator));
  EXPECT_FALSE(sessions.take(at(0s), grant.session, 1).allowed);
  EXPECT_FALSE(ended(grant.session));
}

TEST_F(RelaySessions, KeepTheGrantedRate) {
  sessions.set_policy({.bytes = 1U << 30U, .bytes_per_second = 1'000'000, .lifetime = 1h});
  const Grant grant = open_and_join();
  Duration now = 0s;
  std::uint64_t carried = 0;
  while (now < 10s) {
    const Allowance allowance = sessions.take(at(now), grant.session, 65536);
    ASSERT_TRUE(allowance.allowed);
    carried += 65536;
    now += allowance.rest;
  }
  EXPECT_GE(carried, 10'000'000U);
  EXPECT_LE(carried, 10'000'000U + 100'000U + 65536U);
}

TEST_F(RelaySessions, SurviveAbsurdPolicies) {
  sessions.set_policy({.bytes = ~std::uint64_t{0}, .bytes_per_second = 1, .lifetime = 24h});
  const Grant grant = open_and_join();
  const Allowance allowance = sessions.take(at(0s), grant.session, ~std::uint64_t{0});
  EXPECT_TRUE(allowance.allowed);
  EXPECT_GE(allowance.rest, 23h);
}

TEST_F(RelaySessions, EndWhenAnEndLeaves) {
  const Grant grant = open_and_join();
  sessions.leave(at(1s), grant.session);
  EXPECT_EQ(ended(grant.session), EndReason::kLeft);
  EXPECT_FALSE(sessions.take(at(1s), grant.session, 1).allowed);
  sessions.leave(at(1s), grant.session);
  EXPECT_FALSE(ended(grant.session)) << "the second end's leaving is no news";
}

TEST_F(RelaySessions, RecycleTheSlotOfAPairThatReconnects) {
  Grant last = open_and_join();
  for (std::size_t i = 0; i < 2 * kMaxSessions; ++i) {
    const Grant next = open_and_join(1s);
    EXPECT_EQ(ended(last.session), EndReason::kReplaced);
    EXPECT_EQ(sessions.size(), 1U);
    last = next;
  }
  EXPECT_TRUE(sessions.is_paired(last.session));
}

TEST_F(RelaySessions, OfTheOtherDirectionAreNotReplaced) {
  const Grant there = open(0s, 1, 2);
  open(0s, 2, 1);
  EXPECT_FALSE(ended(there.session));
  EXPECT_EQ(sessions.size(), 2U);
}

TEST_F(RelaySessions, AreRefusedTowardsOneself) {
  const auto grant = sessions.open(at(0s), peer(1), home(1), peer(1));
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().reason, RefusalReason::kSelf);
}

TEST_F(RelaySessions, AreLimitedPerInitiator) {
  for (std::size_t i = 0; i < kMaxSessionsPerInitiator; ++i) open(0s, 1, 100 + i);
  const auto grant = sessions.open(at(0s), peer(1), home(1), peer(2));
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().reason, RefusalReason::kPeerLimit);
  EXPECT_GT(grant.error().retry_after, 0s);
  EXPECT_TRUE(sessions.open(at(0s), peer(1), home(1), peer(100))) << "its own slot is recycled at the limit, too";
  EXPECT_EQ(sessions.counters_of(peer(1)).refused, 1U);
}

TEST_F(RelaySessions, AreLimitedPerResponderWithoutCostToItsOwn) {
  for (std::size_t i = 0; i < kMaxSessionsPerResponder; ++i) {
    ASSERT_TRUE(sessions.open(at(0s), peer(100 + i), home(i), peer(2)));
  }
  EXPECT_EQ(sessions.open(at(0s), peer(1), home(999), peer(2)).error().reason, RefusalReason::kPeerLimit);
  EXPECT_TRUE(sessions.open(at(0s), peer(2), home(999), peer(1)));
}

TEST_F(RelaySessions, AreLimitedPerNetwork) {
  for (std::size_t i = 0; i < kMaxSessionsPerNetwork; ++i) {
    ASSERT_TRUE(
        sessions.open(at(0s), peer(i), IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(i)), peer(5000 + i)));
  }
  const auto grant = sessions.open(at(0s), peer(4000), IpAddress::v4(203, 0, 113, 9), peer(4001));
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().reason, RefusalReason::kNetworkLimit);
  EXPECT_TRUE(sessions.open(at(0s), peer(4000), IpAddress::v4(203, 0, 114, 9), peer(4001)));
}

TEST_F(RelaySessions, AreLimitedInAll) {
  for (std::size_t i = 0; i < kMaxSessions; ++i) {
    ASSERT_TRUE(sessions.open(at(0s), peer(2 * i), home(i), peer(2 * i + 1)));
  }
  const auto grant = sessions.open(at(0s), peer(60000), home(60000), peer(60001));
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().reason, RefusalReason::kFull);
  sessions.handle_timeout(at(kJoinLimit));
  EXPECT_EQ(sessions.size(), 0U);
  EXPECT_TRUE(sessions.open(at(kJoinLimit), peer(60000), home(60000), peer(60001))) << "no ghost keeps a slot";
}

TEST_F(RelaySessions, CountBytesForBothPeers) {
  const Grant grant = open_and_join();
  ASSERT_TRUE(sessions.take(at(0s), grant.session, 600).allowed);
  EXPECT_EQ(sessions.counters_of(peer(1)).bytes, 600U);
  EXPECT_EQ(sessions.counters_of(peer(2)).bytes, 600U);
  EXPECT_EQ(sessions.counters_of(peer(2)).sessions_opened, 0U);
  EXPECT_EQ(sessions.counters_of(peer(2)).sessions_joined, 1U);
  EXPECT_EQ(sessions.totals().bytes, 600U);
  EXPECT_EQ(sessions.totals().sessions_opened, 1U);
  EXPECT_EQ(sessions.counters_of(peer(3)).bytes, 0U);
}

TEST_F(RelaySessions, ForgetTheCountersUnusedForLongest) {
  for (std::size_t i = 0; i <= kMaxCountedPeers; ++i) {
    const auto grant = sessions.open(at(0s), peer(i), home(i), peer(65535));
    if (grant) sessions.leave(at(0s), grant->session);
  }
  EXPECT_EQ(sessions.counters().size(), kMaxCountedPeers);
  EXPECT_EQ(sessions.counters_of(peer(0)).sessions_opened, 0U);
  EXPECT_EQ(sessions.counters_of(peer(kMaxCountedPeers)).sessions_opened, 1U);
}

/// A table whose quotes come from a purse of 200 MB, with an hour of the month left.
struct PaidSessions : RelaySessions {
  static constexpr Now kNow{Instant{1h}, WallTime{1'796'083'200'000 - 3'600'000}};
  budget::Budget budget{kNow, {.plan = {.budget = {18'000}}}, budget::Books{}};
  Sessions paid{policy, random, &budget};

  void write_rows() {
    while (budget.poll_row()) budget.handle_written(1);
  }
  Grant pair(std::size_t from, std::size_t to, bool is_ours = false) {
    const auto grant = paid.open(kNow, peer(from), home(from), peer(to), is_ours);
    EXPECT_TRUE(grant);
    EXPECT_TRUE(paid.join(kNow, grant->session, grant->initiator));
    EXPECT_TRUE(paid.join(kNow, grant->session, grant->responder));
    return *grant;
  }
};

TEST_F(PaidSessions, AreQuotedWhatTheBudgetSays) {
  const Grant grant = pair(1, 2);
  EXPECT_EQ(grant.quote, (Quote{200'000'000, 625'000, WallTime{kNow.wall.unix_ms + 1'800'000}}));
}

TEST_F(PaidSessions, LetNoByteThroughBeforeItIsWrittenDown) {
  const Grant grant = pair(1, 2);
  const Allowance early = paid.take(kNow, grant.session, 100);
  EXPECT_FALSE(early.allowed);
  EXPECT_TRUE(early.ask_again);
  EXPECT_GT(early.rest, 0us);
  write_rows();
  EXPECT_TRUE(paid.take(kNow, grant.session, 100).allowed);
  EXPECT_EQ(budget.figures(kNow).flowed.out, 100U);
}

TEST_F(PaidSessions, AreRefusedWithTheBudgetsReason) {
  (void)pair(1, 2);
  const auto same_tier = paid.open(kNow, peer(1), home(1), peer(3));
  ASSERT_FALSE(same_tier);
  EXPECT_EQ(same_tier.error().reason, RefusalReason::kTier);
  const auto other = paid.open(kNow, peer(4), home(4), peer(2));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, RefusalReason::kShare);
  EXPECT_GT(other.error().retry_after, 0us);
}

TEST_F(PaidSessions, GiveBackWhatTheyDidNotUseHoweverTheyEnd) {
  const Grant left = pair(1, 2);
  paid.leave(kNow, left.session);
  EXPECT_EQ(budget.figures(kNow).promised.out, 0U);
  EXPECT_TRUE(paid.open(kNow, peer(1), home(1), peer(2))) << "and nobody joins it";
  paid.handle_timeout({kNow.mono + kJoinLimit, kNow.wall});
  EXPECT_EQ(budget.figures(kNow).promised.out, 0U);
  (void)pair(1, 2);
  (void)pair(1, 2);
  EXPECT_EQ(paid.size(), 1U) << "one slot for an identity that comes back";
}

TEST_F(PaidSessions, RestForTheWholeIdentity) {
  const Grant grant = pair(1, 2);
  write_rows();
  EXPECT_EQ(paid.take(kNow, grant.session, 1'250'000).rest, 2s);
}

TEST_F(PaidSessions, ChargeOneEndOfOursForWhatComesInOnly) {
  const Grant grant = pair(1, 2, true);
  write_rows();
  EXPECT_TRUE(paid.take(kNow, grant.session, 1000, Side::kResponder).allowed);
  EXPECT_TRUE(paid.take(kNow, grant.session, 10, Side::kInitiator).allowed);
  EXPECT_EQ(budget.figures(kNow).flowed, (budget::Traffic{1000, 10}));
}

}  // namespace
}  // namespace turnpike::relay
