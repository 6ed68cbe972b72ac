#include "io/turn/channel_run.h"

#include <gtest/gtest.h>

namespace turnpike::io {
namespace {

Bytes packet(turn::ChannelNumber channel, std::size_t size, std::size_t padding = 0) {
  Bytes out;
  for (const std::uint8_t byte : turn::channel_header(channel, size)) out.push_back(byte);
  out.resize(out.size() + size, 'x');
  out.resize(out.size() + padding, 0);
  return out;
}

struct Train {
  Bytes bytes;
  DatagramBatch batch;

  explicit Train(const std::vector<Bytes>& packets) {
    for (const Bytes& each : packets) bytes.insert(bytes.end(), each.begin(), each.end());
    batch.bytes = bytes;
    batch.segment_size = packets.front().size();
  }
};

TEST(TurnChannelRun, IsAllOfOneChannelAndLengthAndAShorterLastOne) {
  Train train({packet(0x4000, 100), packet(0x4000, 100), packet(0x4000, 100), packet(0x4000, 40)});
  const auto run = take_channel_run(train.batch);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->channel, 0x4000);
  EXPECT_EQ(run->data_size, 340U);
  EXPECT_EQ(run->batch.count(), 4U);
  EXPECT_TRUE(train.batch.bytes.empty());
}

TEST(TurnChannelRun, EndsWhereAnotherChannelOrLengthBegins) {
  Train train({packet(0x4000, 100), packet(0x4001, 100), packet(0x4001, 96, 4), packet(0x4001, 100)});
  for (const std::size_t data : {100U, 100U, 96U, 100U}) {
    const auto run = take_channel_run(train.batch);
    ASSERT_TRUE(run);
    EXPECT_EQ(run->batch.count(), 1U);
    EXPECT_EQ(run->data_size, data);
    EXPECT_EQ(run->batch.bytes.size(), data + 4) << "padding is left behind";
  }
  EXPECT_FALSE(take_channel_run(train.batch));
}

TEST(TurnChannelRun, IsNoneOfAnythingElse) {
  Bytes lying = packet(0x4000, 100);
  lying[3] = 101;
  Train too_long({lying});
  EXPECT_FALSE(take_channel_run(too_long.batch));
  EXPECT_EQ(too_long.batch.bytes.size(), 104U);
  Train stun({Bytes{0, 1, 0, 0}});
  EXPECT_FALSE(take_channel_run(stun.batch));
  Train short_one({Bytes{0x40}});
  EXPECT_FALSE(take_channel_run(short_one.batch));
}

TEST(TurnChannelRun, StopsBeforeALastPacketThatLies) {
  Bytes lying = packet(0x4000, 40);
  lying[3] = 99;
  Train train({packet(0x4000, 100), lying});
  EXPECT_EQ(take_channel_run(train.batch)->batch.count(), 1U);
  EXPECT_FALSE(take_channel_run(train.batch));
  EXPECT_EQ(train.batch.bytes.size(), 44U);
}

TEST(TurnChannelRun, IsRenumberedWithoutTouchingItsData) {
  Train train({packet(0x4000, 100), packet(0x4000, 100), packet(0x4000, 40)});
  const auto run = take_channel_run(train.batch);
  RunHeaders headers;
  std::vector<ByteView> parts;
  renumber(*run, 0x4abc, headers, parts);
  Bytes out;
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  EXPECT_EQ(out, Train({packet(0x4abc, 100), packet(0x4abc, 100), packet(0x4abc, 40)}).bytes);
}

TEST(TurnChannelRun, OfEmptyPacketsIsOneToo) {
  Train train({packet(0x4000, 0), packet(0x4000, 0)});
  const auto run = take_channel_run(train.batch);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->batch.count(), 2U);
  EXPECT_EQ(run->data_size, 0U);
}

}  // namespace
}  // namespace turnpike::io
