#include "io/websocket/frame.h"

#include <gtest/gtest.h>

#include <string>

namespace turnpike::io {
namespace {

TEST(WebSocketFrame, ReadsTheSamplesOfTheRfc) {  // §5.7
  const Bytes hello{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f};
  const auto plain = parse_head(hello);
  ASSERT_TRUE(plain && *plain);
  EXPECT_EQ((*plain)->head, (FrameHead{true, Opcode::kText, std::nullopt, 5}));
  EXPECT_EQ((*plain)->size, 2U);

  Bytes masked{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
  const auto head = parse_head(masked);
  ASSERT_TRUE(head && *head);
  apply_mask(std::span(masked).subspan((*head)->size), *(*head)->head.mask, 0);
  EXPECT_EQ(text_of(ByteView(masked).subspan(6)), "Hello");
}

TEST(WebSocketFrame, ComesBackAsItWasWritten) {
  for (const std::uint64_t length : {0ULL, 1ULL, 125ULL, 126ULL, 65535ULL, 65536ULL, (1ULL << 63U) - 1}) {
    for (const auto& mask : {std::optional<Mask>(), std::optional<Mask>({1, 2, 3, 4})}) {
      const FrameHead head{length % 2 == 0, Opcode::kBinary, mask, length};
      const auto encoded = encode_head(head);
      const auto parsed = parse_head(encoded.view());
      ASSERT_TRUE(parsed && *parsed);
      EXPECT_EQ((*parsed)->head, head);
      EXPECT_EQ((*parsed)->size, encoded.size);
      for (std::size_t size = 0; size < encoded.size; ++size) {
        const auto cut = parse_head(encoded.view().first(size));
        EXPECT_TRUE(cut && !*cut) << "at " << size;
      }
    }
  }
}

TEST(WebSocketFrame, RefusesWhatTheRfcForbids) {
  const auto error = [](Bytes bytes) { return parse_head(bytes).error(); };
  EXPECT_EQ(error({0xc2, 0x00}), FrameError::kReservedBits);
  EXPECT_EQ(error({0x83, 0x00}), FrameError::kUnknownOpcode);
  EXPECT_EQ(error({0x8b, 0x00}), FrameError::kUnknownOpcode);
  EXPECT_EQ(error({0x09, 0x00}), FrameError::kBadControl);  // a ping in parts
  EXPECT_EQ(error({0x89, 126, 0, 126}), FrameError::kBadControl);
  EXPECT_EQ(error({0x82, 126, 0, 125}), FrameError::kBadLength);
  EXPECT_EQ(error({0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff}), FrameError::kBadLength);
  EXPECT_EQ(error({0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}), FrameError::kBadLength);
}

TEST(WebSocketFrame, MasksInAnyPieces) {
  Bytes whole(1000);
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<std::uint8_t>(i);
  const Mask mask{0xde, 0xad, 0xbe, 0xef};
  Bytes expected = whole;
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] ^= mask[i % 4];
  for (const std::size_t cut : {0U, 1U, 2U, 3U, 7U, 8U, 9U, 500U, 1000U}) {
    Bytes out(whole.size());
    copy_masked(ByteView(whole).first(cut), out, mask, 0);
    copy_masked(ByteView(whole).subspan(cut), std::span(out).subspan(cut), mask, cut);
    EXPECT_EQ(out, expected) << cut;
  }
}

TEST(WebSocketClose, CarriesACode) {
  EXPECT_EQ(parse_close(encode_close(1009, "too big")), 1009);
  EXPECT_EQ(encode_close(1000, std::string(500, 'x')).size(), kMaxControlPayload);
  EXPECT_EQ(parse_close({}), 1005);
  EXPECT_FALSE(parse_close(Bytes{3}));
  for (const unsigned number : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 2999U, 5000U}) {
    const auto code = static_cast<std::uint16_t>(number);
    EXPECT_FALSE(parse_close(encode_close(code, ""))) << code;
  }
  EXPECT_EQ(parse_close(encode_close(4999, "")), 4999);
}

TEST(WebSocketKey, IsAnsweredAsTheRfcShows) {  // §1.3
  EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_TRUE(is_valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_TRUE(is_valid_key(make_key(std::array<std::uint8_t, 16>{})));
  EXPECT_FALSE(is_valid_key(""));
  EXPECT_FALSE(is_valid_key("dGhlIHNhbXBsZSBub25jZQ="));
  EXPECT_FALSE(is_valid_key("dGhlIHNhbXBsZSBub25j\r\n=="));
}

}  // namespace
}  // namespace turnpike::io
