#include "core/stun/framing.h"

#include <gtest/gtest.h>

#include "core/stun/test_vectors.h"

namespace turnpike::stun {
namespace {

TEST(StunFraming, WaitsForAHeadAndThenTellsTheSize) {
  for (std::size_t size = 0; size < 8; ++size) {
    const auto frame = next_frame(ByteView(vectors::kRequest).first(size));
    ASSERT_TRUE(frame) << size;
    EXPECT_FALSE(*frame) << size;
  }
  const auto frame = next_frame(ByteView(vectors::kRequest).first(8));
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->kind, FrameKind::kStun);
  EXPECT_EQ((*frame)->size, vectors::kRequest.size());
  EXPECT_EQ((*frame)->wire_size, vectors::kRequest.size());
}

TEST(StunFraming, CountsThePaddingOfChannelData) {
  for (const auto& [length, wire] : {std::pair{0U, 4U}, {1U, 8U}, {4U, 8U}, {5U, 12U}, {0xffffU, 0x10004U}}) {
    const Bytes head{0x40, 0x01, static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)};
    const auto frame = next_frame(head);
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->kind, FrameKind::kChannelData);
    EXPECT_EQ((*frame)->size, 4 + length);
    EXPECT_EQ((*frame)->wire_size, wire);
    EXPECT_LE((*frame)->wire_size, kMaxFrameSize);
  }
}

TEST(StunFraming, GivesUpOnAnythingElse) {
  for (const std::uint8_t first : std::initializer_list<std::uint8_t>{0x04, 0x16, 0x3f, 0x80, 0xa0, 0xff}) {
    EXPECT_EQ(next_frame(Bytes{first}).error(), FrameError::kNotTurn) << int{first};
  }
  EXPECT_EQ(next_frame(bytes_of("\x01\x01.\x10GET ")).error(), FrameError::kNotTurn);
  EXPECT_EQ(next_frame(Bytes{0, 1, 0, 3, 0x21, 0x12, 0xa4, 0x42}).error(), FrameError::kBadLength);
}

}  // namespace
}  // namespace turnpike::stun
