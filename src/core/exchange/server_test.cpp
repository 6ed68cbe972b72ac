#include "core/exchange/server.h"

#include <gtest/gtest.h>

#include <tuple>

namespace turnpike::exchange {
namespace {

constexpr store::Content kContent{.size = 2 * store::kPieceSize, .root = {7}};

Request ranged(std::uint64_t offset, std::uint64_t length) {
  return {.store = {}, .content = kContent, .ask = AskRange{offset, length}};
}

TEST(ExchangeServer, AnswersOneRequestAfterTheOther) {
  Server server;
  Bytes stream = encode(ranged(0, 10));
  const Bytes second = encode(ranged(10, 5));
  stream.insert(stream.end(), second.begin(), second.end());
  ByteView in(stream);

  auto request = server.read(in);
  ASSERT_TRUE(request && *request);
  EXPECT_EQ(**request, ranged(0, 10));
  const auto early = server.read(in);
  EXPECT_TRUE(early && !*early) << "the first is still owed its answer";
  EXPECT_EQ(in.size(), second.size()) << "and the second stays in the stream's window";

  std::ignore = server.accept(kContent, 10);
  server.sent(4);
  EXPECT_EQ(server.owed(), 6U);
  EXPECT_TRUE(server.is_answering());
  server.sent(6);
  request = server.read(in);
  ASSERT_TRUE(request && *request);
  EXPECT_EQ(**request, ranged(10, 5));
}

TEST(ExchangeServer, RefusesByItselfWhatCannotBe) {
  Server server;
  const Bytes stream = encode(ranged(kContent.size, 1));
  ByteView in(stream);
  const auto request = server.read(in);
  ASSERT_TRUE(request);
  EXPECT_FALSE(*request);
  const auto refusal = server.poll_refusal();
  ASSERT_TRUE(refusal);
  const auto header = decode_header(ByteView(*refusal).subspan(1));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->status, StatusCode::kBadRequest);
  EXPECT_FALSE(server.poll_refusal());
  EXPECT_TRUE(server.is_idle());
}

TEST(ExchangeServer, SaysWhatItHoldsWhenTheRootIsAnother) {
  Server server;
  const Bytes stream = encode(ranged(0, 1));
  ByteView in(stream);
  ASSERT_TRUE(server.read(in));
  const store::Content held{.size = 5, .root = {9}};
  const Bytes refusal = server.refuse(StatusCode::kWrongRoot, held);
  const auto header = decode_header(ByteView(refusal).subspan(1));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->status, StatusCode::kWrongRoot);
  EXPECT_EQ(header->content, held);
}

TEST(ExchangeServer, BlamesARequestAboveTheLimitBeforeHoldingIt) {
  Server server;
  Bytes stream;
  ByteWriter(stream).varint(kMaxRequestSize + 1);
  ByteView in(stream);
  const auto request = server.read(in);
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error(), ProtocolError::kTooLong);
}

TEST(ExchangeServer, IsNotIdleInsideARequest) {
  Server server;
  EXPECT_TRUE(server.is_idle());
  const Bytes stream = encode(ranged(0, 1));
  ByteView in = ByteView(stream).first(5);
  ASSERT_TRUE(server.read(in));
  EXPECT_FALSE(server.is_idle());
}

TEST(ExchangeServerDeathTest, NeverSendsMoreThanItPromised) {
  Server server;
  const Bytes stream = encode(ranged(0, 3));
  ByteView in(stream);
  ASSERT_TRUE(server.read(in));
  std::ignore = server.accept(kContent, 3);
  EXPECT_DEATH(server.sent(4), "");
}

}  // namespace
}  // namespace turnpike::exchange
