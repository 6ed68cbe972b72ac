#include "core/noise/payload.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/random.h"
#include "core/noise/noise.pb.h"

namespace turnpike::noise {
namespace {

struct Signer {
  SeededRandom random{3};
  crypto::SigningKey identity = crypto::SigningKey::generate(random);
  Digest static_key = random.array<32>();
};

Bytes with(const Bytes& payload, void (*change)(wire::NoiseHandshakePayload&)) {
  wire::NoiseHandshakePayload parsed;
  EXPECT_TRUE(parsed.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
  change(parsed);
  return copy_of(bytes_of(parsed.SerializeAsString()));
}

TEST(NoisePayload, WritesAKeyAsTheLibp2pSpecificationDoes) {
  const Bytes published = from_hex("080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e").value();
  const auto peer = peer_of_key_protobuf(published);
  ASSERT_TRUE(peer);
  EXPECT_EQ(key_protobuf(*peer), published);
}

TEST(NoisePayload, ProvesTheIdentityAndListsTheMuxers) {
  const Signer signer;
  const Bytes bytes = make_payload(signer.identity, signer.static_key, {"/yamux/1.0.0", "/mplex/6.7.0"});
  const auto payload = read_payload(bytes, signer.static_key);
  ASSERT_TRUE(payload);
  EXPECT_EQ(payload->peer.public_key, signer.identity.public_key());
  EXPECT_EQ(payload->muxers, (std::vector<std::string>{"/yamux/1.0.0", "/mplex/6.7.0"}));
}

TEST(NoisePayload, LeavesTheExtensionOutWhenThereAreNoMuxers) {
  const Signer signer;
  const Bytes bytes = make_payload(signer.identity, signer.static_key, {});
  wire::NoiseHandshakePayload parsed;
  ASSERT_TRUE(parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  EXPECT_FALSE(parsed.has_extensions());
}

TEST(NoisePayload, RefusesASignatureOverAnotherStaticKey) {
  const Signer signer;
  const auto payload = read_payload(make_payload(signer.identity, signer.static_key, {}), Digest{1});
  ASSERT_FALSE(payload);
  EXPECT_EQ(payload.error(), PayloadError::kBadSignature);
}

TEST(NoisePayload, RefusesSomeoneElsesKeyWithAGoodSignature) {
  const Signer signer;
  const Bytes bytes = with(make_payload(signer.identity, signer.static_key, {}), [](auto& payload) {
    SeededRandom random(99);
    const Bytes other = key_protobuf({crypto::SigningKey::generate(random).public_key()});
    payload.set_identity_key(other.data(), other.size());
  });
  EXPECT_EQ(read_payload(bytes, signer.static_key).error(), PayloadError::kBadSignature);
}

TEST(NoisePayload, RefusesKeysThatAreNotEd25519) {
  const Signer signer;
  const Bytes bytes = with(make_payload(signer.identity, signer.static_key, {}), [](auto& payload) {
    payload.mutable_identity_key()->at(1) = 2;  // secp256k1
  });
  EXPECT_EQ(read_payload(bytes, signer.static_key).error(), PayloadError::kUnsupportedKey);
  const Bytes longer = with(make_payload(signer.identity, signer.static_key, {}),
                            [](auto& payload) { payload.mutable_identity_key()->append(300, 'x'); });
  EXPECT_EQ(read_payload(longer, signer.static_key).error(), PayloadError::kUnsupportedKey);
}

TEST(NoisePayload, RefusesAPayloadWithoutItsFields) {
  const Signer signer;
  EXPECT_EQ(read_payload({}, signer.static_key).error(), PayloadError::kMalformed);
  const Bytes unsigned_one =
      with(make_payload(signer.identity, signer.static_key, {}), [](auto& payload) { payload.clear_identity_sig(); });
  EXPECT_EQ(read_payload(unsigned_one, signer.static_key).error(), PayloadError::kMalformed);
  EXPECT_EQ(read_payload(Bytes(40, 0xff), signer.static_key).error(), PayloadError::kMalformed);
}

TEST(NoisePayload, ReadsOnlySoManyMuxers) {
  const Signer signer;
  const std::vector<std::string> many(kMaxMuxers + 5, "/m");
  const auto payload = read_payload(make_payload(signer.identity, signer.static_key, many), signer.static_key);
  ASSERT_TRUE(payload);
  EXPECT_EQ(payload->muxers.size(), kMaxMuxers);
}

}  // namespace
}  // namespace turnpike::noise
