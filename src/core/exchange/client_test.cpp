#include "core/exchange/client.h"

#include <gtest/gtest.h>

#include <tuple>

namespace turnpike::exchange {
namespace {

constexpr store::Content kContent{.size = 8 * store::kPieceSize, .root = {7}};
constexpr store::Content kOther{.size = 8 * store::kPieceSize, .root = {8}};

Request ranged(std::uint64_t offset, std::uint64_t length) {
  return {.store = {}, .content = kContent, .ask = AskRange{offset, length}};
}

Header ok(std::uint64_t offset, std::uint64_t length) {
  return {.status = StatusCode::kOk, .content = kContent, .offset = offset, .length = length, .retry_after_ms = 0};
}

Bytes answer(const Header& header, std::string_view body) {
  Bytes out = encode(header);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

/// Feeds `stream` in cuts of `cut` bytes and writes down what came.
Result<std::string, ProtocolError> read_all(Client& client, ByteView stream, std::size_t cut) {
  std::string seen;
  while (!stream.empty()) {
    ByteView in = stream.first(std::min(cut, stream.size()));
    stream = stream.subspan(in.size());
    while (true) {
      const auto event = client.read(in);
      if (!event) return fail(event.error());
      if (!*event) break;
      if (const auto* answered = std::get_if<Client::Answered>(&**event)) {
        seen += "[" + std::to_string(answered->header.offset) + ":";
      } else {
        const auto& body = std::get<Client::Body>(**event);
        seen += text_of(body.bytes);
        if (body.last) seen += "]";
      }
    }
  }
  return seen;
}

ProtocolError error_of(const Header& header) {
  Client client;
  std::ignore = client.ask(ranged(0, 3));
  const auto seen = read_all(client, answer(header, "abc"), 1000);
  EXPECT_FALSE(seen);
  return seen ? ProtocolError::kTruncated : seen.error();
}

TEST(ExchangeClient, ReadsPipelinedAnswersInOrderHoweverTheyAreCut) {
  const Header busy{.status = StatusCode::kBusy, .content = {}, .offset = 0, .length = 0, .retry_after_ms = 9};
  Bytes stream = answer(ok(0, 3), "abc");
  for (const Bytes& next : {answer(busy, ""), answer(ok(7, 2), "de")}) {
    stream.insert(stream.end(), next.begin(), next.end());
  }
  for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
    Client client;
    std::ignore = client.ask(ranged(0, 3));
    std::ignore = client.ask(ranged(3, 4));
    std::ignore = client.ask(ranged(7, 2));
    const auto seen = read_all(client, stream, cut);
    ASSERT_TRUE(seen);
    EXPECT_EQ(*seen, "[0:abc][0:][7:de]") << "cut every " << cut;
    EXPECT_EQ(client.open_requests(), 0U);
    EXPECT_TRUE(client.finish());
  }
}

TEST(ExchangeClient, BlamesAnAnswerThatIsNotTheOneAskedFor) {
  EXPECT_EQ(error_of(ok(1, 3)), ProtocolError::kUnexpected) << "another offset";
  EXPECT_EQ(error_of(ok(0, 2)), ProtocolError::kUnexpected) << "shorter";
  EXPECT_EQ(error_of(ok(0, 4)), ProtocolError::kUnexpected) << "longer";
  Header other = ok(0, 3);
  other.content = kOther;
  EXPECT_EQ(error_of(other), ProtocolError::kUnexpected) << "of another content";
}

TEST(ExchangeClient, BlamesBytesThatNobodyAskedFor) {
  Client client;
  std::ignore = client.ask(ranged(0, 3));
  const auto seen = read_all(client, answer(ok(0, 3), "abcd"), 1000);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error(), ProtocolError::kUnexpected);
  EXPECT_FALSE(client.can_ask()) << "the stream is of no further use";
}

TEST(ExchangeClient, BlamesAnEndBeforeTheLastByte) {
  Client client;
  std::ignore = client.ask(ranged(0, 3));
  ASSERT_TRUE(read_all(client, answer(ok(0, 3), "ab"), 1000));
  const auto end = client.finish();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error(), ProtocolError::kTruncated);
}

TEST(ExchangeClient, BlamesAPageAboveItsLimit) {
  Client client;
  std::ignore = client.ask({.store = {}, .content = kContent, .ask = AskLayerPage{0}});
  const auto seen = read_all(client, encode(ok(0, kMaxLayerPageSize + 1)), 1000);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error(), ProtocolError::kUnexpected);
}

TEST(ExchangeClient, PipelinesUpToItsLimit) {
  Client client;
  for (std::size_t i = 0; i < kMaxPipelined; ++i) {
    ASSERT_TRUE(client.can_ask());
    std::ignore = client.ask(ranged(i, 1));
  }
  EXPECT_FALSE(client.can_ask());
  ASSERT_TRUE(read_all(client, answer(ok(0, 1), "a"), 1000));
  EXPECT_TRUE(client.can_ask());
}

}  // namespace
}  // namespace turnpike::exchange
