#include "base/bytes.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(ByteReader, FailsForGoodOnceItReadsPastTheEnd) {
  const Bytes bytes{1, 2, 3};
  ByteReader in(bytes);
  EXPECT_EQ(in.u16(), 0x0102);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.u8(), 0);
}

TEST(ByteReader, ReadsBackWhatByteWriterWrote) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(1);
  out.u16(2);
  out.u32(3);
  out.u64(0x0102030405060708U);
  out.varint(300);
  ByteReader in(bytes);
  EXPECT_EQ(in.u8(), 1);
  EXPECT_EQ(in.u16(), 2);
  EXPECT_EQ(in.u32(), 3U);
  EXPECT_EQ(in.u64(), 0x0102030405060708U);
  EXPECT_EQ(in.varint(), 300U);
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_FALSE(in.failed());
}

TEST(ByteReader, ReadsTheLargestVarintAndRefusesLongerAndPaddedOnes) {
  Bytes largest;
  ByteWriter(largest).varint((std::uint64_t{1} << 63U) - 1);
  EXPECT_EQ(largest.size(), 9U);
  EXPECT_EQ(ByteReader(largest).varint(), (std::uint64_t{1} << 63U) - 1);
  for (const Bytes& bad : {Bytes(10, 0x80), Bytes{0x81, 0x00}, Bytes{0x80}, Bytes{}}) {
    ByteReader in(bad);
    in.varint();
    EXPECT_TRUE(in.failed());
  }
}

}  // namespace
}  // namespace turnpike
