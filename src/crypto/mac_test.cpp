#include "crypto/mac.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::crypto {
namespace {

TEST(Hmac, AgreesWithRfc4231Case2) {
  EXPECT_EQ(to_hex(hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(HmacSha1, AgreesWithRfc2202Case2) {
  EXPECT_EQ(to_hex(hmac_sha1(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(Hmac, TakesAnEmptyKey) { EXPECT_EQ(hmac_sha256({}, {}), hmac_sha256(Bytes(64, 0), {})); }

TEST(Hkdf, AgreesWithRfc5869Case1) {
  EXPECT_EQ(to_hex(hkdf_sha256(Bytes(22, 0x0b), *from_hex("000102030405060708090a0b0c"),
                               *from_hex("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(ConstantTimeEqual, TellsDifferenceAndLength) {
  EXPECT_TRUE(equal_in_constant_time(bytes_of("abc"), bytes_of("abc")));
  EXPECT_FALSE(equal_in_constant_time(bytes_of("abc"), bytes_of("abd")));
  EXPECT_FALSE(equal_in_constant_time(bytes_of("abc"), bytes_of("ab")));
}

}  // namespace
}  // namespace turnpike::crypto
