#include "crypto/foreign_key.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

namespace turnpike::crypto {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;

Bytes spki_of(const Key& key) {
  unsigned char* out = nullptr;
  const int size = i2d_PUBKEY(key.get(), &out);
  Bytes der(out, out + size);
  OPENSSL_free(out);
  return der;
}

Bytes sign(const Key& key, ByteView message) {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
  EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size());
  Bytes signature(size);
  EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size());
  signature.resize(size);
  return signature;
}

Key ec_key(const char* curve) { return Key(EVP_EC_gen(curve)); }

const Bytes kMessage = copy_of(bytes_of("what is signed"));
const Bytes kOther = copy_of(bytes_of("what is not"));

TEST(CryptoForeignKey, HoldsAnRsaSignatureToItsMessage) {
  const Key key(EVP_RSA_gen(2048));
  const Bytes signature = sign(key, kMessage);
  EXPECT_TRUE(verify_rsa(spki_of(key), kMessage, signature));
  EXPECT_FALSE(verify_rsa(spki_of(key), kOther, signature));
}

TEST(CryptoForeignKey, RefusesAnRsaKeyThatIsTooShort) {
  const Key key(EVP_RSA_gen(1024));
  EXPECT_FALSE(verify_rsa(spki_of(key), kMessage, sign(key, kMessage)));
}

TEST(CryptoForeignKey, HoldsAnEcdsaSignatureToItsMessage) {
  const Key key = ec_key("P-256");
  const Bytes signature = sign(key, kMessage);
  EXPECT_TRUE(verify_ecdsa(spki_of(key), kMessage, signature));
  EXPECT_FALSE(verify_ecdsa(spki_of(key), kOther, signature));
}

TEST(CryptoForeignKey, HoldsASecp256k1SignatureToItsMessage) {
  const Key key = ec_key("secp256k1");
  EVP_PKEY_set_utf8_string_param(key.get(), "point-format", "compressed");
  const Bytes spki = spki_of(key);
  ASSERT_GE(spki.size(), 33U);
  const Bytes point(spki.end() - 33, spki.end());
  const Bytes signature = sign(key, kMessage);
  EXPECT_TRUE(verify_secp256k1(point, kMessage, signature));
  EXPECT_FALSE(verify_secp256k1(point, kOther, signature));
}

TEST(CryptoForeignKey, TakesNoKeyOfAnotherType) {
  const Key key = ec_key("P-256");
  const Bytes signature = sign(key, kMessage);
  EXPECT_FALSE(verify_rsa(spki_of(key), kMessage, signature));
  EXPECT_FALSE(verify_secp256k1(spki_of(key), kMessage, signature));
}

TEST(CryptoForeignKey, TakesNothingThatIsNoKey) {
  const Bytes signature(64, 1);
  for (const std::size_t size : {0U, 1U, 33U, 91U}) {
    const Bytes junk(size, 0x30);
    EXPECT_FALSE(verify_rsa(junk, kMessage, signature));
    EXPECT_FALSE(verify_ecdsa(junk, kMessage, signature));
    EXPECT_FALSE(verify_secp256k1(junk, kMessage, signature));
  }
  const Key key = ec_key("P-256");
  Bytes longer = spki_of(key);
  longer.push_back(0);
  EXPECT_FALSE(verify_ecdsa(longer, kMessage, sign(key, kMessage))) << "bytes after the key";
}

}  // namespace
}  // namespace turnpike::crypto
