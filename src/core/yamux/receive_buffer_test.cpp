#include "core/yamux/receive_buffer.h"

#include <gtest/gtest.h>

namespace turnpike::yamux {
namespace {

Bytes drain(ReceiveBuffer& buffer, BufferPool& pool, std::size_t step) {
  Bytes out;
  while (buffer.size() > 0) {
    const ByteView piece = buffer.front().first(std::min(step, buffer.front().size()));
    out.insert(out.end(), piece.begin(), piece.end());
    buffer.consume(piece.size(), pool);
  }
  return out;
}

TEST(YamuxReceiveBuffer, KeepsTheOrderOfSmallAndLargePieces) {
  ReceiveBuffer buffer;
  BufferPool pool;
  Bytes expected;
  for (std::uint8_t i = 0; i < 6; ++i) {
    const Bytes piece(5000, i);
    expected.insert(expected.end(), piece.begin(), piece.end());
    if (i % 2 == 0) {
      buffer.append(piece);
    } else {
      Bytes storage(12, 0xff);
      storage.insert(storage.end(), piece.begin(), piece.end());
      buffer.adopt(std::move(storage), 12, piece.size());
    }
  }
  EXPECT_EQ(buffer.size(), 30000U);
  EXPECT_EQ(drain(buffer, pool, 777), expected);
}

TEST(YamuxReceiveBuffer, GivesTheStorageOfALargePieceBack) {
  ReceiveBuffer buffer;
  BufferPool pool;
  buffer.adopt(Bytes(65519), 12, 65507);
  buffer.consume(65506, pool);
  EXPECT_EQ(pool.kept(), 0U);
  buffer.consume(1, pool);
  EXPECT_EQ(pool.kept(), 1U);
  EXPECT_EQ(pool.take().size(), 65519U);
}

TEST(YamuxReceiveBuffer, GathersBytesThatComeOneByOne) {
  ReceiveBuffer buffer;
  for (int i = 0; i < 1000; ++i) buffer.append(Bytes{static_cast<std::uint8_t>(i)});
  EXPECT_EQ(buffer.front().size(), 1000U);
}

TEST(YamuxReceiveBuffer, NeverConsumesMoreThanThereIs) {
  ReceiveBuffer buffer;
  BufferPool pool;
  buffer.append(Bytes(10));
  buffer.consume(100, pool);
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_TRUE(buffer.front().empty());
}

TEST(YamuxReceiveBuffer, KeepsNothingThatWastesItsStorage) {
  EXPECT_TRUE(ReceiveBuffer::worth_keeping(40000, 65519));
  EXPECT_FALSE(ReceiveBuffer::worth_keeping(30000, 65519));
  EXPECT_FALSE(ReceiveBuffer::worth_keeping(100, 100));
}

TEST(YamuxBufferPool, KeepsOnlySoMany) {
  BufferPool pool;
  for (std::size_t i = 0; i < BufferPool::kMaxKept + 3; ++i) pool.give(Bytes(BufferPool::kMinCapacity));
  EXPECT_EQ(pool.kept(), BufferPool::kMaxKept);
  pool.give(Bytes(16));
  EXPECT_FALSE(pool.take().empty());
}

}  // namespace
}  // namespace turnpike::yamux
