#include "crypto/hash.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::crypto {
namespace {

TEST(Sha256, AgreesWithThePublishedVectors) {  // FIPS 180-4 examples
  EXPECT_EQ(to_hex(sha256(bytes_of("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(ByteView{})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Md5, AgreesWithRfc1321) { EXPECT_EQ(to_hex(md5(bytes_of("message digest"))), "f96b697d7cb7938d525a2f31aaf161d0"); }

TEST(Sha256, IsTheSameInParts) {
  Sha256 hash;
  hash.update(bytes_of("a"));
  hash.update(bytes_of("bc"));
  EXPECT_EQ(hash.finish(), sha256(bytes_of("abc")));
  EXPECT_EQ(sha256({bytes_of("ab"), bytes_of(""), bytes_of("c")}), sha256(bytes_of("abc")));
}

}  // namespace
}  // namespace turnpike::crypto
