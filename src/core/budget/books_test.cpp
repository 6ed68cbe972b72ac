#include "core/budget/books.h"

#include <gtest/gtest.h>

namespace turnpike::budget {
namespace {

constexpr Month kNovember{682};

struct LedgerBooks : testing::Test {
  Books books;
  std::uint64_t number = 0;
  Month month = kNovember;

  Row row(RowKind kind, std::uint64_t account = 0, Traffic traffic = {}) {
    return {.number = number + 1, .kind = kind, .month = month, .account = account, .traffic = traffic};
  }
  std::optional<BooksFault> apply(const Row& row) {
    const auto done = books.apply(row);
    if (!done) return done.error();
    ++number;
    return std::nullopt;
  }
  void SetUp() override { ASSERT_FALSE(apply(row(RowKind::kMonth))); }
};

TEST_F(LedgerBooks, CountsWhatWasSettledAndKeepsWhatIsReserved) {
  EXPECT_FALSE(apply(row(RowKind::kReserve, 1, {100, 100})));
  EXPECT_FALSE(apply(row(RowKind::kReserve, 1, {50, 50})));
  EXPECT_TRUE(books.spent().is_none());
  EXPECT_EQ(books.reserved().at(1), (Traffic{150, 150}));
  EXPECT_FALSE(apply(row(RowKind::kSettle, 1, {120, 120})));
  EXPECT_EQ(books.spent(), (Traffic{120, 120}));
  EXPECT_TRUE(books.reserved().empty());
}

TEST_F(LedgerBooks, RefusesMoreThanWasReserved) {
  EXPECT_FALSE(apply(row(RowKind::kReserve, 1, {100, 100})));
  EXPECT_EQ(apply(row(RowKind::kSettle, 1, {100, 101})), BooksFault::kOverReserved);
  EXPECT_EQ(books.reserved().at(1), (Traffic{100, 100}));
}

TEST_F(LedgerBooks, RefusesToSettleTwiceOrWhatIsUnknown) {
  EXPECT_EQ(apply(row(RowKind::kSettle, 1, {})), BooksFault::kUnknownAccount);
  EXPECT_FALSE(apply(row(RowKind::kReserve, 1, {100, 100})));
  EXPECT_FALSE(apply(row(RowKind::kForfeit, 1, {100, 100})));
  EXPECT_EQ(apply(row(RowKind::kSettle, 1, {100, 100})), BooksFault::kUnknownAccount);
}

TEST_F(LedgerBooks, NeverOpensAMonthThatIsOver) {
  month = {683};
  EXPECT_FALSE(apply(row(RowKind::kMonth)));
  EXPECT_EQ(apply(row(RowKind::kMonth)), BooksFault::kMonthWentBack);
  month = kNovember;
  EXPECT_EQ(apply(row(RowKind::kMonth)), BooksFault::kMonthWentBack);
  EXPECT_EQ(apply(row(RowKind::kReserve, 1, {1, 1})), BooksFault::kOtherMonth);
}

TEST_F(LedgerBooks, BeginsEachMonthWithNothingSpent) {
  EXPECT_FALSE(apply(row(RowKind::kReserve, 1, {100, 100})));
  EXPECT_FALSE(apply(row(RowKind::kSettle, 1, {100, 100})));
  EXPECT_FALSE(apply(row(RowKind::kReserve, 2, {100, 100})));
  month = {683};
  EXPECT_FALSE(apply(row(RowKind::kMonth)));
  EXPECT_TRUE(books.spent().is_none());
  EXPECT_TRUE(books.reserved().empty());
}

TEST_F(LedgerBooks, NoticesAMissingRow) {
  Row skipped = row(RowKind::kReserve, 1, {1, 1});
  ++skipped.number;
  EXPECT_EQ(apply(skipped), BooksFault::kNumber);
}

TEST_F(LedgerBooks, BeginsWithAMonth) {
  EXPECT_TRUE(Books().apply({.number = 1, .kind = RowKind::kMonth, .month = kNovember}));
  const auto other = Books().apply({.number = 1, .kind = RowKind::kReserve, .month = kNovember});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error(), BooksFault::kNotBegun);
}

TEST_F(LedgerBooks, RefusesMoreThanCanBeCounted) {
  EXPECT_EQ(apply(row(RowKind::kReserve, 1, {kMaxBytes + 1, 0})), BooksFault::kTooMuch);
  EXPECT_FALSE(apply(row(RowKind::kReserve, 1, {kMaxBytes, kMaxBytes})));
  EXPECT_FALSE(apply(row(RowKind::kReserve, 2, {kMaxBytes, kMaxBytes})));
  EXPECT_EQ(apply(row(RowKind::kReserve, 3, {1, 0})), BooksFault::kTooMuch);
}

TEST_F(LedgerBooks, RemembersGrantsUntilTheyAreRevoked) {
  Row grant = row(RowKind::kGrant);
  grant.party.fill(3);
  grant.tier = Tier::kPremium;
  grant.until_ms = 77;
  EXPECT_FALSE(apply(grant));
  EXPECT_EQ(books.grants().at(grant.party), (TierGrant{Tier::kPremium, WallTime{77}}));
  grant = row(RowKind::kRevoke);
  grant.party.fill(3);
  EXPECT_FALSE(apply(grant));
  EXPECT_TRUE(books.grants().empty());
}

TEST_F(LedgerBooks, HoldsALimitedNumberOfGrants) {
  for (std::size_t i = 0; i <= kMaxGrants; ++i) {
    Row grant = row(RowKind::kGrant);
    grant.party[0] = static_cast<std::uint8_t>(i);
    grant.party[1] = static_cast<std::uint8_t>(i >> 8U);
    const auto fault = apply(grant);
    EXPECT_EQ(fault, i < kMaxGrants ? std::nullopt : std::optional(BooksFault::kTooMuch));
  }
}

}  // namespace
}  // namespace turnpike::budget
