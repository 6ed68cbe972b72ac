#include "core/mdns/message.h"

#include <gtest/gtest.h>

namespace turnpike::mdns {
namespace {

Bytes header(std::uint16_t questions, std::uint16_t answers = 0) {
  Bytes out;
  ByteWriter writer(out);
  for (const std::uint16_t field : {std::uint16_t{0}, std::uint16_t{0}, questions, answers}) writer.u16(field);
  writer.u32(0);
  return out;
}

TEST(MdnsMessage, ReadsItsOwnQuestion) {
  const auto read = decode(make_query());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->asks_for_service);
  EXPECT_FALSE(read->is_response);
}

TEST(MdnsMessage, ReadsItsOwnAnswer) {
  const std::vector<std::string> texts{"dnsaddr=/ip4/1.2.3.4/tcp/1", "dnsaddr=b"};
  const auto read = decode(make_response("abcdefghijklmnopqrstuvwxyz012345", texts));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->is_response);
  EXPECT_TRUE(read->names_service);
  EXPECT_EQ(read->texts, texts);
}

TEST(MdnsMessage, ReadsACompressedNameInAnyCase) {
  Bytes bytes = header(2);
  const Bytes query = make_query();
  bytes.insert(bytes.end(), query.begin() + 12, query.end());
  bytes[13] = '_';
  bytes[14] = 'P';
  ByteWriter(bytes).bytes(Bytes{0xc0, 12, 0, 12, 0, 1});
  EXPECT_TRUE(decode(bytes)->asks_for_service);
}

TEST(MdnsMessage, RefusesACompressionLoop) {
  for (const Bytes& name : {Bytes{0xc0, 12}, Bytes{0xc0, 14}, Bytes{1, 'a', 0xc0, 12}, Bytes{0xc0, 200}}) {
    Bytes bytes = header(1);
    ByteWriter(bytes).bytes(name);
    ByteWriter(bytes).u32(0x000c0001);
    const auto read = decode(bytes);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error(), ParseError::kBadName);
  }
}

TEST(MdnsMessage, FollowsSoManyPointersAndNoMore) {
  const auto chain = [](std::size_t jumps) {
    Bytes bytes = header(static_cast<std::uint16_t>(jumps + 1));
    ByteWriter out(bytes);
    out.bytes(Bytes{1, 'a', 0, 0, 12, 0, 1});
    for (std::size_t i = 0; i < jumps; ++i) {
      const std::size_t last = i == 0 ? 12 : bytes.size() - 6;
      out.u16(static_cast<std::uint16_t>(0xc000U | last));
      out.u32(0x000c0001);
    }
    return bytes;
  };
  EXPECT_TRUE(decode(chain(kMaxJumps)));
  EXPECT_FALSE(decode(chain(kMaxJumps + 1)));
}

TEST(MdnsMessage, RefusesANameLongerThanTheLimit) {
  const auto named = [](std::size_t labels) {
    Bytes bytes = header(1);
    for (std::size_t i = 0; i < labels; ++i) {
      ByteWriter(bytes).u8(49);
      ByteWriter(bytes).bytes(Bytes(49, 'a'));
    }
    ByteWriter(bytes).bytes(Bytes{0, 0, 12, 0, 1});
    return bytes;
  };
  EXPECT_TRUE(decode(named(5)));
  EXPECT_FALSE(decode(named(6)));
}

TEST(MdnsMessage, RefusesMoreRecordsAndBytesThanTheLimit) {
  ASSERT_FALSE(decode(header(kMaxRecords + 1)));
  EXPECT_EQ(decode(header(kMaxRecords + 1)).error(), ParseError::kTooLong);
  EXPECT_EQ(decode(header(0xffff, 0xffff)).error(), ParseError::kTooLong);
  EXPECT_EQ(decode(Bytes(kMaxMessage + 1)).error(), ParseError::kTooLong);
}

TEST(MdnsMessage, RefusesEveryTruncation) {
  const Bytes whole = make_response("abcdefghijklmnopqrstuvwxyz012345", {"dnsaddr=x"});
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(decode(ByteView(whole).first(size))) << size;
}

TEST(MdnsMessage, LeavesOutWhatDoesNotFit) {
  const std::vector<std::string> texts{std::string(kMaxString + 1, 'a'), std::string(kMaxString, 'b')};
  const auto read = decode(make_response("i", texts));
  EXPECT_EQ(read->texts, std::vector{texts[1]});
  EXPECT_LE(make_response("i", std::vector(100, texts[1])).size(), kMaxSent);
}

TEST(MdnsMessage, HoldsSoManyTexts) {
  std::vector<std::string> texts(kMaxStrings + 1, "t");
  EXPECT_EQ(decode(make_response("i", texts))->texts.size(), kMaxStrings);
}

}  // namespace
}  // namespace turnpike::mdns
