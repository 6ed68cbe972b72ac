#include "core/budget/tier.h"

#include <gtest/gtest.h>

namespace turnpike::budget {
namespace {

TEST(BudgetTier, IsReadByTheNameItIsWrittenBy) {
  for (const Tier tier : kAllTiers) EXPECT_EQ(parse_tier(name_of(tier)), tier);
  EXPECT_FALSE(parse_tier("Premium"));
  EXPECT_FALSE(parse_tier(""));
}

TEST(BudgetTier, GivesEachTierMoreThanTheOneBelow) {
  const TierTable table;
  for (std::size_t i = 1; i < kAllTiers.size(); ++i) {
    const TierTerms& below = table.of(kAllTiers[i - 1]);
    const TierTerms& above = table.of(kAllTiers[i]);
    EXPECT_GT(above.bytes_per_second, below.bytes_per_second);
    EXPECT_GT(above.sessions, below.sessions);
    EXPECT_GT(above.weight, below.weight);
  }
}

TEST(BudgetTier, HoldsUntilItsInstantAndNotAtIt) {
  const TierGrant grant{Tier::kPremium, WallTime{1000}};
  EXPECT_TRUE(grant.holds({999}));
  EXPECT_FALSE(grant.holds({1000}));
  EXPECT_TRUE((TierGrant{Tier::kPremium, std::nullopt}.holds({UINT64_MAX})));
}

}  // namespace
}  // namespace turnpike::budget
