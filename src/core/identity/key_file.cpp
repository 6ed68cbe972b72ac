#include "core/identity/key_file.h"

#include <algorithm>

namespace turnpike::identity {
namespace {

// The PrivateKey protobuf: Type = Ed25519, Data of 64 bytes.
constexpr std::array<std::uint8_t, 4> kPrefix{0x08, 0x01, 0x12, 0x40};

}  // namespace

Bytes encode_key_file(const crypto::SigningKey& key) {
  Bytes out(kPrefix.begin(), kPrefix.end());
  out.insert(out.end(), key.seed().begin(), key.seed().end());
  out.insert(out.end(), key.public_key().begin(), key.public_key().end());
  return out;
}

std::optional<crypto::SigningKey> decode_key_file(ByteView bytes) {
  ByteReader in(bytes);
  const auto prefix = in.array<kPrefix.size()>();
  const Digest seed = in.array<32>();
  const Digest public_key = in.array<32>();
  if (in.failed() || in.remaining() != 0 || prefix != kPrefix) return std::nullopt;
  crypto::SigningKey key(seed);
  if (key.public_key() != public_key) return std::nullopt;
  return key;
}

}  // namespace turnpike::identity
