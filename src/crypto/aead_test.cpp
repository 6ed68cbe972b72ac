#include "crypto/aead.h"

#include <gtest/gtest.h>

namespace turnpike::crypto {
namespace {

const Digest kKey{1, 2, 3};

Bytes sealed(ByteView plain, std::uint64_t counter = 5, ByteView associated = {}) {
  Bytes out(plain.size() + kTagSize);
  ChaCha20Poly1305(kKey).seal(counter, associated, plain, out);
  return out;
}

bool opens(ByteView cipher, std::uint64_t counter = 5, ByteView associated = {}) {
  Bytes out(cipher.size() < kTagSize ? 0 : cipher.size() - kTagSize);
  return ChaCha20Poly1305(kKey).open(counter, associated, cipher, out);
}

TEST(ChaCha20Poly1305, OpensWhatItSealed) {
  for (const std::size_t size : {0U, 1U, 65519U}) {
    const Bytes plain(size, 0x42);
    const Bytes cipher = sealed(plain, 5, bytes_of("ad"));
    Bytes out(size);
    EXPECT_TRUE(ChaCha20Poly1305(kKey).open(5, bytes_of("ad"), cipher, out));
    EXPECT_EQ(out, plain);
  }
}

TEST(ChaCha20Poly1305, WorksInPlace) {
  Bytes buffer(100 + kTagSize, 0x42);
  ChaCha20Poly1305 cipher(kKey);
  cipher.seal(1, {}, ByteView(buffer).first(100), buffer);
  EXPECT_TRUE(cipher.open(1, {}, buffer, std::span(buffer).first(100)));
  EXPECT_EQ(Bytes(buffer.begin(), buffer.begin() + 100), Bytes(100, 0x42));
}

TEST(ChaCha20Poly1305, RefusesAFlippedBitAnotherCounterAndOtherAssociatedData) {
  Bytes cipher = sealed(bytes_of("hello"));
  EXPECT_TRUE(opens(cipher));
  EXPECT_FALSE(opens(cipher, 6));
  EXPECT_FALSE(opens(cipher, 5, bytes_of("x")));
  EXPECT_FALSE(opens(ByteView(cipher).first(15)));
  cipher[0] ^= 1U;
  EXPECT_FALSE(opens(cipher));
}

}  // namespace
}  // namespace turnpike::crypto
