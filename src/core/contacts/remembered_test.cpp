#include "core/contacts/remembered.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "crypto/sign.h"

namespace turnpike::contacts {
namespace {

std::vector<Remembered> some(std::size_t count) {
  SeededRandom random(3);
  std::vector<Remembered> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back({{crypto::SigningKey::generate(random).public_key()},
                   {{IpAddress::v4(192, 0, 2, 1), 4001}, {*IpAddress::parse("2001:db8::1"), 4001}},
                   1000 + i});
  }
  return out;
}

TEST(RememberedPeers, ComeBackAsTheyWereWritten) { EXPECT_EQ(decode(encode(some(5))), some(5)); }

TEST(RememberedPeers, AreSoManyAndNoMore) {
  EXPECT_EQ(decode(encode(some(kMaxRemembered + 1))).size(), kMaxRemembered);
  auto many = some(1);
  many[0].tcp.assign(kMaxAddresses + 1, {IpAddress::v4(192, 0, 2, 1), 4001});
  EXPECT_EQ(decode(encode(many))[0].tcp.size(), kMaxAddresses);
}

TEST(RememberedPeers, AreNobodyWhereTheFileIsDamaged) {
  Bytes bytes = encode(some(2));
  EXPECT_TRUE(decode(ByteView(bytes).first(bytes.size() - 1)).empty());
  EXPECT_TRUE(decode({}).empty());
  bytes[4] ^= 0xffU;  // the first one's id is none any more
  EXPECT_LE(decode(bytes).size(), 2U);
}

}  // namespace
}  // namespace turnpike::contacts
