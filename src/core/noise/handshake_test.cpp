#include "core/noise/handshake.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/random.h"
#include "core/noise/transport.h"

namespace turnpike::noise {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

crypto::ExchangeKey key(std::string_view secret) {
  return crypto::ExchangeKey::from_secret(digest_from_hex(secret).value());
}

struct Pair {
  Handshake initiator;
  Handshake responder;
};

/// The keys and prologue of the cacophony vectors.
Pair cacophony() {
  const Bytes prologue = hex("4a6f686e2047616c74");
  return {Handshake(Role::kInitiator, key("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1"),
                    key("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"), prologue),
          Handshake(Role::kResponder, key("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893"),
                    key("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"), prologue)};
}

Pair random_pair(std::uint64_t seed = 1) {
  SeededRandom random(seed);
  const auto generate = [&random] { return crypto::ExchangeKey::generate(random); };
  Handshake initiator(Role::kInitiator, generate(), generate());
  return {std::move(initiator), Handshake(Role::kResponder, generate(), generate())};
}

/// One message from writer to reader; what it looked like on the wire.
Bytes pass(Handshake& writer, Handshake& reader, ByteView payload) {
  const auto message = writer.write_message(payload);
  EXPECT_TRUE(message);
  const auto read = reader.read_message(*message);
  EXPECT_TRUE(read);
  EXPECT_EQ(*read, copy_of(payload));
  return *message;
}

Bytes sealed(Sealer& sealer, ByteView plain) {
  Bytes frame(kLengthSize, 0);
  frame.insert(frame.end(), plain.begin(), plain.end());
  frame.resize(frame.size() + crypto::kTagSize);
  EXPECT_TRUE(sealer.seal(frame));
  return Bytes(frame.begin() + kLengthSize, frame.end());
}

TEST(NoiseHandshake, MatchesTheCacophonyVector) {
  Pair pair = cacophony();
  EXPECT_EQ(pass(pair.initiator, pair.responder, bytes_of("Ludwig von Mises")),
            hex("ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d69736573"));
  EXPECT_EQ(
      pass(pair.responder, pair.initiator, bytes_of("Murray Rothbard")),
      hex("95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f14480884381cbad1f276e038c48378ffce2b65285e08d6b68"
          "aaa3629a5a8639392490e5b9bd5269c2f1e4f488ed8831161f19b7815528f8982ffe09be9b5c412f8a0db50f8814c7194e83f23d"
          "bd8d162c9326ad"));
  EXPECT_EQ(
      pass(pair.initiator, pair.responder, bytes_of("F. A. Hayek")),
      hex("c7195ffacac1307ff99046f219750fc47693e23c3cb08b89c2af808b444850a80ae475b9df0f169ae80a89be0865b57f58c9fea0"
          "d4ec82a286427402f113e4b6ae769a1d95941d49b25030"));
  const Digest hash = digest_from_hex("c8e5f64e846193be2a834104c2a009868d6c9f3bd3c186299888b488b2f1f58e").value();
  EXPECT_EQ(pair.initiator.hash(), hash);
  EXPECT_EQ(pair.responder.hash(), hash);

  Sealer from_responder(pair.responder.keys().send);
  Sealer from_initiator(pair.initiator.keys().send);
  EXPECT_EQ(sealed(from_responder, bytes_of("Carl Menger")),
            hex("96763ed773f8e47bb3712f0e29b3060ffc956ffc146cee53d5e1df"));
  EXPECT_EQ(sealed(from_initiator, bytes_of("Jean-Baptiste Say")),
            hex("3e40f15f6f3a46ae446b253bf8b1d9ffb6ed9b174d272328ff91a7e2e5c79c07f5"));
  EXPECT_EQ(sealed(from_responder, hex("457567656e2042f6686d20766f6e2042617765726b")),
            hex("eb3f3515110702e047a6c9da4478b6ead94873c11c0f2d710ddb3f09fce024b3a58502ae3f"));
}

TEST(NoiseHandshake, GivesBothSidesEachOthersKeysAndTheSameSecrets) {
  Pair pair = random_pair();
  pass(pair.initiator, pair.responder, {});
  pass(pair.responder, pair.initiator, bytes_of("two"));
  pass(pair.initiator, pair.responder, bytes_of("three"));
  EXPECT_TRUE(pair.initiator.is_finished() && pair.responder.is_finished());
  EXPECT_EQ(pair.initiator.keys().send, pair.responder.keys().receive);
  EXPECT_EQ(pair.initiator.keys().receive, pair.responder.keys().send);
  EXPECT_NE(pair.initiator.keys().send, pair.initiator.keys().receive);
}

TEST(NoiseHandshake, RefusesEveryTruncationOfTheSecondMessage) {
  const Bytes whole = [] {
    Pair pair = random_pair();
    pass(pair.initiator, pair.responder, {});
    return pass(pair.responder, pair.initiator, bytes_of("proof"));
  }();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Pair pair = random_pair();
    pass(pair.initiator, pair.responder, {});
    EXPECT_FALSE(pair.initiator.read_message(ByteView(whole).first(size))) << "at " << size << " bytes";
  }
}

TEST(NoiseHandshake, NoticesOneBitChangedAnywhere) {
  for (std::size_t at = 0; at < 101; ++at) {
    Pair pair = random_pair();
    pass(pair.initiator, pair.responder, {});
    Bytes second = *pair.responder.write_message(bytes_of("proof"));
    ASSERT_EQ(second.size(), 101U);
    second[at] ^= 0x01U;
    EXPECT_FALSE(pair.initiator.read_message(second)) << "at byte " << at;
  }
}

TEST(NoiseHandshake, RefusesAnEphemeralPointOfSmallOrder) {
  Pair pair = random_pair();
  const Bytes zeros(32, 0);
  ASSERT_TRUE(pair.responder.read_message(zeros));
  const auto answer = pair.responder.write_message({});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), HandshakeError::kSmallOrder);
}

TEST(NoiseHandshake, RefusesAnEphemeralPointOfSmallOrderInTheAnswerToo) {
  Pair pair = random_pair();
  pass(pair.initiator, pair.responder, {});
  const auto read = pair.initiator.read_message(Bytes(200, 0));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), HandshakeError::kSmallOrder);
}

TEST(NoiseHandshake, RefusesAStaticPointOfSmallOrder) {
  SeededRandom random(7);
  Pair pair = random_pair();
  crypto::ExchangeKey weak = crypto::ExchangeKey::generate(random);
  weak.public_key = Digest{};
  Handshake attacker(Role::kResponder, weak, crypto::ExchangeKey::generate(random));
  pass(pair.initiator, attacker, {});
  const auto read = pair.initiator.read_message(*attacker.write_message({}));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), HandshakeError::kSmallOrder);
}

TEST(NoiseHandshake, DoesNothingOutOfTurn) {
  Pair pair = random_pair();
  EXPECT_EQ(pair.responder.write_message({}).error(), HandshakeError::kOutOfTurn);
  EXPECT_EQ(pair.initiator.read_message(Bytes(200, 1)).error(), HandshakeError::kOutOfTurn);
  pass(pair.initiator, pair.responder, {});
  pass(pair.responder, pair.initiator, {});
  pass(pair.initiator, pair.responder, {});
  EXPECT_EQ(pair.initiator.write_message({}).error(), HandshakeError::kOutOfTurn);
  EXPECT_EQ(pair.responder.read_message(Bytes(200, 1)).error(), HandshakeError::kOutOfTurn);
}

}  // namespace
}  // namespace turnpike::noise
