#include "core/quic/stream_buffer.h"

#include <gtest/gtest.h>

#include <array>

#include "base/random.h"

namespace turnpike::quic {
namespace {

Bytes numbered(std::size_t from, std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>((from + i) * 7 + (from + i) / 256);
  return out;
}

TEST(QuicStreamBuffer, GivesBackWhatWasPutInWhateverTheSizes) {
  SeededRandom random(3);
  ChunkPool pool;
  StreamBuffer buffer;
  std::size_t in = 0;
  std::size_t marked = 0;
  std::size_t out = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::size_t size = random.below(random.below(10) == 0 ? 100'000 : 300);
    buffer.append(numbered(in, size), pool);
    in += size;
    std::array<ByteView, 4> views;
    const std::size_t count = buffer.peek(views);
    std::size_t at = marked;
    for (std::size_t v = 0; v < count; ++v) {
      ASSERT_EQ(copy_of(views[v].first(std::min<std::size_t>(views[v].size(), 64))),
                numbered(at, std::min<std::size_t>(views[v].size(), 64)));
      at += views[v].size();
    }
    const std::size_t forward = std::min<std::size_t>(random.below(120'000), at - marked);
    buffer.mark(forward);
    marked += forward;
    const std::size_t gone = random.below(buffer.marked() + 1);
    buffer.drop(gone, pool);
    out += gone;
    ASSERT_EQ(buffer.size(), in - out);
    ASSERT_EQ(buffer.unmarked(), in - marked);
    if (!buffer.empty()) ASSERT_EQ(buffer.front()[0], numbered(out, 1)[0]);
  }
}

TEST(QuicStreamBuffer, DoesNotMoveWhatWasPeekedAt) {
  ChunkPool pool;
  StreamBuffer buffer;
  buffer.append(numbered(0, 5000), pool);
  std::array<ByteView, 4> views;
  ASSERT_EQ(buffer.peek(views), 1U);
  const auto* const where = views[0].data();
  for (std::size_t i = 0; i < 100; ++i) buffer.append(numbered(i, 3000), pool);
  buffer.peek(views);
  EXPECT_EQ(views[0].data(), where);
}

TEST(QuicStreamBuffer, KeepsLittleForLittle) {
  ChunkPool pool;
  StreamBuffer buffer;
  buffer.append(numbered(0, 30), pool);
  EXPECT_EQ(pool.take(10).capacity(), 128U);
  buffer.drop(30, pool);
  EXPECT_TRUE(buffer.front().empty());
}

}  // namespace
}  // namespace turnpike::quic
