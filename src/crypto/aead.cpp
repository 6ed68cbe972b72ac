#include "crypto/aead.h"

#include <openssl/evp.h>

#include <algorithm>

#include "crypto/check.h"

namespace turnpike::crypto {
namespace {

using Nonce = std::array<std::uint8_t, 12>;

Nonce nonce_of(std::uint64_t counter) {
  Nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

}  // namespace

struct ChaCha20Poly1305::State {
  EVP_CIPHER_CTX* sealing = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* opening = EVP_CIPHER_CTX_new();

  explicit State(const Digest& key) {
    check(EVP_EncryptInit_ex2(sealing, EVP_chacha20_poly1305(), key.data(), nullptr, nullptr));
    check(EVP_DecryptInit_ex2(opening, EVP_chacha20_poly1305(), key.data(), nullptr, nullptr));
  }
  ~State() {
    EVP_CIPHER_CTX_free(sealing);
    EVP_CIPHER_CTX_free(opening);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

ChaCha20Poly1305::ChaCha20Poly1305(const Digest& key) : state_(std::make_unique<State>(key)) {}
ChaCha20Poly1305::~ChaCha20Poly1305() = default;
ChaCha20Poly1305::ChaCha20Poly1305(ChaCha20Poly1305&&) noexcept = default;
ChaCha20Poly1305& ChaCha20Poly1305::operator=(ChaCha20Poly1305&&) noexcept = default;

void ChaCha20Poly1305::seal(std::uint64_t counter, ByteView associated, ByteView plain, std::span<std::uint8_t> out) {
  EVP_CIPHER_CTX* const context = state_->sealing;
  const Nonce nonce = nonce_of(counter);
  int size = 0;
  check(EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr));
  if (!associated.empty()) {
    check(EVP_EncryptUpdate(context, nullptr, &size, associated.data(), static_cast<int>(associated.size())));
  }
  if (!plain.empty()) {
    check(EVP_EncryptUpdate(context, out.data(), &size, plain.data(), static_cast<int>(plain.size())));
  }
  check(EVP_EncryptFinal_ex(context, out.data() + plain.size(), &size));
  check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagSize, out.data() + plain.size()));
}

bool ChaCha20Poly1305::open(std::uint64_t counter, ByteView associated, ByteView sealed, std::span<std::uint8_t> out) {
  if (sealed.size() < kTagSize) return false;
  EVP_CIPHER_CTX* const context = state_->opening;
  const Nonce nonce = nonce_of(counter);
  const ByteView body = sealed.first(sealed.size() - kTagSize);
  std::array<std::uint8_t, kTagSize> tag{};
  std::copy_n(sealed.end() - kTagSize, kTagSize, tag.begin());
  int size = 0;
  check(EVP_DecryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr));
  check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()));
  if (!associated.empty()) {
    check(EVP_DecryptUpdate(context, nullptr, &size, associated.data(), static_cast<int>(associated.size())));
  }
  if (!body.empty()) {
    check(EVP_DecryptUpdate(context, out.data(), &size, body.data(), static_cast<int>(body.size())));
  }
  std::array<std::uint8_t, kTagSize> rest{};
  return EVP_DecryptFinal_ex(context, rest.data(), &size) == 1;
}

}  // namespace turnpike::crypto
