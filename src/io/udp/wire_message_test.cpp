#include "io/udp/wire_message.h"

#include <gtest/gtest.h>

#include <vector>

namespace turnpike::io {
namespace {

Bytes joined(std::span<const iovec> vectors) {
  Bytes out;
  for (const iovec& one : vectors) {
    const auto* bytes = static_cast<const std::uint8_t*>(one.iov_base);
    out.insert(out.end(), bytes, bytes + one.iov_len);
  }
  return out;
}

TEST(WireAddress, ComesBackAsItWasWrittenOnEitherSocket) {
  const Endpoint v4{IpAddress::v4(192, 0, 2, 7), 4001};
  const Endpoint v6{*IpAddress::parse("2001:db8::9"), 443};
  sockaddr_storage address{};
  write_address(v4, AF_INET, address);
  EXPECT_EQ(read_address(address), v4);
  write_address(v4, AF_INET6, address);
  EXPECT_EQ(read_address(address), v4);
  write_address(v6, AF_INET6, address);
  EXPECT_EQ(read_address(address), v6);
}

TEST(PartCutter, CutsAcrossThePartsEveryTime) {
  const Bytes a = {1, 2, 3};
  const Bytes b = {4};
  const Bytes c = {5, 6, 7, 8};
  const std::vector<ByteView> parts = {a, ByteView(), b, c};
  PartCutter cut(parts);
  EXPECT_EQ(cut.remaining(), 8U);
  std::array<iovec, 8> out;
  auto used = cut.take(5, out);
  ASSERT_TRUE(used);
  EXPECT_EQ(joined(std::span(out).first(*used)), (Bytes{1, 2, 3, 4, 5}));
  EXPECT_EQ(cut.remaining(), 3U);
  used = cut.take(5, out);
  ASSERT_TRUE(used);
  EXPECT_EQ(joined(std::span(out).first(*used)), (Bytes{6, 7, 8}));
  EXPECT_EQ(cut.taken(), 8U);
}

TEST(PartCutter, SaysWhenTheVectorsDoNotSuffice) {
  const Bytes a = {1};
  const std::vector<ByteView> parts = {a, a, a};
  PartCutter cut(parts);
  std::array<iovec, 2> out;
  EXPECT_FALSE(cut.take(3, out));
}

}  // namespace
}  // namespace turnpike::io
