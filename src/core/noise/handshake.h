// Noise_XX_25519_ChaChaPoly_SHA256 (Noise Protocol Framework, revision 34), and nothing else of Noise.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/aead.h"
#include "crypto/exchange.h"

namespace turnpike::noise {

enum class Role : std::uint8_t { kInitiator, kResponder };

enum class HandshakeError : std::uint8_t {
  kOutOfTurn,   ///< A message where none is expected.
  kTruncated,   ///< Shorter than its keys and tags.
  kSmallOrder,  ///< A key exchange that came to zero: the peer's point is of small order.
  kBadTag,      ///< Not authentic.
};

/// CipherState, SymmetricState and their mixing (sections 5.1 and 5.2).
class SymmetricState {
 public:
  explicit SymmetricState(ByteView prologue);

  void mix_hash(ByteView data);
  void mix_key(ByteView input);
  /// Appends the ciphertext; the plaintext itself while there is no key.
  void encrypt_and_hash(Bytes& out, ByteView plain);
  [[nodiscard]] std::optional<Bytes> decrypt_and_hash(ByteView sealed);
  /// The keys of the initiator's and of the responder's direction.
  [[nodiscard]] std::pair<Digest, Digest> split() const;
  [[nodiscard]] const Digest& hash() const { return hash_; }

 private:
  Digest chaining_key_{};
  Digest hash_{};
  std::optional<crypto::ChaCha20Poly1305> cipher_;
  std::uint64_t nonce_ = 0;
};

/// Three messages: -> e, <- e ee s es, -> s se. Written and read in turn, each with a payload of any size that fits
/// 65535 bytes.
class Handshake {
 public:
  struct Keys {
    Digest send;
    Digest receive;
  };

  Handshake(Role role, crypto::ExchangeKey static_key, crypto::ExchangeKey ephemeral_key, ByteView prologue = {});

  [[nodiscard]] bool is_writing() const { return !is_finished() && (at_ % 2 == 0) == (role_ == Role::kInitiator); }
  [[nodiscard]] bool is_finished() const { return at_ == kMessages; }

  /// The next message. Fails only with kSmallOrder, which an earlier read would have found, or out of turn.
  [[nodiscard]] Result<Bytes, HandshakeError> write_message(ByteView payload);
  /// The payload of the next message. After an error the handshake is over.
  [[nodiscard]] Result<Bytes, HandshakeError> read_message(ByteView message);

  /// The peer's static key, once it has come.
  [[nodiscard]] const std::optional<Digest>& remote_static() const { return remote_static_; }
  /// Once finished.
  [[nodiscard]] Keys keys() const;
  [[nodiscard]] const Digest& hash() const { return symmetric_.hash(); }

 private:
  static constexpr int kMessages = 3;

  [[nodiscard]] bool mix_exchange(const Digest& secret, const std::optional<Digest>& theirs);
  [[nodiscard]] bool mix_ee() { return mix_exchange(ephemeral_.secret, remote_ephemeral_); }
  [[nodiscard]] bool mix_es();
  [[nodiscard]] bool mix_se();
  [[nodiscard]] std::optional<HandshakeError> read_keys(ByteReader& in);

  Role role_;
  crypto::ExchangeKey static_;
  crypto::ExchangeKey ephemeral_;
  std::optional<Digest> remote_static_;
  std::optional<Digest> remote_ephemeral_;
  SymmetricState symmetric_;
  int at_ = 0;  ///< The message to come, from zero.
};

}  // namespace turnpike::noise
