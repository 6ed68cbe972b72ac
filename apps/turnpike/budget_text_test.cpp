#include "budget_text.h"

#include <gtest/gtest.h>

namespace turnpike::cli {
namespace {

using budget::MicroUsd;

TEST(BudgetText, ReadsDollarsToAMillionth) {
  EXPECT_EQ(parse_usd("20", budget::kMaxBudget), MicroUsd{20'000'000});
  EXPECT_EQ(parse_usd("0.09", budget::kMaxPrice), MicroUsd{90'000});
  EXPECT_EQ(parse_usd("0.018000", budget::kMaxBudget), MicroUsd{18'000});
  EXPECT_EQ(parse_usd("1000000", budget::kMaxBudget), budget::kMaxBudget);
}

TEST(BudgetText, RefusesWhatIsNoAmount) {
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "$5", "0.0000001", "1000000.000001",
                           "2000000", "18446744073709551616", "1.2.3", " 1", "0.-1"}) {
    EXPECT_FALSE(parse_usd(text, budget::kMaxBudget)) << text;
  }
}

TEST(BudgetText, ReadsDatesInUtc) {
  EXPECT_EQ(parse_date("2026-12-01"), WallTime{1'796'083'200'000});
  EXPECT_EQ(parse_date("2026-11-30T23:00:00Z"), WallTime{1'796'083'200'000 - 3'600'000});
  for (const char* text : {"", "2026", "2026-13-01", "2026-02-30", "2026-12-01T", "2026-12-01T24:00:00Z",
                           "2026-12-01T10:00:00", "2026-12-01 10:00:00Z", "1969-12-31", "2026-12-01x"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(BudgetText, WritesDatesAsItReadsThem) { EXPECT_EQ(format_date({1'796'083'200'000}), "2026-12-01 00:00 UTC"); }

TEST(BudgetText, ReadsATier) {
  budget::TierTable table;
  EXPECT_TRUE(take_tier(table, "basic=20:3:7"));
  EXPECT_EQ(table.of(budget::Tier::kBasic).bytes_per_second, 2'500'000U);
  EXPECT_EQ(table.of(budget::Tier::kBasic).sessions, 3U);
  EXPECT_EQ(table.of(budget::Tier::kBasic).weight, 7U);
  EXPECT_TRUE(take_tier(table, "free=unlimited:4096:1000"));
  EXPECT_EQ(table.of(budget::Tier::kFree).bytes_per_second, 0U);
}

TEST(BudgetText, RefusesATierThatCannotBe) {
  budget::TierTable table;
  for (const char* text : {"", "gold=1:1:1", "free", "free=0:1:1", "free=1:0:1", "free=1:1:0", "free=1:1",
                           "free=1:1:1:1", "free=1:4097:1", "free=1:1:1001", "free=1000001:1:1"}) {
    EXPECT_FALSE(take_tier(table, text)) << text;
  }
}

TEST(BudgetText, ReadsFreeGigabytesAndCounts) {
  EXPECT_EQ(parse_free_gb("100"), 100 * budget::kGigabyte);
  EXPECT_FALSE(parse_free_gb("1.5"));
  EXPECT_FALSE(parse_free_gb("99999999"));
  EXPECT_EQ(parse_count("64"), 64U);
  EXPECT_FALSE(parse_count("0"));
  EXPECT_FALSE(parse_count("4294967296"));
}

}  // namespace
}  // namespace turnpike::cli
