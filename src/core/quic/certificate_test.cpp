#include "core/quic/certificate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/quic/certificate_test_support.h"

namespace turnpike::quic {
namespace {

constexpr WallTime kNow{1'800'000'000'000};
constexpr std::uint64_t kDay = 24ULL * 3600 * 1000;

TEST(QuicCertificate, NamesTheIdentityThatMadeIt) {
  SeededRandom random(1);
  const auto key = crypto::SigningKey::generate(random);
  const Certificate made = make_certificate(key, kNow);
  const auto peer = read_certificate(made.der, kNow);
  ASSERT_TRUE(peer) << static_cast<int>(peer.error());
  EXPECT_EQ(peer->public_key, key.public_key());
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
