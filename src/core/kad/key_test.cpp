#include "core/kad/key.h"

#include <gtest/gtest.h>

namespace turnpike::kad {
namespace {

Place place(std::uint8_t first, std::uint8_t last = 0) {
  Place out;
  out.bits.front() = first;
  out.bits.back() = last;
  return out;
}

TEST(KadKey, OrdersByXorAndNotByNumericDifference) {
  EXPECT_TRUE(is_closer(place(0x80), place(0xff), place(0x7f)));
  EXPECT_FALSE(is_closer(place(0x80), place(0x7f), place(0xff)));
  EXPECT_FALSE(is_closer(place(1), place(2), place(2)));
}

TEST(KadKey, CountsTheLeadingBitsThatTwoShare) {
  EXPECT_EQ(shared_bits(place(0), place(0x80)), 0U);
  EXPECT_EQ(shared_bits(place(0), place(1)), 7U);
  EXPECT_EQ(shared_bits(place(0, 0), place(0, 1)), 255U);
  EXPECT_EQ(shared_bits(place(3), place(3)), kKeyBits);
}

TEST(KadKey, NamesAStoreByASha256Multihash) {
  const Bytes key = provider_key(Digest{7});
  EXPECT_EQ(key.size(), 34U);
  EXPECT_EQ(key[0], 0x12);
  EXPECT_EQ(key[1], 0x20);
  EXPECT_EQ(key[2], 7);
  EXPECT_TRUE(is_provider_key(key));
  EXPECT_FALSE(is_provider_key(ByteView(key).first(33)));
  EXPECT_FALSE(is_provider_key(Bytes(34, 0x12)));
}

}  // namespace
}  // namespace turnpike::kad
