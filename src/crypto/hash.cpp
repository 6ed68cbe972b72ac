#include "crypto/hash.h"

#include <openssl/evp.h>

#include "crypto/check.h"

namespace turnpike::crypto {
namespace {

// Looking an algorithm up costs more than hashing 64 bytes: once for the process.
const EVP_MD* sha256_method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() { check(EVP_DigestInit_ex2(context, sha256_method(), nullptr)); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) { check(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size())); }

Digest Sha256::finish() {
  Digest out{};
  check(EVP_DigestFinal_ex(state_->context, out.data(), nullptr));
  return out;
}

Digest sha256(ByteView bytes) {
  Digest out{};
  check(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, sha256_method(), nullptr));
  return out;
}

Digest sha256(std::initializer_list<ByteView> parts) {
  Sha256 hash;
  for (const ByteView part : parts) hash.update(part);
  return hash.finish();
}

std::array<std::uint8_t, 16> md5(ByteView bytes) {
  std::array<std::uint8_t, 16> out{};
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "MD5", nullptr);
  check(EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, method, nullptr));
  return out;
}

}  // namespace turnpike::crypto
