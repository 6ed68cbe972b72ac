#include "base/hex.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(Hex, ComesBackAsItWasWritten) {
  const Bytes bytes{0x00, 0x0f, 0xf0, 0xff};
  EXPECT_EQ(to_hex(bytes), "000ff0ff");
  EXPECT_EQ(from_hex("000ff0ff"), bytes);
}

TEST(Hex, HasOneSpelling) {
  for (const char* text : {"0", "0F", "0g", " 0", "0x"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Hex, MakesADigestOfExactly64Digits) {
  EXPECT_TRUE(digest_from_hex(std::string(64, 'a')));
  EXPECT_FALSE(digest_from_hex(std::string(63, 'a')));
  EXPECT_FALSE(digest_from_hex(std::string(66, 'a')));
}

}  // namespace
}  // namespace turnpike
