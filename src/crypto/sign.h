// Ed25519 signatures (RFC 8032).
#pragma once

#include <array>

#include "base/bytes.h"
#include "base/random.h"

namespace turnpike::crypto {

using SignaturePublicKey = Digest;
using Signature = std::array<std::uint8_t, 64>;

/// A 32-byte seed and the public key that follows from it. Copyable: whoever holds it can sign.
class SigningKey {
 public:
  [[nodiscard]] static SigningKey generate(Random& random) { return SigningKey(random.array<32>()); }
  explicit SigningKey(const Digest& seed);

  [[nodiscard]] const Digest& seed() const { return seed_; }
  [[nodiscard]] const SignaturePublicKey& public_key() const { return public_key_; }
  [[nodiscard]] Signature sign(ByteView message) const;

 private:
  Digest seed_;
  SignaturePublicKey public_key_{};
};

/// False for a wrong signature, a wrong length and a key that is no point on the curve alike.
[[nodiscard]] bool verify(const SignaturePublicKey& key, ByteView message, ByteView signature);

}  // namespace turnpike::crypto
