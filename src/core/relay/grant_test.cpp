#include "core/relay/grant.h"

#include <gtest/gtest.h>

namespace turnpike::relay {
namespace {

TEST(RelayQuote, ComesBackAsItWasWritten) {
  const Quote quote{17179869184, 0, WallTime{1795362000000}};
  EXPECT_EQ(quote.to_string(), "bytes=17179869184;rate=0;until=1795362000000");
  EXPECT_EQ(Quote::parse(quote.to_string()), quote);
}

TEST(RelayQuote, RefusesAnyOtherSpelling) {
  for (const std::string_view text :
       {"", "bytes=1", "bytes=1;rate=1", "bytes=1;rate=1;until=", "bytes=;rate=1;until=1", "rate=1;bytes=1;until=1",
        "bytes=1;rate=1;until=1;", "bytes=-1;rate=1;until=1", "bytes=01;rate=1;until=1", "bytes=1;rate=1;until=1 ",
        "bytes=18446744073709551616;rate=1;until=1"}) {
    EXPECT_FALSE(Quote::parse(text)) << text;
  }
}

TEST(RelaySessionId, IsThirtyTwoLowerCaseHexDigits) {
  const SessionId id{{0xab, 1}};
  EXPECT_EQ(id.to_string(), "ab010000000000000000000000000000");
  EXPECT_EQ(SessionId::parse(id.to_string()), id);
  for (const std::string_view text : {"", "ab", "AB010000000000000000000000000000", "ab0100000000000000000000000000000",
                                      "../10000000000000000000000000000"}) {
    EXPECT_FALSE(SessionId::parse(text)) << text;
  }
}

TEST(RelayCredential, IsFortyThreeCharactersOfBase64Url) {
  const Credential credential{{0xff, 0xfe, 3}};
  EXPECT_EQ(credential.to_string().size(), 43U);
  EXPECT_EQ(Credential::parse(credential.to_string()), credential);
  EXPECT_FALSE(Credential::parse(""));
  EXPECT_FALSE(Credential::parse(credential.to_string() + "="));
  EXPECT_FALSE(Credential::parse(credential.to_string().substr(1)));
}

}  // namespace
}  // namespace turnpike::relay
