#include "core/kad/reader.h"

#include <gtest/gtest.h>

#include "core/kad/kad_test_support.h"

namespace turnpike::kad {
namespace {

constexpr Instant kStart{std::chrono::seconds(10)};

std::vector<Message> read(Reader& reader, ByteView bytes, std::size_t piece) {
  std::vector<Message> out;
  while (!bytes.empty()) {
    const ByteView some = bytes.first(std::min(piece, bytes.size()));
    const std::size_t taken = reader.handle_bytes(kStart, some);
    if (auto message = reader.poll_message()) out.push_back(*std::move(message));
    bytes = bytes.subspan(taken);
  }
  return out;
}

TEST(KadReader, ReadsSeveralMessagesHoweverTheyAreCut) {
  const Message first{Type::kFindNode, Bytes(34, 1), {peer(1)}, {}};
  const Message second{Type::kGetProviders, Bytes(34, 2), {}, {}};
  Bytes bytes = encode(first);
  const Bytes more = encode(second);
  bytes.insert(bytes.end(), more.begin(), more.end());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    Reader reader(kStart);
    EXPECT_EQ(read(reader, bytes, piece), (std::vector{first, second})) << piece;
    reader.handle_end(kStart);
    EXPECT_FALSE(reader.error());
    EXPECT_TRUE(reader.is_ended());
  }
}

TEST(KadReader, RefusesALengthBeyondTheLimitBeforeItHoldsAnyOfIt) {
  Bytes bytes;
  ByteWriter(bytes).varint(kMaxMessage + 1);
  Reader reader(kStart);
  reader.handle_bytes(kStart, bytes);
  EXPECT_EQ(reader.error(), ReadError::kTooLong);
}

TEST(KadReader, RefusesALengthThatNeverEnds) {
  Reader reader(kStart);
  reader.handle_bytes(kStart, Bytes(9, 0xff));
  EXPECT_EQ(reader.error(), ReadError::kTooLong);
  Reader padded(kStart);
  padded.handle_bytes(kStart, Bytes{0x81, 0x00});
  EXPECT_EQ(padded.error(), ReadError::kTooLong);
}

TEST(KadReader, TellsAnEndWithinAMessageFromOneBetween) {
  const Bytes bytes = encode({Type::kFindNode, Bytes(34, 1), {}, {}});
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    Reader reader(kStart);
    read(reader, ByteView(bytes).first(size), size);
    reader.handle_end(kStart);
    EXPECT_EQ(reader.error(), ReadError::kTruncated) << size;
  }
}

TEST(KadReader, EndsAStreamOfMoreMessagesThanTheLimit) {
  const Bytes bytes = encode({Type::kFindNode, Bytes(34, 1), {}, {}});
  Reader reader(kStart);
  for (std::size_t i = 0; i < kMaxMessagesPerStream; ++i) EXPECT_EQ(read(reader, bytes, 1000).size(), 1U);
  EXPECT_FALSE(reader.error());
  read(reader, bytes, 1000);
  EXPECT_EQ(reader.error(), ReadError::kTooLong);
}

TEST(KadReader, GivesUpOnAPeerThatTricklesOneMessage) {
  Reader reader(kStart);
  reader.handle_bytes(kStart + kMessageTime - Duration(1), Bytes{36});
  EXPECT_EQ(reader.poll_timeout(), kStart + kMessageTime);
  reader.handle_timeout(kStart + kMessageTime);
  EXPECT_EQ(reader.error(), ReadError::kTimeout);
}

}  // namespace
}  // namespace turnpike::kad
