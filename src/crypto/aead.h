// ChaCha20-Poly1305 (RFC 8439), with the 96-bit nonce Noise gives it.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"

namespace turnpike::crypto {

constexpr std::size_t kTagSize = 16;

/// One key, set up once and used for many messages: the set-up costs as much as a short message.
class ChaCha20Poly1305 {
 public:
  explicit ChaCha20Poly1305(const Digest& key);
  ~ChaCha20Poly1305();
  ChaCha20Poly1305(ChaCha20Poly1305&&) noexcept;
  ChaCha20Poly1305& operator=(ChaCha20Poly1305&&) noexcept;

  /// Encrypts `plain` into `out`, which must be plain.size() + kTagSize long. `plain` may be the front of `out`.
  /// The nonce is four zero bytes and then `counter`, little-endian (Noise, section 12.3). Never use a counter twice.
  void seal(std::uint64_t counter, ByteView associated, ByteView plain, std::span<std::uint8_t> out);

  /// Decrypts `sealed` into `out`, which must be sealed.size() - kTagSize long; `sealed` may start where `out` does.
  /// False, and `out` worthless, when the tag is wrong or `sealed` is shorter than a tag.
  [[nodiscard]] bool open(std::uint64_t counter, ByteView associated, ByteView sealed, std::span<std::uint8_t> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike::crypto
