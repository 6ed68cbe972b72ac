#include "core/yamux/frame.h"

#include <gtest/gtest.h>

namespace turnpike::yamux {
namespace {

TEST(YamuxFrame, IsWrittenBigEndian) {
  Bytes out;
  append_header(out, {FrameType::kWindowUpdate, kSyn | kFin, 0x01020304, 0x0a0b0c0d});
  EXPECT_EQ(out, (Bytes{0, 1, 0, 5, 1, 2, 3, 4, 0x0a, 0x0b, 0x0c, 0x0d}));
}

TEST(YamuxFrame, ComesBackAsItWasWritten) {
  for (const FrameType type : {FrameType::kData, FrameType::kWindowUpdate, FrameType::kPing, FrameType::kGoAway}) {
    const FrameHeader header{type, kAck | kRst, 0xfffffffe, 77};
    Bytes out;
    append_header(out, header);
    const auto read = read_header(out);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, header);
  }
}

TEST(YamuxFrame, RefusesOtherVersionsAndTypes) {
  Bytes out;
  append_header(out, {});
  out[0] = 1;
  EXPECT_EQ(read_header(out).error(), FrameError::kVersion);
  out[0] = 0;
  out[1] = 4;
  EXPECT_EQ(read_header(out).error(), FrameError::kType);
}

}  // namespace
}  // namespace turnpike::yamux
