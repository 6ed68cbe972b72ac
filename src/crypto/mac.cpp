#include "crypto/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/check.h"

namespace turnpike::crypto {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> hmac(const EVP_MD* method, ByteView key, ByteView message) {
  std::array<std::uint8_t, N> out{};
  const std::uint8_t* const key_bytes =
      key.empty() ? out.data() : key.data();  // OpenSSL wants a pointer even to nothing
  unsigned size = 0;
  if (HMAC(method, key_bytes, static_cast<int>(key.size()), message.data(), message.size(), out.data(), &size) ==
      nullptr) {
    check(0);
  }
  return out;
}

}  // namespace

Digest hmac_sha256(ByteView key, ByteView message) { return hmac<32>(EVP_sha256(), key, message); }

Sha1Mac hmac_sha1(ByteView key, ByteView message) { return hmac<20>(EVP_sha1(), key, message); }

Bytes hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::size_t size) {
  const Digest key = hmac_sha256(salt, secret);
  Bytes out;
  Bytes block;
  for (std::uint8_t counter = 1; out.size() < size; ++counter) {
    block.insert(block.end(), info.begin(), info.end());
    block.push_back(counter);
    const Digest next = hmac_sha256(key, block);
    out.insert(out.end(), next.begin(), next.end());
    block.assign(next.begin(), next.end());
  }
  out.resize(size);
  return out;
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace turnpike::crypto
