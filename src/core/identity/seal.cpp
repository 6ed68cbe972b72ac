#include "core/identity/seal.h"

#include <algorithm>

#include "crypto/aead.h"
#include "crypto/exchange.h"
#include "crypto/mac.h"

namespace turnpike::identity {
namespace {

constexpr std::string_view kLabel = "turnpike-seal-1";

// One key for one message, so its nonce can be zero. Both public keys go in, so that the shared secret's other
// representations (X25519 ignores some bits of its inputs) lead to other keys.
crypto::ChaCha20Poly1305 cipher_for(const Digest& shared, const Digest& ephemeral, const Digest& recipient) {
  Bytes info = copy_of(bytes_of(kLabel));
  info.insert(info.end(), ephemeral.begin(), ephemeral.end());
  info.insert(info.end(), recipient.begin(), recipient.end());
  const Bytes key_bytes = crypto::hkdf_sha256(shared, {}, info, 32);
  Digest key{};
  std::copy_n(key_bytes.begin(), key.size(), key.begin());
  return crypto::ChaCha20Poly1305(key);
}

}  // namespace

Bytes seal(Random& random, const PeerId& recipient, ByteView plain) {
  const auto their_key = crypto::exchange_key_of(recipient.public_key);
  if (!their_key) return {};
  const auto ephemeral = crypto::ExchangeKey::generate(random);
  const auto shared = crypto::agree(ephemeral.secret, *their_key);
  if (!shared) return {};

  Bytes out(kSealOverhead + plain.size());
  std::ranges::copy(ephemeral.public_key, out.begin());
  const auto sealed = std::span(out).subspan(ephemeral.public_key.size());
  cipher_for(*shared, ephemeral.public_key, *their_key).seal(0, recipient.to_bytes(), plain, sealed);
  return out;
}

std::optional<Bytes> unseal(const crypto::SigningKey& recipient, ByteView sealed) {
  ByteReader in(sealed);
  const Digest ephemeral = in.array<32>();
  if (in.failed() || in.remaining() < crypto::kTagSize) return std::nullopt;
  const auto own = crypto::ExchangeKey::of(recipient);
  const auto shared = crypto::agree(own.secret, ephemeral);
  if (!shared) return std::nullopt;

  const ByteView body = in.take(in.remaining());
  Bytes out(body.size() - crypto::kTagSize);
  const Bytes associated = PeerId{recipient.public_key()}.to_bytes();
  if (!cipher_for(*shared, ephemeral, own.public_key).open(0, associated, body, out)) return std::nullopt;
  return out;
}

}  // namespace turnpike::identity
