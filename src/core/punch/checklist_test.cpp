#include "core/punch/checklist.h"

#include <gtest/gtest.h>

namespace turnpike::punch {
namespace {

PairKey pair(unsigned number) { return {0, {IpAddress::v4(203, 0, 113, 9), static_cast<std::uint16_t>(number)}}; }

TEST(PunchChecklist, HoldsABoundedNumberOfPairs) {
  Checklist list;
  for (unsigned i = 0; i < kMaxPairs; ++i) EXPECT_NE(list.add(pair(i), {}), nullptr);
  EXPECT_EQ(list.add(pair(kMaxPairs), {}), nullptr);
  EXPECT_EQ(list.add(pair(7), {}), list.find(pair(7))) << "one that is there needs no room";
}

TEST(PunchChecklist, ForgetsTheOldestOfTooManyChecks) {
  Checklist list;
  const auto id = [](unsigned i) {
    return stun::TransactionId{static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U)};
  };
  for (unsigned i = 0; i <= kMaxTransactions; ++i) list.remember(id(i), {.pair = pair(i), .at = {}});
  EXPECT_EQ(list.transactions(), kMaxTransactions);
  EXPECT_FALSE(list.take(id(0)));
  EXPECT_EQ(list.take(id(1))->pair, pair(1));
  EXPECT_FALSE(list.take(id(1))) << "an answer counts once";
}

TEST(PunchChecklist, TheBestIsTheWorthiestThatWasAnswered) {
  Checklist list;
  list.add(pair(1), {.priority = 9});
  EXPECT_FALSE(list.best_valid());
  list.add(pair(2), {.priority = 3, .valid = true});
  list.add(pair(3), {.priority = 5, .valid = true});
  EXPECT_EQ(list.best_valid(), pair(3));
}

}  // namespace
}  // namespace turnpike::punch
