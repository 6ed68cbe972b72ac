#include "core/budget/money.h"

#include <gtest/gtest.h>

namespace turnpike::budget {
namespace {

TEST(BudgetMoney, ChargesAGigabyteItsPrice) {
  const Plan plan{.per_gb_out = {90'000}};
  EXPECT_EQ(plan.cost_of({kGigabyte, kGigabyte}), MicroUsd{90'000});
  EXPECT_EQ(plan.cost_of({0, 200'000'000}), MicroUsd{18'000});
}

TEST(BudgetMoney, RoundsUpSoThatNoByteIsFree) {
  const Plan plan{.per_gb_out = {90'000}};
  EXPECT_EQ(plan.cost_of({0, 1}), MicroUsd{1});
  EXPECT_EQ(plan.cost_of({0, kGigabyte + 1}), MicroUsd{90'001});
}

TEST(BudgetMoney, ChargesWhatComesInApart) {
  const Plan plan{.per_gb_out = {90'000}, .per_gb_in = {10'000}};
  EXPECT_EQ(plan.cost_of({2 * kGigabyte, kGigabyte}), MicroUsd{110'000});
}

TEST(BudgetMoney, CountsTheFreeBytesOfAMonthAndTheFixedCost) {
  const Plan plan{.per_gb_out = {90'000}, .fixed = {5'000'000}, .free_bytes = 100 * kGigabyte};
  EXPECT_EQ(plan.cost_of({100 * kGigabyte, 100 * kGigabyte}), MicroUsd{5'000'000});
  EXPECT_EQ(plan.cost_of({101 * kGigabyte, 101 * kGigabyte}), MicroUsd{5'090'000});
}

TEST(BudgetMoney, KnowsToTheByteWhatStillFits) {
  const Plan plan{.budget = {18'000}, .per_gb_out = {90'000}};
  EXPECT_EQ(plan.room_beside({}, Way::kThrough), 200'000'000U);
  EXPECT_EQ(plan.room_beside({150'000'000, 150'000'000}, Way::kThrough), 50'000'000U);
  EXPECT_EQ(plan.room_beside({200'000'000, 200'000'000}, Way::kThrough), 0U);
  EXPECT_EQ(plan.room_beside({900'000'000, 900'000'000}, Way::kThrough), 0U);
}

TEST(BudgetMoney, HasNoRoomWhereTheFixedCostEatsTheBudget) {
  const Plan plan{.budget = {1'000'000}, .fixed = {2'000'000}};
  EXPECT_EQ(plan.room_beside({}, Way::kOutward), 0U);
}

TEST(BudgetMoney, StopsCountingAtAPetabyte) {
  const Plan free_of_charge{.per_gb_out = {0}};
  EXPECT_EQ(free_of_charge.room_beside({}, Way::kThrough), kMaxBytes);
  EXPECT_EQ(free_of_charge.room_beside({kMaxBytes, kMaxBytes}, Way::kThrough), 0U);
  const Plan dearest{.budget = kMaxBudget, .per_gb_out = kMaxPrice, .per_gb_in = kMaxPrice};
  EXPECT_EQ(dearest.room_beside({}, Way::kOutward), 1'000 * kGigabyte);
  EXPECT_GT(dearest.cost_of({UINT64_MAX, UINT64_MAX}), kMaxBudget);
}

TEST(BudgetMoney, ReservesTheQuestionsBesideWhatIsFetched) {
  const Traffic traffic = traffic_of(Way::kInward, 32 << 20U);
  EXPECT_EQ(traffic.in, 32U << 20U);
  EXPECT_EQ(traffic.out, (1U << 20U) + (64U << 10U));
  EXPECT_EQ(traffic_of(Way::kOutward, 7), (Traffic{0, 7}));
  EXPECT_TRUE(traffic_of(Way::kInward, 0).is_none());
}

}  // namespace
}  // namespace turnpike::budget
