// Peer ids of any libp2p key type (libp2p peer-ids specification): what addresses and records name peers by.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "core/identity/peer_id.h"
#include "core/identity/public_key.h"

namespace turnpike::identity {

/// A multihash: the key itself (identity, at most 42 bytes of it) or its SHA-256. Always one of the two.
class AnyPeerId {
 public:
  /// Of an Ed25519 peer: the only kind Turnpike itself has.
  explicit AnyPeerId(const PeerId& peer) : bytes_(peer.to_bytes()) {}
  [[nodiscard]] static AnyPeerId of(const PublicKey& key);
  [[nodiscard]] static std::optional<AnyPeerId> from_bytes(ByteView multihash);
  /// base58btc (`12D3KooW…`, `16Uiu2HA…`, `Qm…`), or a CIDv1 of codec libp2p-key in base32, base36, base58btc or hex
  /// (`bafz…`, `k…`, `z…`, `f…`).
  [[nodiscard]] static std::optional<AnyPeerId> parse(std::string_view text);

  [[nodiscard]] const Bytes& to_bytes() const { return bytes_; }
  [[nodiscard]] std::string to_string() const;  ///< base58btc
  /// The key, if the id holds it.
  [[nodiscard]] std::optional<PublicKey> key() const;
  [[nodiscard]] std::optional<PeerId> ed25519() const { return PeerId::from_bytes(bytes_); }

  friend auto operator<=>(const AnyPeerId&, const AnyPeerId&) = default;

 private:
  explicit AnyPeerId(Bytes bytes) : bytes_(std::move(bytes)) {}

  Bytes bytes_;
};

}  // namespace turnpike::identity
