#include "core/exchange/message.h"

#include <gtest/gtest.h>

#include <limits>

namespace turnpike::exchange {
namespace {

constexpr store::Content kContent{.size = 5 * store::kPieceSize + 3, .root = {7, 8, 9}};
constexpr store::StoreId kStore{{1, 2, 3}};

ByteView without_prefix(const Bytes& message) {
  ByteReader reader(message);
  const std::uint64_t size = reader.varint();
  EXPECT_EQ(size, reader.remaining());
  return reader.take(static_cast<std::size_t>(size));
}

Request request_for(Ask ask) { return {.store = kStore, .content = kContent, .ask = ask}; }

TEST(ExchangeRequest, ComesBackAsItWasWritten) {
  for (const Request& request : {request_for(AskLayerPage{2048}), request_for(AskLeaves{5}),
                                 request_for(AskRange{store::kPieceSize, kMaxRangeLength}),
                                 Request{.store = kStore, .content = {}, .ask = AskManifest{}}}) {
    const auto decoded = decode_request(without_prefix(encode(request)));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, request);
  }
}

TEST(ExchangeHeader, ComesBackAsItWasWritten) {
  const Header ok{.status = StatusCode::kOk, .content = kContent, .offset = 77, .length = 1234, .retry_after_ms = 0};
  const Header busy{.status = StatusCode::kBusy, .content = {}, .offset = 0, .length = 0, .retry_after_ms = 500};
  for (const Header& header : {ok, busy}) {
    const auto decoded = decode_header(without_prefix(encode(header)));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, header);
  }
}

TEST(ExchangeMessages, FitTheirLimitsWithEveryFieldAtItsLargest) {
  const store::Content content{.size = store::kMaxStoreSize, .root = {}};
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const Request request{.store = kStore, .content = content, .ask = AskRange{most, most}};
  const Header header{
      .status = StatusCode::kOk, .content = content, .offset = most, .length = most, .retry_after_ms = ~0U};
  EXPECT_LE(without_prefix(encode(request)).size(), kMaxRequestSize);
  EXPECT_LE(without_prefix(encode(header)).size(), kMaxHeaderSize);
}

TEST(ExchangeMessages, KeepTheirWireForm) {
  const Bytes request = encode(Request{.store = kStore, .content = {}, .ask = AskManifest{}});
  ASSERT_EQ(request.size(), 1U + 34 + 2);
  EXPECT_EQ(request.front(), 36);
  EXPECT_EQ((Bytes{request.begin() + 1, request.begin() + 6}), (Bytes{0x0a, 32, 1, 2, 3}));
  EXPECT_EQ((Bytes{request.end() - 2, request.end()}), (Bytes{0x1a, 0}));
  EXPECT_EQ(encode(Header{.status = StatusCode::kBusy, .content = {}, .offset = 0, .length = 0, .retry_after_ms = 5}),
            (Bytes{4, 0x08, 3, 0x28, 5}));
}

TEST(ExchangeRequest, IsRefusedWithAShortIdAWrongSizeOrNoContent) {
  Request request = request_for(AskRange{0, 1});
  EXPECT_TRUE(decode_request(without_prefix(encode(request))));
  request.content = store::Content{.size = 0, .root = {}};
  EXPECT_FALSE(decode_request(without_prefix(encode(request))));
  request.content = store::Content{.size = store::kMaxStoreSize + 1, .root = {}};
  EXPECT_FALSE(decode_request(without_prefix(encode(request))));
  request.content = {};
  EXPECT_FALSE(decode_request(without_prefix(encode(request))));
  EXPECT_FALSE(decode_request(Bytes{0x0a, 2, 1, 2, 0x1a, 0})) << "a store id of two bytes";
  EXPECT_FALSE(decode_request(Bytes(kMaxRequestSize + 1)));
}

TEST(ExchangeHeader, IsRefusedWhenOkHasNoContentOrARefusalHasABody) {
  Header header;
  header.length = 5;
  EXPECT_FALSE(decode_header(without_prefix(encode(header))));
  header.content = kContent;
  EXPECT_TRUE(decode_header(without_prefix(encode(header))));
  header.status = StatusCode::kBusy;
  EXPECT_FALSE(decode_header(without_prefix(encode(header))));
  EXPECT_FALSE(decode_header(Bytes{0x08, 0})) << "status 0";
  EXPECT_FALSE(decode_header(Bytes{0x08, 7})) << "status 7";
}

TEST(ExchangeRequest, IsAnswerableOnlyInsideItsContent) {
  EXPECT_TRUE(is_answerable(request_for(AskRange{kContent.size - 1, 1})));
  EXPECT_TRUE(is_answerable(request_for(AskRange{0, kMaxRangeLength})));
  EXPECT_TRUE(is_answerable(request_for(AskLeaves{5})));
  for (const Ask& ask : {Ask{AskRange{0, 0}}, Ask{AskRange{0, kMaxRangeLength + 1}}, Ask{AskRange{kContent.size, 1}},
                         Ask{AskRange{kContent.size - 1, 2}}, Ask{AskRange{~std::uint64_t{0}, 2}}, Ask{AskLeaves{6}},
                         Ask{AskLayerPage{6}}}) {
    EXPECT_FALSE(is_answerable(request_for(ask)));
  }
}

TEST(ExchangeRequest, KnowsHowLongItsBodyIs) {
  EXPECT_EQ(longest_body(request_for(AskLeaves{0})), 64 * 32U);
  EXPECT_EQ(longest_body(request_for(AskLeaves{5})), 32U) << "three bytes are one leaf";
  EXPECT_EQ(longest_body(request_for(AskRange{1, 99})), 99U);
}

}  // namespace
}  // namespace turnpike::exchange
