#include "base/base58.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike {
namespace {

TEST(Base58, AgreesWithThePublishedVectors) {  // draft-msporny-base58-03, section 5
  EXPECT_EQ(to_base58(bytes_of("Hello World!")), "2NEpo7TZRRrLZSi2U");
  EXPECT_EQ(to_base58(*from_hex("0000287fb4cd")), "11233QC4");
  EXPECT_EQ(from_base58("11233QC4"), from_hex("0000287fb4cd"));
}

TEST(Base58, ComesBackAsItWasWritten) {
  for (std::size_t size : {0U, 1U, 38U, 128U}) {
    Bytes bytes(size, 0xff);
    if (size > 1) bytes.front() = 0;
    EXPECT_EQ(from_base58(to_base58(bytes)), bytes) << size;
  }
}

TEST(Base58, RefusesForeignCharactersAndGreatLengths) {
  for (const char* text : {"0", "O", "I", "l", " ", "12D3+"}) EXPECT_FALSE(from_base58(text)) << text;
  EXPECT_FALSE(from_base58(std::string(kMaxBase58Bytes + 1, '1')));
  EXPECT_FALSE(from_base58(std::string(4096, 'z')));
}

}  // namespace
}  // namespace turnpike
