#include "base/authority.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(Authority, IsAHostAndPerhapsAPort) {
  EXPECT_EQ(Authority::parse("Boot.Example"), (Authority{"boot.example", std::nullopt}));
  EXPECT_EQ(Authority::parse("boot.example:8443"), (Authority{"boot.example", 8443}));
  EXPECT_EQ(Authority::parse("198.51.100.7:80"), (Authority{"198.51.100.7", 80}));
}

TEST(Authority, WritesAnIpv6LiteralWithoutItsBrackets) {
  EXPECT_EQ(Authority::parse("[2001:DB8::1]:443"), (Authority{"2001:db8::1", 443}));
  EXPECT_EQ(Authority::parse("[::1]"), (Authority{"::1", std::nullopt}));
}

TEST(Authority, RefusesEverythingElse) {
  for (const char* text : {"", ":80", "host:", "host:0", "host:65536", "host:8o", "ho st", "host/", "ann@host", "[::1",
                           "[::1]x", "[198.51.100.7]", "::1", "[]"}) {
    EXPECT_FALSE(Authority::parse(text)) << text;
  }
}

TEST(Authority, HoldsANameToItsLimit) {
  EXPECT_TRUE(Authority::parse(std::string(kMaxHostSize, 'a')));
  EXPECT_FALSE(Authority::parse(std::string(kMaxHostSize + 1, 'a')));
}

}  // namespace
}  // namespace turnpike
