#include "crypto/foreign_key.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

namespace turnpike::crypto {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

constexpr std::size_t kCompressedPoint = 33;
// SubjectPublicKeyInfo { { id-ecPublicKey, secp256k1 }, BIT STRING of 33 bytes } up to the bits themselves.
constexpr std::array<std::uint8_t, 23> kSecp256k1Head{0x30, 0x36, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                                      0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                                                      0x81, 0x04, 0x00, 0x0a, 0x03, 0x22, 0x00};

/// Null unless all of `der` is one key of that type.
Key read_key(ByteView der, int type) {
  const unsigned char* at = der.data();
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size() || EVP_PKEY_get_base_id(key.get()) != type) return nullptr;
  return key;
}

bool verify_with(const Key& key, ByteView message, ByteView signature) {
  if (!key) return false;
  const Context context(EVP_MD_CTX_new());
  if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1) return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace

bool verify_rsa(ByteView key, ByteView message, ByteView signature) {
  const Key read = read_key(key, EVP_PKEY_RSA);
  if (!read) return false;
  const int bits = EVP_PKEY_get_bits(read.get());
  return bits >= kMinRsaBits && bits <= kMaxRsaBits && verify_with(read, message, signature);
}

bool verify_ecdsa(ByteView key, ByteView message, ByteView signature) {
  return verify_with(read_key(key, EVP_PKEY_EC), message, signature);
}

bool verify_secp256k1(ByteView key, ByteView message, ByteView signature) {
  if (key.size() != kCompressedPoint) return false;
  Bytes der(kSecp256k1Head.begin(), kSecp256k1Head.end());
  der.insert(der.end(), key.begin(), key.end());
  return verify_with(read_key(der, EVP_PKEY_EC), message, signature);
}

}  // namespace turnpike::crypto
