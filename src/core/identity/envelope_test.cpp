#include "core/identity/envelope.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace turnpike::identity {
namespace {

const crypto::SigningKey& key() {
  static const crypto::SigningKey kKey{Digest{7}};
  return kKey;
}

Bytes sample() { return sign_envelope(key(), "domain", bytes_of("type"), bytes_of("payload")); }

TEST(Envelope, GivesBackWhatWasSigned) {
  const auto opened = open_envelope(sample(), "domain");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->signer.public_key, key().public_key());
  EXPECT_EQ(text_of(opened->payload_type), "type");
  EXPECT_EQ(text_of(opened->payload), "payload");
}

TEST(Envelope, SignsTheLengthPrefixedDomainTypeAndPayload) {  // RFC 0002, "Signature Production / Verification"
  const Bytes envelope = sample();
  const ByteView signature = ByteView(envelope).last(64);
  EXPECT_TRUE(crypto::verify(key().public_key(),
                             bytes_of("\x06"
                                      "domain\x04type\x07payload"),
                             signature));
}

TEST(Envelope, LaysItsFieldsOutAsRfc0002Does) {
  const std::string head = "0a2408011220" + to_hex(key().public_key()) + "1204" + to_hex(bytes_of("type")) + "1a07" +
                           to_hex(bytes_of("payload")) + "2a40";
  EXPECT_EQ(to_hex(sample()).substr(0, head.size()), head);
}

TEST(Envelope, IsWorthNothingInAnotherDomain) {
  const auto opened = open_envelope(sample(), "domain2");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), EnvelopeError::kBadSignature);
}

TEST(Envelope, RefusesEveryTruncationAndEveryFlippedByte) {
  const Bytes good = sample();
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(open_envelope(ByteView(good).first(at), "domain")) << at;
    Bytes bad = good;
    bad[at] ^= 0x01U;
    EXPECT_FALSE(open_envelope(bad, "domain")) << at;
  }
}

TEST(Envelope, TellsAForeignKeyFromABadSignature) {
  Bytes rsa = sample();
  rsa[3] = 0;  // KeyType RSA
  const auto opened = open_envelope(rsa, "domain");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), EnvelopeError::kForeignKey);
}

TEST(Envelope, IsReadUpToItsLimitAndNotBeyond) {
  const std::size_t overhead = sign_envelope(key(), "d", {}, Bytes(kMaxEnvelopeSize / 2)).size() - kMaxEnvelopeSize / 2;
  const Bytes largest = sign_envelope(key(), "d", {}, Bytes(kMaxEnvelopeSize - overhead));
  ASSERT_EQ(largest.size(), kMaxEnvelopeSize);
  EXPECT_TRUE(open_envelope(largest, "d"));
  const auto beyond = open_envelope(sign_envelope(key(), "d", {}, Bytes(kMaxEnvelopeSize - overhead + 1)), "d");
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error(), EnvelopeError::kMalformed);
}

}  // namespace
}  // namespace turnpike::identity
