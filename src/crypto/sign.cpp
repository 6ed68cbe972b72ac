#include "crypto/sign.h"

#include <openssl/evp.h>

#include <memory>

#include "crypto/check.h"

namespace turnpike::crypto {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

Key private_key(const Digest& seed) {
  return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
}

}  // namespace

SigningKey::SigningKey(const Digest& seed) : seed_(seed) {
  const Key key = private_key(seed);
  std::size_t size = public_key_.size();
  check(EVP_PKEY_get_raw_public_key(key.get(), public_key_.data(), &size));
}

Signature SigningKey::sign(ByteView message) const {
  const Key key = private_key(seed_);
  const Context context(EVP_MD_CTX_new());
  Signature out{};
  std::size_t size = out.size();
  check(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()));
  check(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()));
  return out;
}

bool verify(const SignaturePublicKey& key, ByteView message, ByteView signature) {
  const Key handle(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const Context context(EVP_MD_CTX_new());
  if (!handle || signature.size() != Signature{}.size()) return false;
  check(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()));
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace turnpike::crypto
