#include "core/identity/statement.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/hex.h"
#include "core/identity/envelope.h"

namespace turnpike::identity {
namespace {

constexpr WallTime kNow{1'700'000'000'000};
constexpr std::uint64_t kMinuteMs = 60'000;

crypto::SigningKey counting_key(std::uint8_t first) {
  Digest seed;
  std::iota(seed.begin(), seed.end(), first);
  return crypto::SigningKey(seed);
}

const crypto::SigningKey& signer() {
  static const crypto::SigningKey kKey = counting_key(0);
  return kKey;
}

const PeerId& recipient() {
  static const PeerId kPeer{counting_key(32).public_key()};
  return kPeer;
}

Statement sample() {
  return {.type = "signal",
          .audience = recipient(),
          .seq = kNow.unix_ms,
          .expires = {kNow.unix_ms + kMinuteMs},
          .body = copy_of(bytes_of("hello"))};
}

std::optional<StatementError> error_of(ByteView envelope, WallTime now = kNow) {
  const auto verified = verify_statement(envelope, "signal", recipient(), now);
  return verified ? std::nullopt : std::optional(verified.error());
}

// Made with another implementation of Ed25519 and protobuf; it is the example of docs/protocols/statement.md.
constexpr std::string_view kPublished =
    "0a240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b812152f7475726e70696b652f73746174656d65"
    "6e742f311a510a0a7475726e70696b652d3112067369676e616c1a2600240801122029acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12"
    "c89794bc9322966dd72080d095ffbc3128e0a499ffbc31320568656c6c6f2a407e05bfa2d2206f66cc006a9d184aee7e22ab178b78e7c4bef2"
    "d2a53f579d0a1b4cd675ab995592fdf19472289a994f177cc5ada4584761bf7fbdfb6d72ebf50f";

TEST(Statement, IsSignedAsThePublishedExample) { EXPECT_EQ(to_hex(sign_statement(signer(), sample())), kPublished); }

TEST(Statement, GivesBackEveryFieldAndItsSigner) {
  const auto verified = verify_statement(*from_hex(kPublished), "signal", recipient(), kNow);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->signer.public_key, signer().public_key());
  EXPECT_EQ(verified->statement.type, "signal");
  EXPECT_EQ(verified->statement.audience, recipient());
  EXPECT_EQ(verified->statement.seq, kNow.unix_ms);
  EXPECT_EQ(verified->statement.expires.unix_ms, kNow.unix_ms + kMinuteMs);
  EXPECT_EQ(text_of(verified->statement.body), "hello");
}

TEST(Statement, MadeForOneUseIsWorthNothingInAnother) {
  const auto verified = verify_statement(*from_hex(kPublished), "registration", recipient(), kNow);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error(), StatementError::kWrongType);
}

TEST(Statement, MadeForOnePeerIsRefusedByOthersAndByWhoeverExpectsNone) {
  const Bytes envelope = sign_statement(signer(), sample());
  for (const std::optional<PeerId>& other : {std::optional<PeerId>{}, std::optional(PeerId{signer().public_key()})}) {
    const auto verified = verify_statement(envelope, "signal", other, kNow);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error(), StatementError::kWrongAudience);
  }
}

TEST(Statement, MadeForEverybodyIsNotTakenForOneMadeForUs) {
  Statement statement = sample();
  statement.audience.reset();
  const Bytes envelope = sign_statement(signer(), statement);
  EXPECT_EQ(error_of(envelope), StatementError::kWrongAudience);
  EXPECT_TRUE(verify_statement(envelope, "signal", std::nullopt, kNow));
}

TEST(Statement, PassesUntilTenMinutesAfterItsExpiry) {
  const Bytes envelope = sign_statement(signer(), sample());
  const std::uint64_t last = kNow.unix_ms + kMinuteMs + kClockToleranceMs;
  EXPECT_EQ(error_of(envelope, {last}), std::nullopt);
  EXPECT_EQ(error_of(envelope, {last + 1}), StatementError::kExpired);
}

TEST(Statement, RefusesAnExpiryNoHonestClockCouldGive) {
  Statement statement = sample();
  statement.expires.unix_ms = kNow.unix_ms + kMaxStatementLifetimeMs + kClockToleranceMs;
  EXPECT_EQ(error_of(sign_statement(signer(), statement)), std::nullopt);
  ++statement.expires.unix_ms;
  EXPECT_EQ(error_of(sign_statement(signer(), statement)), StatementError::kTooFarAhead);
  statement.expires.unix_ms = ~std::uint64_t{0};
  EXPECT_EQ(error_of(sign_statement(signer(), statement)), StatementError::kTooFarAhead);
}

TEST(Statement, RefusesASequenceNumberFromTheFuture) {
  Statement statement = sample();
  statement.seq = kNow.unix_ms + kClockToleranceMs;
  EXPECT_EQ(error_of(sign_statement(signer(), statement)), std::nullopt);
  ++statement.seq;
  EXPECT_EQ(error_of(sign_statement(signer(), statement)), StatementError::kTooFarAhead);
}

TEST(Statement, OfAnotherNetworkIsNamedAsSuch) {
  Bytes payload = *from_hex("0a0a7475726e70696b652d3212067369676e616c");  // network "turnpike-2", type "signal"
  EXPECT_EQ(error_of(sign_envelope(signer(), kStatementDomain, bytes_of(kStatementPayloadType), payload)),
            StatementError::kWrongNetwork);
}

TEST(Statement, RefusesAnotherPayloadTypeAndNonsenseWithinAGoodSignature) {
  const Bytes payload = *from_hex("0a0a7475726e70696b652d3112067369676e616c");
  EXPECT_EQ(error_of(sign_envelope(signer(), kStatementDomain, bytes_of("\x03\x01"), payload)),
            StatementError::kMalformed);
  for (const std::string_view body :
       {"0a", "0a0a7475726e70696b652d31", "0a0a7475726e70696b652d3112067369676e616c1a0100"}) {
    const Bytes envelope = sign_envelope(signer(), kStatementDomain, bytes_of(kStatementPayloadType), *from_hex(body));
    EXPECT_EQ(error_of(envelope), StatementError::kMalformed) << body;
  }
}

TEST(Statement, TypeHasALimit) {
  Statement statement = sample();
  for (const std::size_t size : {kMaxStatementTypeSize, kMaxStatementTypeSize + 1}) {
    statement.type = std::string(size, 'x');
    const auto verified = verify_statement(sign_statement(signer(), statement), statement.type, recipient(), kNow);
    EXPECT_EQ(bool(verified), size == kMaxStatementTypeSize);
  }
}

TEST(Statement, RefusesEveryTruncationAndEveryFlippedByte) {
  const Bytes good = *from_hex(kPublished);
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_TRUE(error_of(ByteView(good).first(at))) << at;
    Bytes bad = good;
    bad[at] ^= 0x01U;
    EXPECT_TRUE(error_of(bad)) << at;
  }
}

}  // namespace
}  // namespace turnpike::identity
