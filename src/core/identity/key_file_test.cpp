#include "core/identity/key_file.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::identity {
namespace {

// The Ed25519 private key of the libp2p peer-ids specification.
constexpr std::string_view kPublished =
    "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
    "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";

TEST(KeyFile, ReadsAndWritesThePublishedVector) {
  const Bytes bytes = *from_hex(kPublished);
  const auto key = decode_key_file(bytes);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->public_key()), "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e");
  EXPECT_EQ(encode_key_file(*key), bytes);
  EXPECT_EQ(bytes.size(), kKeyFileSize);
}

TEST(KeyFile, RefusesEveryTruncationAndATail) {
  Bytes bytes = *from_hex(kPublished);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_key_file(ByteView(bytes).first(size)));
  bytes.push_back(0);
  EXPECT_FALSE(decode_key_file(bytes));
}

TEST(KeyFile, RefusesAPublicKeyThatIsNotTheSeeds) {
  Bytes bytes = *from_hex(kPublished);
  bytes.back() ^= 1U;
  EXPECT_FALSE(decode_key_file(bytes));
}

TEST(KeyFile, RefusesOtherKeyTypes) {
  Bytes bytes = *from_hex(kPublished);
  bytes[1] = 2;  // secp256k1
  EXPECT_FALSE(decode_key_file(bytes));
}

}  // namespace
}  // namespace turnpike::identity
