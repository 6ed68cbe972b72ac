#include "crypto/sign.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::crypto {
namespace {

TEST(SigningKey, AgreesWithRfc8032Test2) {
  const SigningKey key(*digest_from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(to_hex(key.public_key()), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(key.sign(Bytes{0x72})),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4"
            "302aeeb00d291612bb0c00");
}

TEST(Verify, RefusesAnotherMessageAnotherKeyAndATruncation) {
  SeededRandom random(1);
  const SigningKey key = SigningKey::generate(random);
  const Signature signature = key.sign(bytes_of("hello"));
  EXPECT_TRUE(verify(key.public_key(), bytes_of("hello"), signature));
  EXPECT_FALSE(verify(key.public_key(), bytes_of("hullo"), signature));
  EXPECT_FALSE(verify(SigningKey::generate(random).public_key(), bytes_of("hello"), signature));
  EXPECT_FALSE(verify(key.public_key(), bytes_of("hello"), ByteView(signature).first(63)));
}

}  // namespace
}  // namespace turnpike::crypto
