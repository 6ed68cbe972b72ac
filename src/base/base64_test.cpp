#include "base/base64.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(Base64Url, AgreesWithThePublishedVectors) {  // RFC 4648, section 10, without padding
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64url(bytes_of(plain)), text);
    EXPECT_EQ(from_base64url(text), copy_of(bytes_of(plain)));
  }
}

TEST(Base64Url, UsesTheUrlAlphabet) { EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff, 0xfe}), "-__-"); }

TEST(Base64Url, HasOneSpelling) {
  for (const char* text : {"Zg==", "Zh", "Z", "Zm9vY", "+_", "Zm8="}) EXPECT_FALSE(from_base64url(text)) << text;
}

}  // namespace
}  // namespace turnpike
