#include "core/kad/key.h"

#include <bit>

#include "crypto/hash.h"

namespace turnpike::kad {
namespace {

constexpr std::uint8_t kSha256Code = 0x12;
constexpr std::uint8_t kSha256Size = 0x20;

}  // namespace

Place Place::of(ByteView key) { return {crypto::sha256(key)}; }

Digest distance(const Place& a, const Place& b) {
  Digest out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a.bits[i] ^ b.bits[i];
  return out;
}

std::size_t shared_bits(const Place& a, const Place& b) {
  const Digest apart = distance(a, b);
  for (std::size_t i = 0; i < apart.size(); ++i) {
    if (apart[i] != 0) return 8 * i + static_cast<std::size_t>(std::countl_zero(apart[i]));
  }
  return kKeyBits;
}

bool is_closer(const Place& target, const Place& a, const Place& b) {
  return distance(target, a) < distance(target, b);
}

Bytes provider_key(const Digest& store) {
  Bytes out{kSha256Code, kSha256Size};
  out.insert(out.end(), store.begin(), store.end());
  return out;
}

bool is_provider_key(ByteView key) {
  return key.size() == 2 + kSha256Size && key[0] == kSha256Code && key[1] == kSha256Size;
}

}  // namespace turnpike::kad
