#include "text.h"

#include <gtest/gtest.h>

namespace turnpike::cli {
namespace {

TEST(Text, GivesBytesOneDecimalAndTheUnitThatFits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes((1U << 20U) - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes(64ULL << 20U), "64.0 MiB");
  EXPECT_EQ(format_bytes(1ULL << 40U), "1.0 TiB");
  EXPECT_EQ(format_rate(8.5e6), "8.1 MiB/s");
  EXPECT_EQ(format_rate(-1), "0 B/s");
}

TEST(Text, GivesTimesInTheTwoUnitsThatMatter) {
  EXPECT_EQ(format_duration(0.44), "0.4 s");
  EXPECT_EQ(format_duration(12.3), "12 s");
  EXPECT_EQ(format_duration(185), "3 min 5 s");
  EXPECT_EQ(format_duration(7800), "2 h 10 min");
  EXPECT_EQ(format_duration(100 * 3600), "4 d 4 h");
  EXPECT_EQ(format_duration(-1), "?");
  EXPECT_EQ(format_duration(1e300), "?");
}

TEST(Text, ReadsSizesWithAndWithoutUnits) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("10GB"), 10'000'000'000U);
  EXPECT_EQ(parse_size("64 GiB"), 64ULL << 30U);
}

TEST(Text, RefusesSizesThatAreNone) {
  for (const char* bad :
       {"", "GB", "-1", "1.5GB", "1 XB", "1gib", "18446744073709551616", "18446744073709551615KB", "1  B"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
}

TEST(Text, ShortensOnlyWhatIsLong) {
  EXPECT_EQ(shorten("abc"), "abc");
  EXPECT_EQ(shorten(std::string(64, 'a')), "aaaaaaaaaaaa…");
}

TEST(Table, AlignsColumnsByWhatIsSeenNotByBytes) {
  Table table({"A", "B", "C"});
  table.add({"äö", "1", "x"});
  table.add({"longer", "", ""});
  EXPECT_EQ(table.to_string(), "A       B  C\näö      1  x\nlonger\n");
}

}  // namespace
}  // namespace turnpike::cli
