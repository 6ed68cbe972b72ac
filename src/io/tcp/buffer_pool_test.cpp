#include "io/tcp/buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>

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

TEST(PooledQueue, KeepsALittleWithoutALargeBuffer) {
  PooledQueue queue;
  std::ranges::copy(bytes_of("abcdef"), queue.writable().begin());
  queue.commit(6);
  queue.consume(2);
  queue.shrink();
  EXPECT_EQ(text_of(queue.readable()), "cdef");
  queue.consume(1);
  std::ranges::copy(bytes_of("gh"), queue.writable().begin());
  queue.commit(2);
  EXPECT_EQ(text_of(queue.readable()), "defgh");
  queue.consume(5);
  queue.shrink();
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace turnpike::io
