#include "core/multistream/message.h"

#include <gtest/gtest.h>

namespace turnpike::multistream {
namespace {

Bytes message(std::string_view text) {
  Bytes out;
  append_message(out, text);
  return out;
}

TEST(MultistreamMessage, WritesTheHeaderAsEveryoneDoes) {
  const Bytes header = message(kHeader);
  EXPECT_EQ(header.size(), 20U);
  EXPECT_EQ(header.front(), 0x13);
  EXPECT_EQ(message(kNotAvailable), (Bytes{0x03, 0x6e, 0x61, 0x0a}));
}

TEST(MultistreamMessage, ReadsAMessageThatComesByteByByte) {
  MessageReader reader;
  const std::string text(300, 'x');  // two length bytes
  const Bytes bytes = message(text);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ByteView piece = ByteView(bytes).subspan(i, 1);
    const auto read = reader.read(piece);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->has_value(), i + 1 == bytes.size());
    if (*read) {
      EXPECT_EQ(**read, text);
    }
  }
}

TEST(MultistreamMessage, NeverTakesAByteBehindTheMessage) {
  Bytes bytes = message("/noise");
  bytes.push_back(0x00);
  bytes.push_back(0x20);
  MessageReader reader;
  ByteView in = bytes;
  const auto read = reader.read(in);
  ASSERT_TRUE(read && *read);
  EXPECT_EQ(**read, "/noise");
  EXPECT_EQ(in.size(), 2U);
}

TEST(MultistreamMessage, TakesTheLongestAndRefusesOneByteMore) {
  MessageReader reader;
  const Bytes longest = message(std::string(kMaxMessage - 1, 'y'));
  ByteView in = longest;
  ASSERT_TRUE(reader.read(in));

  const Bytes longer = message(std::string(kMaxMessage, 'y'));
  in = longer;
  const auto refused = reader.read(in);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), MessageError::kTooLong);
}

TEST(MultistreamMessage, RefusesLengthsThatCannotBe) {
  for (const Bytes& bytes : {Bytes{0x00}, Bytes{0x80, 0x00}}) {
    MessageReader reader;
    ByteView in = bytes;
    const auto read = reader.read(in);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error(), MessageError::kEmpty);
  }
  MessageReader reader;
  const Bytes endless{0xff, 0xff};
  ByteView in = endless;
  const auto read = reader.read(in);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), MessageError::kTooLong);
}

TEST(MultistreamMessage, RefusesTextWithoutItsNewline) {
  MessageReader reader;
  const Bytes bytes{0x02, 'n', 'a'};
  ByteView in = bytes;
  const auto read = reader.read(in);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error(), MessageError::kNoNewline);
}

}  // namespace
}  // namespace turnpike::multistream
