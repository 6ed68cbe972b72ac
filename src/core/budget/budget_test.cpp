#include "core/budget/budget.h"

#include <gtest/gtest.h>

namespace turnpike::budget {
namespace {

constexpr std::uint64_t kMegabyte = 1'000'000;
constexpr WallTime kLateNovember{1'796'083'200'000 - 3'600'000};  // an hour before December 2026

PeerId peer(std::uint8_t n) { return {{n}}; }
IpAddress home(std::uint8_t n) { return IpAddress::v4(203, 0, n, 7); }

/// A disk that writes at once unless told otherwise, and what it holds.
struct RelayBudget : testing::Test {
  Budget::Config config{.plan = {.budget = {18'000}}};  // 200 MB at the default price
  Now now{Instant{1h}, kLateNovember};
  std::optional<Budget> budget;
  std::vector<Row> disk;
  bool disk_works = true;

  void start() { budget.emplace(now, config, Books{}), drain(); }
  void drain() {
    while (const auto row = budget->poll_row()) {
      disk.push_back(*row);
      if (disk_works) budget->handle_written(1);
    }
  }
  /// The process is gone; what was written counts.
  void crash() {
    Books books;
    for (const Row& row : disk) EXPECT_TRUE(books.apply(row)) << row.number;
    budget.emplace(now, config, books);
    drain();
  }
  void pass(Duration time) {
    now.mono += time;
    now.wall.unix_ms += static_cast<std::uint64_t>(time / 1ms);
  }
  Result<Terms, Refusal> open(std::uint8_t n, std::uint8_t towards = 200) {
    auto terms = budget->open(now, {.peer = peer(n), .from = home(n), .towards = peer(towards)});
    drain();
    return terms;
  }
  Take take(AccountId account, std::uint64_t bytes) {
    const Take out = budget->take(now, account, {bytes, bytes});
    drain();
    return out;
  }
  /// Lets bytes through until it is over, or `limit`.
  std::uint64_t carry(AccountId account, std::uint64_t limit = UINT64_MAX) {
    std::uint64_t carried = 0;
    while (carried < limit) {
      const std::uint64_t bytes = std::min<std::uint64_t>(100'000, limit - carried);
      const Take out = take(account, bytes);
      if (out.verdict == Take::Verdict::kOver) break;
      if (out.verdict == Take::Verdict::kPass) carried += bytes;
      if (out.verdict == Take::Verdict::kLater && !disk_works) break;
    }
    return carried;
  }
  void spend(std::uint64_t bytes) {
    const auto terms = open(9);
    EXPECT_EQ(carry(terms->account, bytes), bytes);
    close(terms->account);
  }
  void close(AccountId account) { budget->close(now, account), drain(); }
  void grant(std::uint8_t n, Tier tier = Tier::kPremium, std::optional<WallTime> until = {}) {
    EXPECT_TRUE(budget->grant(now, peer(n), {tier, until}));
    drain();
  }
  Refused reason_for(std::uint8_t n) {
    const auto refused = open(n);
    EXPECT_FALSE(refused);
    return refused ? Refused::kFull : refused.error().reason;
  }
};

TEST_F(RelayBudget, LetsTheWholeBudgetThroughAndNotAByteMore) {
  start();
  const auto terms = open(1);
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->bytes, 200 * kMegabyte);
  EXPECT_EQ(carry(terms->account), 200 * kMegabyte);
  EXPECT_EQ(take(terms->account, 1).verdict, Take::Verdict::kOver);
  close(terms->account);
  EXPECT_EQ(budget->figures(now).spent, MicroUsd{18'000});
}

TEST_F(RelayBudget, ShutsDownByActualSpendOfNinetyEightPerCent) {
  start();
  const auto terms = open(1);
  carry(terms->account, 196 * kMegabyte);
  EXPECT_EQ(budget->figures(now).mode, Mode::kSpent);
  const auto refused = open(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Refused::kSpent);
  EXPECT_EQ(refused.error().retry_after, 1h);
  EXPECT_EQ(carry(terms->account), 4 * kMegabyte) << "a running session finishes its quote";
}

TEST_F(RelayBudget, RefusesUntilTheMonthEndsWhereThatIsSooner) {
  start();
  carry(open(1)->account);
  pass(50min);
  EXPECT_EQ(open(2).error().retry_after, 10min);
}

TEST_F(RelayBudget, ThrottlesByProjectionAlone) {
  config.plan.budget = {20'000'000};
  now.wall = Month::of(now.wall).begin();
  now.wall.unix_ms += 10ULL * 86'400'000;  // ten days of thirty
  start();
  grant(1);
  const auto terms = open(1);
  ASSERT_TRUE(terms);
  carry(terms->account, 10'000 * kMegabyte);
  EXPECT_EQ(budget->figures(now).mode, Mode::kNormal);
  EXPECT_EQ(budget->figures(now).projected, MicroUsd{2'700'000});
}

TEST_F(RelayBudget, ProjectsAMonthsFirstHoursAsIfADayHadPassed) {
  config.plan.budget = {540'000};  // 6 GB
  now.wall = Month::of(now.wall).begin();
  start();
  carry(open(1)->account, 100 * kMegabyte);
  EXPECT_EQ(budget->figures(now).projected, MicroUsd{30 * 9'000});
}

TEST_F(RelayBudget, WantsCheaperWaysTriedWhereItRunsLow) {
  config.plan.budget = {90'000};
  start();
  spend(710 * kMegabyte);
  const auto first = open(1);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().reason, Refused::kCheaperFirst);
  EXPECT_EQ(first.error().retry_after, kCheaperTime);
  pass(kCheaperTime - 1us);
  EXPECT_EQ(reason_for(1), Refused::kCheaperFirst);
  pass(1us);
  const auto then = open(1);
  ASSERT_TRUE(then);
  EXPECT_EQ(then->lifetime, kWarningLifetime);
}

TEST_F(RelayBudget, ForgetsThatCheaperWaysWereTriedAfterAWhile) {
  config.plan.budget = {90'000};
  start();
  spend(710 * kMegabyte);
  (void)open(1);
  pass(kRememberWish);
  EXPECT_EQ(reason_for(1), Refused::kCheaperFirst);
}

TEST_F(RelayBudget, TakesATryWithOnePeerForNoTryWithAnother) {
  config.plan.budget = {90'000};
  start();
  spend(710 * kMegabyte);
  (void)open(1, 50);
  pass(kCheaperTime);
  EXPECT_FALSE(open(1, 51));
  EXPECT_TRUE(open(1, 50));
}

TEST_F(RelayBudget, RelaysOnlyForGrantedPremiumAboveEightyFivePerCent) {
  config.plan.budget = {90'000};
  config.tiers.without_grant = Tier::kPremium;  // not granted to anybody in particular
  start();
  grant(2);
  grant(3, Tier::kStandard);
  spend(860 * kMegabyte);
  EXPECT_EQ(reason_for(1), Refused::kPremiumOnly);
  EXPECT_EQ(reason_for(3), Refused::kPremiumOnly);
  const auto premium = open(2);
  ASSERT_TRUE(premium);
  EXPECT_EQ(premium->bytes_per_second, kPremiumOnlyRate);
  EXPECT_EQ(premium->lifetime, kPremiumOnlyLifetime);
}

TEST_F(RelayBudget, LetsNobodyBeginAboveNinetyFivePerCent) {
  config.plan.budget = {90'000};
  start();
  grant(2);
  const auto running = open(9);
  carry(running->account, 960 * kMegabyte);
  EXPECT_EQ(reason_for(2), Refused::kFinishQuotes);
  EXPECT_EQ(carry(running->account), 40 * kMegabyte);
}

TEST_F(RelayBudget, GivesATiersRateToAnIdentityHoweverManySessionsItHas) {
  config.plan.budget = {20'000'000};
  start();
  grant(1, Tier::kBasic);
  const auto one = open(1, 50);
  const auto two = open(1, 51);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->bytes_per_second, 1'250'000U);
  EXPECT_EQ(take(one->account, 125'000).rest, 0us);
  EXPECT_EQ(take(two->account, 125'000).rest, 100ms);
  EXPECT_EQ(take(one->account, 125'000).rest, 200ms);
}

TEST_F(RelayBudget, DoesNotForgetARateByClosingAndOpening) {
  config.plan.budget = {20'000'000};
  start();
  const auto one = open(1);
  EXPECT_EQ(take(one->account, 6'250'000).rest, 9900ms);
  close(one->account);
  EXPECT_GT(take(open(1)->account, 1).rest, 9s);
}

TEST_F(RelayBudget, GivesATiersSessionsToEachIdentityAndNotToAllTogether) {
  config.plan.budget = {20'000'000};
  start();
  EXPECT_TRUE(open(1, 50));
  EXPECT_EQ(reason_for(1), Refused::kSessions);
  const auto other = open(2);
  ASSERT_TRUE(other);
  EXPECT_FALSE(open(2, 51));
  close(other->account);
  EXPECT_TRUE(open(2, 51));
}

TEST_F(RelayBudget, HoldsANetworkWithoutGrantsToItsNumberOfSessions) {
  config.plan.budget = {200'000'000};
  start();
  const auto from_one_network = [&](std::uint8_t n) {
    return budget->open(now, {.peer = peer(n), .from = IpAddress::v4(203, 0, 113, n), .towards = peer(200)});
  };
  for (std::uint8_t n = 1; n <= kSessionsPerNetwork; ++n) EXPECT_TRUE(from_one_network(n)) << int{n};
  const auto refused = from_one_network(100);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Refused::kNetwork);
  grant(101);
  EXPECT_TRUE(from_one_network(101));
}

TEST_F(RelayBudget, HoldsALimitedNumberOfAccounts) {
  config.plan.budget = kMaxBudget;
  config.tiers.of(Tier::kFree).sessions = kMaxTierSessions;
  config.sessions_per_network = UINT32_MAX;
  start();
  for (std::size_t i = 0; i < kMaxAccounts; ++i) ASSERT_TRUE(open(static_cast<std::uint8_t>(i % 8)));
  EXPECT_EQ(reason_for(9), Refused::kFull);
}

TEST_F(RelayBudget, BelievesNoTierThatIsOver) {
  start();
  grant(1, Tier::kPremium, WallTime{now.wall.unix_ms + 60'000});
  EXPECT_EQ(budget->consider(now, {.peer = peer(1), .from = home(1)})->tier, Tier::kPremium);
  pass(1min);
  EXPECT_EQ(budget->consider(now, {.peer = peer(1), .from = home(1)})->tier, Tier::kFree);
}

TEST_F(RelayBudget, TakesAGrantBack) {
  start();
  grant(1);
  EXPECT_TRUE(budget->revoke(now, peer(1)));
  EXPECT_FALSE(budget->revoke(now, peer(1)));
  EXPECT_EQ(budget->consider(now, {.peer = peer(1), .from = home(1)})->tier, Tier::kFree);
}

TEST_F(RelayBudget, KeepsGrantsOverACrash) {
  start();
  grant(1);
  crash();
  EXPECT_EQ(open(1)->tier, Tier::kPremium);
}

TEST_F(RelayBudget, SharesWhatIsLeftByWeight) {
  start();
  grant(1, Tier::kBasic);     // weight 10
  grant(2, Tier::kStandard);  // weight 50
  const auto whole = open(1);
  carry(whole->account, 80 * kMegabyte);
  close(whole->account);
  const auto one = open(1);
  EXPECT_EQ(one->bytes, 120 * kMegabyte) << "alone it gets everything";
  const auto refused = open(2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Refused::kShare);
  close(one->account);
  EXPECT_EQ(open(1)->bytes, 20 * kMegabyte) << "somebody of five times its weight waits";
  EXPECT_EQ(open(2)->bytes, 100 * kMegabyte * 50 / 60);
}

TEST_F(RelayBudget, LetsAWaitingOneCountForAWhileOnly) {
  start();
  const auto one = open(1);
  EXPECT_EQ(reason_for(2), Refused::kShare);
  close(one->account);
  pass(kWaitingCounts);
  EXPECT_EQ(open(1)->bytes, 200 * kMegabyte);
}

TEST_F(RelayBudget, LetsNoByteFlowThatIsNotReservedOnDisk) {
  disk_works = false;
  start();
  const auto terms = open(1);
  EXPECT_EQ(take(terms->account, 1).verdict, Take::Verdict::kLater);
  EXPECT_EQ(take(terms->account, 1).rest, kDiskPoll);
  budget->handle_written(disk.size());
  EXPECT_EQ(take(terms->account, 1).verdict, Take::Verdict::kPass);
  EXPECT_EQ(carry(terms->account), kMinStep - 1 - (kMinStep - 1) % 100'000);
}

TEST_F(RelayBudget, AsksForTheNextStepBeforeThisOneIsUsed) {
  start();
  const auto terms = open(1);
  const std::size_t rows = disk.size();
  EXPECT_EQ(take(terms->account, kMinStep / 2).verdict, Take::Verdict::kPass);
  EXPECT_EQ(disk.size(), rows);
  EXPECT_EQ(take(terms->account, 1).verdict, Take::Verdict::kPass);
  EXPECT_EQ(disk.size(), rows + 1);
}

TEST_F(RelayBudget, ForfeitsWhatWasReservedInACrash) {
  start();
  const auto terms = open(1);
  carry(terms->account, kMegabyte);
  crash();
  EXPECT_EQ(budget->figures(now).flowed.out, kMinStep);
  EXPECT_EQ(disk.back().kind, RowKind::kForfeit);
  EXPECT_EQ(open(1)->bytes, 200 * kMegabyte - kMinStep);
}

TEST_F(RelayBudget, GivesBackWhatAClosedAccountDidNotUse) {
  start();
  const auto terms = open(1);
  carry(terms->account, kMegabyte);
  close(terms->account);
  crash();
  EXPECT_EQ(budget->figures(now).flowed.out, kMegabyte);
  EXPECT_EQ(budget->figures(now).promised.out, 0U);
}

TEST_F(RelayBudget, RelaysNothingWithoutALedger) {
  budget.emplace(now, config, std::nullopt);
  EXPECT_EQ(reason_for(1), Refused::kLedger);
  EXPECT_FALSE(budget->grant(now, peer(1), {Tier::kPremium}));
  EXPECT_FALSE(budget->figures(now).is_writing);
}

TEST_F(RelayBudget, RelaysNothingNewWhileTheDiskFailsAndGoesOnWhenItWorks) {
  start();
  budget->handle_write_failed();
  EXPECT_EQ(reason_for(1), Refused::kLedger);
  budget->handle_written(0);
  EXPECT_TRUE(open(1));
}

TEST_F(RelayBudget, BeginsAnewWithTheMonth) {
  start();
  carry(open(1)->account);
  pass(61min);
  EXPECT_EQ(budget->figures(now).spent, MicroUsd{0});
  EXPECT_EQ(budget->figures(now).mode, Mode::kNormal) << "it is no latch";
  EXPECT_TRUE(open(2));
}

TEST_F(RelayBudget, ChargesEachMonthWithWhatFlowsInIt) {
  start();
  const auto terms = open(1);
  carry(terms->account, 150 * kMegabyte);
  pass(61min);
  EXPECT_EQ(carry(terms->account), 50 * kMegabyte) << "a quote holds over the month's end";
  EXPECT_EQ(budget->figures(now).flowed.out, 50 * kMegabyte);
  close(terms->account);
  crash();
  EXPECT_EQ(budget->figures(now).flowed.out, 50 * kMegabyte);
}

TEST_F(RelayBudget, NeverOpensAMonthAgainWhenTheClockIsSetBack) {
  start();
  const auto terms = open(1);
  carry(terms->account, 150 * kMegabyte);
  close(terms->account);
  now.wall.unix_ms += 30ULL * 86'400'000;
  carry(open(1)->account, 20 * kMegabyte);
  now.wall.unix_ms -= 60ULL * 86'400'000;
  EXPECT_EQ(budget->figures(now).month.to_string(), "2026-12");
  EXPECT_EQ(budget->figures(now).flowed.out, 20 * kMegabyte);
  crash();
  EXPECT_EQ(budget->figures(now).month.to_string(), "2026-12");
}

TEST_F(RelayBudget, MayRehearseAnotherDate) {
  config.shift_ms = 30LL * 86'400'000;
  start();
  EXPECT_EQ(budget->figures(now).month.to_string(), "2026-12");
}

TEST_F(RelayBudget, TellsOfEachChangeOfMode) {
  config.plan.budget = {90'000};
  start();
  while (budget->poll_event()) {
  }
  const auto terms = open(1);
  carry(terms->account, 701 * kMegabyte);
  const auto event = budget->poll_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<ModeChanged>(*event).to, Mode::kWarning);
  EXPECT_FALSE(budget->poll_event());
}

TEST_F(RelayBudget, ForfeitsNothingWhereItEndsInOrder) {
  start();
  (void)budget->open_purse(now);
  drain();
  carry(open(1)->account, kMegabyte);
  budget->close_all(now);
  drain();
  EXPECT_EQ(budget->figures(now).promised.out, 0U);
  crash();
  EXPECT_EQ(budget->figures(now).flowed.out, kMegabyte);
}

TEST_F(RelayBudget, PromisesAWholeTransferOrNothing) {
  start();
  const Asker asker{.from = home(1), .way = Way::kOutward, .whole = 150 * kMegabyte};
  const auto terms = budget->open(now, asker);
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->bytes, 150 * kMegabyte);
  const Asker other{.from = home(2), .way = Way::kOutward, .whole = 150 * kMegabyte};
  EXPECT_EQ(budget->open(now, other).error().reason, Refused::kShare);
}

TEST_F(RelayBudget, ChargesOneEndOfOursOnce) {
  start();
  const auto in = budget->open(now, {.peer = peer(99), .from = {}, .way = Way::kInward, .is_ourselves = true});
  const auto out = budget->open(now, {.from = home(1), .way = Way::kOutward, .whole = 20 * kMegabyte});
  drain();
  ASSERT_TRUE(in && out);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(budget->take(now, in->account, {kMegabyte, 1'000}).verdict, Take::Verdict::kPass);
    drain();
    EXPECT_EQ(budget->take(now, out->account, {0, kMegabyte}).verdict, Take::Verdict::kPass);
    drain();
  }
  EXPECT_EQ(budget->figures(now).flowed, (Traffic{20 * kMegabyte, 20 * kMegabyte + 20'000}));
}

TEST_F(RelayBudget, HoldsASmallPartOfWhatIsLeftReadyInAPurse) {
  start();
  const AccountId purse = budget->open_purse(now);
  drain();
  EXPECT_EQ(budget->figures(now).promised.out, kMinPurse);
  EXPECT_EQ(take(purse, 1'000).verdict, Take::Verdict::kPass) << "the first data need not wait for the disk";
  EXPECT_EQ(budget->figures(now).promised.out, kMinPurse - 1'000);
  EXPECT_EQ(open(1)->bytes, 200 * kMegabyte - kMinPurse);
}

TEST_F(RelayBudget, FillsAPurseAgainBeforeItIsEmpty) {
  config.plan.budget = {20'000'000};
  start();
  const AccountId purse = budget->open_purse(now);
  drain();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(take(purse, kMaxPurse / 8).verdict, Take::Verdict::kPass) << i;
}

TEST_F(RelayBudget, OpensAPurseAnewEachMonth) {
  start();
  const AccountId purse = budget->open_purse(now);
  drain();
  EXPECT_GE(carry(purse), 196 * kMegabyte);
  pass(61min);
  EXPECT_GE(carry(purse), 196 * kMegabyte);
}

TEST_F(RelayBudget, EndsAPurseWithTheMoney) {
  start();
  const AccountId purse = budget->open_purse(now);
  const std::uint64_t carried = carry(purse);
  EXPECT_GE(carried, 196 * kMegabyte);
  EXPECT_LE(carried, 200 * kMegabyte);
}

TEST_F(RelayBudget, RemembersALimitedNumberOfThoseWhoAsked) {
  config.plan.budget = {90'000};
  start();
  spend(710 * kMegabyte);
  (void)open(1);
  for (std::size_t i = 0; i < kMaxRemembered; ++i) {
    const PeerId other{{1, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U)}};
    (void)budget->consider(now, {.peer = other, .from = home(3)});
  }
  pass(kCheaperTime);
  EXPECT_EQ(reason_for(1), Refused::kCheaperFirst) << "the first was forgotten";
}

}  // namespace
}  // namespace turnpike::budget
