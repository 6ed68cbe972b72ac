#include "core/budget/month.h"

#include <gtest/gtest.h>

namespace turnpike::budget {
namespace {

TEST(BudgetMonth, BeginsAtMidnightUtcOfTheFirst) {
  const WallTime november{1'793'491'200'000};  // 2026-11-01T00:00:00Z
  EXPECT_EQ(Month::of(november).to_string(), "2026-11");
  EXPECT_EQ(Month::of(november).begin(), november);
  EXPECT_EQ(Month::of(WallTime{november.unix_ms - 1}).to_string(), "2026-10");
}

TEST(BudgetMonth, EndsWhereTheNextBegins) {
  const Month december = Month::of({1'798'000'000'000});
  EXPECT_EQ(december.to_string(), "2026-12");
  EXPECT_EQ(Month::of(december.end()).to_string(), "2027-01");
  EXPECT_EQ(december.end().unix_ms - december.begin().unix_ms, 31U * 86'400'000U);
}

TEST(BudgetMonth, KnowsLeapYears) {
  const Month february{(2028 - 1970) * 12 + 1};
  EXPECT_EQ(february.end().unix_ms - february.begin().unix_ms, 29U * 86'400'000U);
}

TEST(BudgetMonth, TakesAnImpossibleDateForTheLastOne) {
  EXPECT_EQ(Month::of({UINT64_MAX}).to_string(), "9999-12");
  EXPECT_EQ(Month::of({0}).to_string(), "1970-01");
}

}  // namespace
}  // namespace turnpike::budget
