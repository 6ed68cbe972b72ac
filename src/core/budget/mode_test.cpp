#include "core/budget/mode.h"

#include <gtest/gtest.h>

namespace turnpike::budget {
namespace {

TEST(BudgetMode, FollowsTheProjection) {
  EXPECT_EQ(mode_after(Mode::kNormal, 7'000, 0), Mode::kNormal);
  EXPECT_EQ(mode_after(Mode::kNormal, 7'001, 0), Mode::kWarning);
  EXPECT_EQ(mode_after(Mode::kNormal, 8'500, 0), Mode::kWarning);
  EXPECT_EQ(mode_after(Mode::kNormal, 8'501, 0), Mode::kPremiumOnly);
  EXPECT_EQ(mode_after(Mode::kNormal, 9'500, 0), Mode::kPremiumOnly);
  EXPECT_EQ(mode_after(Mode::kNormal, 9'501, 0), Mode::kFinishQuotes);
}

TEST(BudgetMode, NeverShutsDownByProjection) {
  EXPECT_EQ(mode_after(Mode::kNormal, 1'000'000, 9'799), Mode::kFinishQuotes);
  EXPECT_EQ(mode_after(Mode::kNormal, 0, 9'800), Mode::kSpent);
}

TEST(BudgetMode, EndsFivePerCentBelowWhereItBegan) {
  EXPECT_EQ(mode_after(Mode::kWarning, 6'500, 0), Mode::kWarning);
  EXPECT_EQ(mode_after(Mode::kWarning, 6'499, 0), Mode::kNormal);
  EXPECT_EQ(mode_after(Mode::kPremiumOnly, 8'000, 0), Mode::kPremiumOnly);
  EXPECT_EQ(mode_after(Mode::kPremiumOnly, 7'999, 0), Mode::kWarning);
  EXPECT_EQ(mode_after(Mode::kFinishQuotes, 9'000, 0), Mode::kFinishQuotes);
  EXPECT_EQ(mode_after(Mode::kFinishQuotes, 8'999, 0), Mode::kPremiumOnly);
}

TEST(BudgetMode, FallsThroughSeveralAtOnce) { EXPECT_EQ(mode_after(Mode::kFinishQuotes, 100, 0), Mode::kNormal); }

TEST(BudgetMode, IsNoLatchWhenTheMonthIsNew) { EXPECT_EQ(mode_after(Mode::kSpent, 0, 0), Mode::kNormal); }

}  // namespace
}  // namespace turnpike::budget
