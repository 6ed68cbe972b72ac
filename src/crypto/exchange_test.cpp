#include "crypto/exchange.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::crypto {
namespace {

TEST(Agree, AgreesWithRfc7748Section52) {  // the first vector of X25519(scalar, u)
  const auto shared = agree(*digest_from_hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                            *digest_from_hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"));
  ASSERT_TRUE(shared);
  EXPECT_EQ(to_hex(*shared), "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

TEST(Agree, GivesBothEndsTheSameSecret) {
  SeededRandom random(1);
  const ExchangeKey a = ExchangeKey::generate(random);
  const ExchangeKey b = ExchangeKey::generate(random);
  EXPECT_EQ(agree(a.secret, b.public_key), agree(b.secret, a.public_key));
}

TEST(Agree, RefusesPointsOfSmallOrder) {
  SeededRandom random(1);
  Digest one{};
  one[0] = 1;
  EXPECT_FALSE(agree(random.array<32>(), Digest{}));
  EXPECT_FALSE(agree(random.array<32>(), one));
}

TEST(ExchangeKey, OfASigningKeyFitsTheOneOthersDeriveFromItsPublicKey) {
  SeededRandom random(7);
  for (int i = 0; i < 20; ++i) {
    const SigningKey key = SigningKey::generate(random);
    EXPECT_EQ(ExchangeKey::of(key).public_key, exchange_key_of(key.public_key()));
  }
}

TEST(ExchangeKey, RefusesTheIdentityPoint) {
  Digest one{};
  one[0] = 1;
  EXPECT_FALSE(exchange_key_of(one));
}

}  // namespace
}  // namespace turnpike::crypto
