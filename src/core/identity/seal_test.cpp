#include "core/identity/seal.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/hex.h"

namespace turnpike::identity {
namespace {

class CountingRandom final : public Random {  // 40 41 42 …
 public:
  void fill(std::span<std::uint8_t> out) override { std::iota(out.begin(), out.end(), std::uint8_t{0x40}); }
};

crypto::SigningKey counting_key(std::uint8_t first) {
  Digest seed;
  std::iota(seed.begin(), seed.end(), first);
  return crypto::SigningKey(seed);
}

const crypto::SigningKey& recipient() {
  static const crypto::SigningKey kKey = counting_key(32);
  return kKey;
}

Bytes sample(std::uint64_t seed = 1) {
  SeededRandom random(seed);
  return seal(random, PeerId{recipient().public_key()}, bytes_of("hello"));
}

TEST(Seal, MakesThePublishedExample) {  // docs/protocols/statement.md; made with another implementation
  CountingRandom random;
  EXPECT_EQ(to_hex(seal(random, PeerId{recipient().public_key()}, bytes_of("hello"))),
            "79a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51a"
            "0d68b92299b3ebecf3ce1769e4da320a08bcf5d806");
}

TEST(Seal, IsOpenedByItsRecipient) {
  const auto opened = unseal(recipient(), sample());
  ASSERT_TRUE(opened);
  EXPECT_EQ(text_of(*opened), "hello");
  EXPECT_EQ(sample().size(), 5 + kSealOverhead);
}

TEST(Seal, IsOpenedByNobodyElse) { EXPECT_FALSE(unseal(counting_key(33), sample())); }

TEST(Seal, HidesThatTheSameWasSealedTwice) { EXPECT_NE(sample(1), sample(2)); }

TEST(Seal, CarriesNothingAtAllAsWell) {
  SeededRandom random(1);
  const auto opened = unseal(recipient(), seal(random, PeerId{recipient().public_key()}, {}));
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->empty());
}

TEST(Seal, RefusesEveryTruncationAndEveryFlippedByte) {
  const Bytes good = sample();
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(unseal(recipient(), ByteView(good).first(at))) << at;
    Bytes bad = good;
    bad[at] ^= 0x80U;
    EXPECT_FALSE(unseal(recipient(), bad)) << at;
  }
}

TEST(Seal, IsNotMadeToAKeyOfSmallOrder) {
  SeededRandom random(1);
  const PeerId identity_point{Digest{1}};  // y = 1
  PeerId order_two;                        // y = -1
  order_two.public_key.fill(0xff);
  order_two.public_key.front() = 0xec;
  order_two.public_key.back() = 0x7f;
  EXPECT_TRUE(seal(random, identity_point, bytes_of("hello")).empty());
  EXPECT_TRUE(seal(random, order_two, bytes_of("hello")).empty());
}

TEST(Seal, RefusesAnEphemeralKeyOfSmallOrder) {
  Bytes sealed = sample();
  std::fill_n(sealed.begin(), 32, std::uint8_t{0});
  EXPECT_FALSE(unseal(recipient(), sealed));
}

}  // namespace
}  // namespace turnpike::identity
