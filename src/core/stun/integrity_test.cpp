#include "core/stun/integrity.h"

#include <gtest/gtest.h>

#include "core/stun/test_vectors.h"
#include "crypto/mac.h"

namespace turnpike::stun {
namespace {

constexpr TransactionId kId{1, 2, 3};

Bytes long_term(PasswordAlgorithm algorithm) {
  return long_term_key(algorithm, vectors::kUser, vectors::kRealm, vectors::kUserPassword);
}

// The same attributes as `original`, then the integrity that `add` computes.
template <class Add>
Bytes rewritten(const Bytes& original, Add add) {
  const auto message = MessageView::parse(original);
  MessageWriter out(message->message_class(), message->method(), message->id());
  for (auto at = message->next(kHeaderSize); at; at = message->next(MessageView::end_of(*at))) {
    out.add(at->type, at->value);
  }
  add(out);
  return std::move(out).take();
}

TEST(StunIntegrity, AgreesWithTheShortTermSamplesOfRfc5769) {
  for (const Bytes& sample : {vectors::kRequest, vectors::kResponseV4, vectors::kResponseV6}) {
    const auto message = MessageView::parse(sample);
    ASSERT_TRUE(message);
    EXPECT_TRUE(verify_integrity(*message, bytes_of(vectors::kPassword)));
    EXPECT_FALSE(verify_integrity(*message, bytes_of("another password")));
    EXPECT_TRUE(verify_fingerprint(*message));
  }
}

TEST(StunIntegrity, AgreesWithTheLongTermSampleOfRfc5769) {
  const auto message = MessageView::parse(vectors::kLongTermRequest);
  ASSERT_TRUE(message);
  EXPECT_TRUE(verify_integrity(*message, long_term(PasswordAlgorithm::kMd5)));
  EXPECT_EQ(rewritten(vectors::kLongTermRequest,
                      [](MessageWriter& out) { add_integrity(out, long_term(PasswordAlgorithm::kMd5)); }),
            vectors::kLongTermRequest);
}

TEST(StunIntegrity, AgreesWithTheSha256SampleOfRfc8489) {
  const auto message = MessageView::parse(vectors::kSha256Request);
  ASSERT_TRUE(message);
  EXPECT_TRUE(verify_integrity_sha256(*message, long_term(PasswordAlgorithm::kSha256)));
  EXPECT_FALSE(verify_integrity_sha256(*message, long_term(PasswordAlgorithm::kMd5)));
  const Digest hash = userhash(vectors::kUser, vectors::kRealm);
  EXPECT_EQ(text_of(*message->find(AttributeType::kUserhash)), text_of(hash));
  EXPECT_EQ(rewritten(vectors::kSha256Request,
                      [](MessageWriter& out) { add_integrity_sha256(out, long_term(PasswordAlgorithm::kSha256)); }),
            vectors::kSha256Request);
}

TEST(StunIntegrity, HoldsForBothKindsInOneMessage) {
  MessageWriter out(Class::kRequest, Method::kAllocate, kId);
  out.add(AttributeType::kUsername, "name");
  add_integrity(out, bytes_of("key"));
  add_integrity_sha256(out, bytes_of("key"));
  add_fingerprint(out);
  const Bytes bytes = std::move(out).take();
  const auto message = MessageView::parse(bytes);
  EXPECT_TRUE(verify_integrity(*message, bytes_of("key")));
  EXPECT_TRUE(verify_integrity_sha256(*message, bytes_of("key")));
  EXPECT_TRUE(verify_fingerprint(*message));
}

TEST(StunIntegrity, NoticesEveryChangedByteItCovers) {
  const Bytes key = long_term(PasswordAlgorithm::kMd5);
  for (std::size_t at = 0; at < vectors::kLongTermRequest.size(); ++at) {
    Bytes changed = vectors::kLongTermRequest;
    changed[at] ^= 1;
    const auto message = MessageView::parse(changed);
    EXPECT_FALSE(message && verify_integrity(*message, key)) << "at " << at;
  }
}

TEST(StunIntegrity, IsNotThereUnlessItIs) {
  const Bytes bytes = MessageWriter(Class::kRequest, Method::kBinding, kId).take();
  const auto message = MessageView::parse(bytes);
  EXPECT_FALSE(verify_integrity(*message, {}));
  EXPECT_FALSE(verify_integrity_sha256(*message, {}));
  EXPECT_FALSE(verify_fingerprint(*message));
}

// As add_integrity_sha256 does, but cut to `size`.
Bytes with_cut_sha256(std::size_t size) {
  MessageWriter out(Class::kRequest, Method::kBinding, kId);
  out.announce(4 + (size + 3) / 4 * 4);
  const Digest mac = crypto::hmac_sha256(bytes_of("key"), out.bytes());
  out.add(AttributeType::kMessageIntegritySha256, ByteView(mac).first(size));
  return std::move(out).take();
}

TEST(StunIntegrity, TakesASha256CutToSixteenBytesAndNoShorter) {
  for (const std::size_t size : {16U, 20U, 32U}) {
    const Bytes bytes = with_cut_sha256(size);
    EXPECT_TRUE(verify_integrity_sha256(*MessageView::parse(bytes), bytes_of("key"))) << size;
  }
  for (const std::size_t size : {0U, 4U, 12U, 18U}) {
    const Bytes bytes = with_cut_sha256(size);
    EXPECT_FALSE(verify_integrity_sha256(*MessageView::parse(bytes), bytes_of("key"))) << size;
  }
}

TEST(StunFingerprint, NoticesEveryChangedByte) {
  for (std::size_t at = 0; at < vectors::kRequest.size(); ++at) {
    Bytes changed = vectors::kRequest;
    changed[at] ^= 0x10;
    const auto message = MessageView::parse(changed);
    EXPECT_FALSE(message && verify_fingerprint(*message)) << "at " << at;
  }
}

}  // namespace
}  // namespace turnpike::stun
