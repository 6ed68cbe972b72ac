// Public keys of any libp2p type, as records and certificates carry them (libp2p peer-ids specification, "Keys").
#pragma once

#include <optional>

#include "base/bytes.h"
#include "core/identity/peer_id.h"

namespace turnpike::identity {

enum class KeyType : std::uint8_t { kRsa = 0, kEd25519 = 1, kSecp256k1 = 2, kEcdsa = 3 };

/// Longer ones are refused: an RSA key of 8,192 bits is 1,062 bytes.
constexpr std::size_t kMaxKeySize = 1200;

/// `data` is what the type says: 32 bytes, a compressed point, or a DER SubjectPublicKeyInfo. Not checked to be a key:
/// with one that is none no signature holds.
struct PublicKey {
  KeyType type = KeyType::kEd25519;
  Bytes data;

  [[nodiscard]] static PublicKey of(const PeerId& peer);
  /// The protobuf in its one deterministic form.
  [[nodiscard]] Bytes encode() const;
  /// Reads that form only, so that a key has one peer id and no more.
  [[nodiscard]] static std::optional<PublicKey> decode(ByteView bytes);
  [[nodiscard]] bool verify(ByteView message, ByteView signature) const;
  /// An Ed25519 key's.
  [[nodiscard]] std::optional<PeerId> peer_id() const;

  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

}  // namespace turnpike::identity
