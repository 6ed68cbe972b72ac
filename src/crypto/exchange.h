// X25519 key agreement (RFC 7748), and the X25519 twin of an Ed25519 key, so that one identity can sign and be sealed
// to.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "crypto/sign.h"

namespace turnpike::crypto {

struct ExchangeKey {
  Digest secret{};
  Digest public_key{};

  [[nodiscard]] static ExchangeKey from_secret(const Digest& secret);
  [[nodiscard]] static ExchangeKey generate(Random& random) { return from_secret(random.array<32>()); }
  /// The key that belongs to exchange_key_of(key.public_key()): the clamped first half of SHA-512(seed) (RFC
  /// 8032, 5.1.5).
  [[nodiscard]] static ExchangeKey of(const SigningKey& key);
};

/// Fails when the result is all zero: the peer sent a point of small order (RFC 7748, section 6.1).
[[nodiscard]] std::optional<Digest> agree(const Digest& secret, const Digest& their_public_key);

/// The Montgomery u-coordinate (1 + y) / (1 - y) of an Ed25519 public key (RFC 7748, section 4.1). Fails for y = 1.
[[nodiscard]] std::optional<Digest> exchange_key_of(const SignaturePublicKey& key);

}  // namespace turnpike::crypto
