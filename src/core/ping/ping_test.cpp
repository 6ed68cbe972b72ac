#include "core/ping/ping.h"

#include <gtest/gtest.h>

namespace turnpike::ping {
namespace {

constexpr Instant kStart{std::chrono::seconds(10)};

TEST(PingResponder, AnswersEveryPayloadHoweverItComes) {
  Responder responder(kStart);
  const Bytes asked(3 * kPayload, 7);
  Bytes answered;
  for (std::size_t at = 0; at < asked.size(); at += 5) {
    responder.handle_bytes(kStart, ByteView(asked).subspan(at, std::min<std::size_t>(5, asked.size() - at)));
    if (auto out = responder.poll_write()) answered.insert(answered.end(), out->begin(), out->end());
  }
  EXPECT_EQ(answered, asked);
}

TEST(PingResponder, AnswersWhatCameTogetherWithTheEnd) {
  Responder responder(kStart);
  responder.handle_bytes(kStart, Bytes(kPayload, 1));
  responder.handle_end(kStart);
  EXPECT_TRUE(responder.is_over());
  EXPECT_EQ(responder.poll_write(), Bytes(kPayload, 1));
  EXPECT_FALSE(responder.poll_write());
}

TEST(PingResponder, AnswersNoPartOfAPayload) {
  Responder responder(kStart);
  responder.handle_bytes(kStart, Bytes(kPayload - 1, 1));
  responder.handle_end(kStart);
  EXPECT_FALSE(responder.poll_write());
}

TEST(PingResponder, EndsWhenThePeerDoesNotReadItsAnswers) {
  Responder responder(kStart);
  responder.handle_bytes(kStart, Bytes(kMaxUnsent, 1));
  EXPECT_FALSE(responder.is_over());
  responder.handle_bytes(kStart, Bytes(kPayload, 1));
  EXPECT_TRUE(responder.is_over());
  EXPECT_EQ(responder.poll_write()->size(), kMaxUnsent);
}

TEST(PingResponder, EndsAStreamOnWhichNothingIsAsked) {
  Responder responder(kStart);
  responder.handle_bytes(kStart + Duration(5), Bytes(1, 1));
  EXPECT_EQ(responder.poll_timeout(), kStart + Duration(5) + kResponderIdle);
  responder.handle_timeout(kStart + kResponderIdle);
  EXPECT_FALSE(responder.is_over());
  responder.handle_timeout(kStart + Duration(5) + kResponderIdle);
  EXPECT_TRUE(responder.is_over());
}

TEST(PingProber, MeasuresTheRoundTripToTheLastByte) {
  SeededRandom random(1);
  Prober prober(kStart, random);
  const Bytes sent = *prober.poll_write();
  ASSERT_EQ(sent.size(), kPayload);
  EXPECT_FALSE(prober.poll_write()) << "asked once";
  prober.handle_bytes(kStart + Duration(10), ByteView(sent).first(31));
  EXPECT_FALSE(prober.is_over());
  prober.handle_bytes(kStart + Duration(25), ByteView(sent).last(1));
  EXPECT_EQ(prober.round_trip(), Duration(25));
}

TEST(PingProber, TakesNoOtherBytesForAnAnswer) {
  SeededRandom random(1);
  Prober prober(kStart, random);
  Bytes answer = *prober.poll_write();
  answer[31] ^= 1U;
  prober.handle_bytes(kStart, answer);
  EXPECT_EQ(prober.error(), PingError::kWrong);
}

TEST(PingProber, TellsAnEndFromSilence) {
  SeededRandom random(1);
  Prober ended(kStart, random);
  ended.handle_end(kStart);
  EXPECT_EQ(ended.error(), PingError::kEnded);
  Prober silent(kStart, random);
  silent.handle_timeout(kStart + kAnswerTime - Duration(1));
  EXPECT_FALSE(silent.is_over());
  silent.handle_timeout(kStart + kAnswerTime);
  EXPECT_EQ(silent.error(), PingError::kTimeout);
}

}  // namespace
}  // namespace turnpike::ping
