#include "core/turn/channel_data.h"

#include <gtest/gtest.h>

namespace turnpike::turn {
namespace {

TEST(TurnChannelData, ReadsUpToItsLengthAndPassesOverThePadding) {
  EXPECT_EQ(text_of(parse_channel_data(Bytes{0x40, 1, 0, 2, 'h', 'i', 0, 0})->data), "hi");
  EXPECT_TRUE(parse_channel_data(Bytes{0x40, 1, 0, 0})->data.empty());
}

TEST(TurnChannelData, RefusesLengthsBeyondTheMessageAndNumbersThatAreNoChannel) {
  EXPECT_FALSE(parse_channel_data({}));
  EXPECT_FALSE(parse_channel_data(Bytes{0x40, 1, 0}));
  EXPECT_FALSE(parse_channel_data(Bytes{0x40, 1, 0, 3, 'h', 'i'}));
  EXPECT_FALSE(parse_channel_data(Bytes{0x40, 1, 0xff, 0xff, 'h', 'i'}));
  EXPECT_FALSE(parse_channel_data(Bytes{0x80, 0, 0, 0}));
  EXPECT_FALSE(parse_channel_data(Bytes{0x3f, 0xff, 0, 0}));
}

TEST(TurnChannelData, IsPaddedToWordsInAStream) {
  for (const auto& [size, padding] : {std::pair{0U, 0U}, {1U, 3U}, {3U, 1U}, {4U, 0U}, {0xffffU, 1U}}) {
    EXPECT_EQ(channel_padding(size), padding);
  }
}

}  // namespace
}  // namespace turnpike::turn
