#include "io/tcp/buffer_pool.h"

#include <gtest/gtest.h>

namespace turnpike::io {
namespace {

TEST(PooledBuffer, IsLentAgainAfterItCameBack) {
  const auto* first = PooledBuffer::take().span().data();
  EXPECT_EQ(PooledBuffer::take().span().data(), first);
  EXPECT_FALSE(PooledBuffer());
}

TEST(PooledQueue, GivesBackWhatWasPutInWithoutGaps) {
  PooledQueue queue;
  std::uint8_t next_in = 0;
  std::uint8_t next_out = 0;
  for (int round = 0; round < 50; ++round) {
    const auto room = queue.writable();
    ASSERT_GE(room.size(), kPooledBuffer / 4);
    for (std::size_t i = 0; i < kPooledBuffer / 4; ++i) room[i] = next_in++;
    queue.commit(kPooledBuffer / 4);
    const std::size_t take = queue.size() * 3 / 4;
    for (const std::uint8_t byte : queue.readable().first(take)) ASSERT_EQ(byte, next_out++);
    queue.consume(take);
  }
  queue.consume(queue.size());
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.readable().empty());
}

}  // namespace
}  // namespace turnpike::io
