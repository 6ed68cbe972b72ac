#include "core/quic/certificate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.h"
#include "core/quic/certificate_test_support.h"

namespace turnpike::quic {
namespace {

constexpr WallTime kNow{1'800'000'000'000};
constexpr std::uint64_t kDay = 24ULL * 3600 * 1000;

/// Made by @chainsafe/libp2p-quic 2.1.1.
constexpr std::string_view kOfJsLibp2p =
    "3082018430820129a00302010202140a6149a82e485c4172047e8c94fac880cdfa448d300a06082a8648ce3d040302300030"
    "20170d3735303130313030303030305a180f34303936303130313030303030305a30003059301306072a8648ce3d02010608"
    "2a8648ce3d030107034200040dce51cad882c11d9c2348be4b608c21d5c5211752cf3926fa4fa587ac44c4b004456a2e377f"
    "eeaca54e65d74d6989437fe2bbd8feb398d5357f34923ff6c6cfa37f307d307b060a2b0601040183a25a01010101ff046a30"
    "68042408011220a6fda999fdaae035c4d495e6fd28de9653bf9128497cfe09bc6725aee3fd9be304405c07d5b1e5fbaa7380"
    "cb2dcfd5b50a416bf9a5e68321c5528b61b52d9698a6d04a3e94badd623701dd3bc24f93a9b9a8a82da9a1c57e9d52562419"
    "2cd0e3af09300a06082a8648ce3d0403020349003046022100ad49b9596002a9325912ec5852920b25b94d98ef5a45f4ca6f"
    "774d45cd3302270221008b48098017c7df8f8250ad25cd2c42f9e439af05369105ba94b6c2615e246fcf";

TEST(QuicCertificate, NamesTheIdentityThatMadeIt) {
  SeededRandom random(1);
  const auto key = crypto::SigningKey::generate(random);
  const Certificate made = make_certificate(key, kNow);
  const auto peer = read_certificate(made.der, kNow);
  ASSERT_TRUE(peer) << static_cast<int>(peer.error());
  EXPECT_EQ(peer->public_key, key.public_key());
}

TEST(QuicCertificate, IsReadAsJsLibp2pWritesItWithTheExtensionCritical) {
  const auto peer = read_certificate(*from_hex(kOfJsLibp2p), kNow);
  ASSERT_TRUE(peer) << static_cast<int>(peer.error());
  EXPECT_EQ(to_hex(peer->public_key), "a6fda999fdaae035c4d495e6fd28de9653bf9128497cfe09bc6725aee3fd9be3");
}

TEST(QuicCertificate, HoldsOnlyInItsTime) {
  SeededRandom random(1);
  const Certificate made = make_certificate(crypto::SigningKey::generate(random), kNow);
  EXPECT_EQ(read_certificate(made.der, {kNow.unix_ms - kDay}).error(), CertificateError::kNotNow);
  EXPECT_EQ(read_certificate(made.der, {kNow.unix_ms + 101 * 365 * kDay}).error(), CertificateError::kNotNow);
}

TEST(QuicCertificate, IsRefusedWithoutItsExtension) {
  EXPECT_EQ(read_certificate(forged_certificate({}, kNow).der, kNow).error(), CertificateError::kNoExtension);
}

TEST(QuicCertificate, IsRefusedWithAnExtensionThatCannotBeRead) {
  SeededRandom random(2);
  const Certificate good = make_certificate(crypto::SigningKey::generate(random), kNow);
  for (const Bytes& extension :
       {Bytes{0x30, 0x00}, Bytes{0x30, 0x02, 0x04, 0x00}, Bytes{0x04, 0x00}, Bytes(300, 0x30)}) {
    EXPECT_EQ(read_certificate(forged_certificate(extension, kNow).der, kNow).error(), CertificateError::kNoExtension);
  }
}

TEST(QuicCertificate, IsRefusedWithTheExtensionOfAnotherKey) {
  SeededRandom random(3);
  const Bytes stolen = extension_of(make_certificate(crypto::SigningKey::generate(random), kNow).der);
  EXPECT_EQ(read_certificate(forged_certificate(stolen, kNow).der, kNow).error(), CertificateError::kBadSignature);
}

TEST(QuicCertificate, SaysThatAnIdentityIsOfAnotherKind) {
  const Bytes secp256k1 = {0x30, 0x0a, 0x04, 0x04, 0x08, 0x02, 0x12, 0x00, 0x04, 0x02, 0x01, 0x02};
  EXPECT_EQ(read_certificate(forged_certificate(secp256k1, kNow).der, kNow).error(), CertificateError::kForeignKey);
}

TEST(QuicCertificate, IsRefusedWhenAnyByteOfItWasChanged) {
  SeededRandom random(4);
  const Certificate made = make_certificate(crypto::SigningKey::generate(random), kNow);
  for (std::size_t i = 0; i < made.der.size(); i += 3) {
    Bytes changed = made.der;
    changed[i] ^= 0x10U;
    EXPECT_FALSE(read_certificate(changed, kNow)) << "at " << i;
  }
  EXPECT_FALSE(read_certificate({}, kNow));
  EXPECT_FALSE(read_certificate(ByteView(made.der).first(made.der.size() - 1), kNow));
  EXPECT_EQ(read_certificate(Bytes(kMaxCertificateSize + 1), kNow).error(), CertificateError::kMalformed);
}

}  // namespace
}  // namespace turnpike::quic
