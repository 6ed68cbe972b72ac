#include "crypto/exchange.h"

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "crypto/check.h"

namespace turnpike::crypto {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Number = std::unique_ptr<BIGNUM, Free>;

// 2^255 - 19
Number field_prime() {
  Number p(BN_new());
  check(BN_set_bit(p.get(), 255));
  check(BN_sub_word(p.get(), 19));
  return p;
}

}  // namespace

ExchangeKey ExchangeKey::from_secret(const Digest& secret) {
  ExchangeKey out{.secret = secret, .public_key = {}};
  const Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, secret.data(), secret.size()));
  std::size_t size = out.public_key.size();
  check(EVP_PKEY_get_raw_public_key(key.get(), out.public_key.data(), &size));
  return out;
}

ExchangeKey ExchangeKey::of(const SigningKey& key) {
  std::array<std::uint8_t, 64> hash{};
  check(EVP_Digest(key.seed().data(), key.seed().size(), hash.data(), nullptr, EVP_sha512(), nullptr));
  Digest secret{};
  std::copy_n(hash.begin(), secret.size(), secret.begin());
  secret.front() &= 0xf8U;
  secret.back() = static_cast<std::uint8_t>((secret.back() & 0x7fU) | 0x40U);
  return from_secret(secret);
}

std::optional<Digest> agree(const Digest& secret, const Digest& their_public_key) {
  const Key ours(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, secret.data(), secret.size()));
  const Key theirs(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, their_public_key.data(), their_public_key.size()));
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new(ours.get(), nullptr));
  check(EVP_PKEY_derive_init(context.get()));
  Digest out{};
  std::size_t size = out.size();
  if (EVP_PKEY_derive_set_peer(context.get(), theirs.get()) <= 0) return std::nullopt;
  if (EVP_PKEY_derive(context.get(), out.data(), &size) <= 0) return std::nullopt;
  if (std::ranges::all_of(out, [](std::uint8_t byte) { return byte == 0; })) return std::nullopt;
  return out;
}

std::optional<Digest> exchange_key_of(const SignaturePublicKey& key) {
  Digest y_bytes = key;
  y_bytes.back() &= 0x7fU;  // the sign of x
  const std::unique_ptr<BN_CTX, Free> context(BN_CTX_new());
  const Number p = field_prime();
  const Number y(BN_lebin2bn(y_bytes.data(), static_cast<int>(y_bytes.size()), nullptr));
  const Number above(BN_new());
  const Number below(BN_new());
  check(BN_mod_add(above.get(), BN_value_one(), y.get(), p.get(), context.get()));
  check(BN_mod_sub(below.get(), BN_value_one(), y.get(), p.get(), context.get()));
  if (BN_is_zero(below.get())) return std::nullopt;
  const Number inverse(BN_mod_inverse(nullptr, below.get(), p.get(), context.get()));
  if (!inverse) return std::nullopt;
  const Number u(BN_new());
  check(BN_mod_mul(u.get(), above.get(), inverse.get(), p.get(), context.get()));
  Digest out{};
  if (BN_bn2lebinpad(u.get(), out.data(), static_cast<int>(out.size())) < 0) return std::nullopt;
  return out;
}

}  // namespace turnpike::crypto
