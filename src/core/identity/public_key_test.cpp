#include "core/identity/public_key.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::identity {
namespace {

// The test vector of the libp2p peer-ids specification.
const Bytes kEd25519 = *from_hex("080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e");

TEST(IdentityPublicKey, ReadsTheVectorOfTheSpecification) {
  const auto key = PublicKey::decode(kEd25519);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->type, KeyType::kEd25519);
  EXPECT_EQ(key->encode(), kEd25519);
  EXPECT_EQ(key->peer_id()->to_string(), "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq");
}

TEST(IdentityPublicKey, HoldsASignatureToItsMessage) {
  const crypto::SigningKey signer{Digest{7}};
  const PublicKey key = PublicKey::of({signer.public_key()});
  const auto signature = signer.sign(bytes_of("yes"));
  EXPECT_TRUE(key.verify(bytes_of("yes"), signature));
  EXPECT_FALSE(key.verify(bytes_of("no"), signature));
}

TEST(IdentityPublicKey, ReadsOneFormOnly) {
  for (const char* const text : {
           "",                                                                            // nothing
           "0801",                                                                        // no data
           "12201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e0801",    // fields swapped
           "080412201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e",    // unknown type
           "08811012201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e",  // a larger one
           "0801121f1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce2",      // 31 bytes
           "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e00",  // a byte too many
       }) {
    EXPECT_FALSE(PublicKey::decode(*from_hex(text))) << text;
  }
}

TEST(IdentityPublicKey, RefusesAKeyLongerThanAnyHonestOne) {
  PublicKey key{KeyType::kRsa, Bytes(kMaxKeySize, 1)};
  EXPECT_TRUE(PublicKey::decode(key.encode()));
  key.data.push_back(1);
  EXPECT_FALSE(PublicKey::decode(key.encode()));
}

}  // namespace
}  // namespace turnpike::identity
