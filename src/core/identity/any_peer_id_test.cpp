#include "core/identity/any_peer_id.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::identity {
namespace {

TEST(IdentityAnyPeerId, IsTheKeyItselfForShortKeysAndTheHashForLongOnes) {
  const PublicKey ed25519 = PublicKey::of(PeerId{Digest{1}});
  const PublicKey secp256k1{KeyType::kSecp256k1, Bytes(33, 2)};
  const PublicKey rsa{KeyType::kRsa, Bytes(294, 3)};
  EXPECT_TRUE(AnyPeerId::of(ed25519).to_string().starts_with("12D3KooW"));
  EXPECT_TRUE(AnyPeerId::of(secp256k1).to_string().starts_with("16Uiu2HA"));
  EXPECT_TRUE(AnyPeerId::of(rsa).to_string().starts_with("Qm"));
  EXPECT_EQ(AnyPeerId::of(secp256k1).key(), secp256k1);
  EXPECT_FALSE(AnyPeerId::of(rsa).key()) << "a hash holds no key";
}

TEST(IdentityAnyPeerId, IsTheSameAsOurOwnKindForAnEd25519Key) {
  const PeerId peer{Digest{9}};
  EXPECT_EQ(AnyPeerId(peer), AnyPeerId::of(PublicKey::of(peer)));
  EXPECT_EQ(AnyPeerId(peer).ed25519(), peer);
}

// Spelled by js-libp2p's and go-libp2p's own documentation: one RSA peer in base58 and as a CIDv1 in base32.
TEST(IdentityAnyPeerId, ReadsEverySpelling) {
  const auto base58 = AnyPeerId::parse("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");
  const auto base32 = AnyPeerId::parse("bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe");
  ASSERT_TRUE(base58);
  ASSERT_TRUE(base32);
  EXPECT_EQ(*base58, *base32);
  EXPECT_EQ(AnyPeerId::parse("f0172" + to_hex(base58->to_bytes())), base58);
}

TEST(IdentityAnyPeerId, ReadsBase36) {
  // The 40 bytes 01 72 00 24 08 01 12 20 and 32 zero bytes, spelled by Python.
  EXPECT_EQ(AnyPeerId::parse("k51qzi5uqu5dg6l7sg2ssb5uefnq8g7g1d6n6j2zsio0o0k7snyb11p8myhxxc"), AnyPeerId(PeerId{}));
  EXPECT_FALSE(AnyPeerId::parse("k"));
}

TEST(IdentityAnyPeerId, RefusesWhatIsNoPeerId) {
  for (const char* const text : {"", "1", "Qm", "bafz", "12D3KooW", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5",
                                 "bafkreie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe",  // codec raw
                                 "x0172", "f01"}) {
    EXPECT_FALSE(AnyPeerId::parse(text)) << text;
  }
  EXPECT_FALSE(AnyPeerId::from_bytes(*from_hex("1220aa"))) << "shorter than it says";
  EXPECT_FALSE(AnyPeerId::from_bytes(*from_hex("0001ff"))) << "an identity hash of no key";
  EXPECT_FALSE(AnyPeerId::from_bytes(*from_hex("1114" + std::string(40, 'a')))) << "SHA-1";
}

}  // namespace
}  // namespace turnpike::identity
