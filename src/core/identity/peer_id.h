// libp2p peer ids made of Ed25519 keys (libp2p peer-ids specification): 12D3KooW…
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/sign.h"

namespace turnpike::identity {

/// Who a peer is: its public key, in full. Every Turnpike identity is Ed25519, whose id holds the key itself.
struct PeerId {
  crypto::SignaturePublicKey public_key{};

  /// The 38 bytes of the identity multihash: 00 24 08 01 12 20 and the key.
  [[nodiscard]] Bytes to_bytes() const;
  [[nodiscard]] static std::optional<PeerId> from_bytes(ByteView multihash);
  /// base58btc, `12D3KooW…`.
  [[nodiscard]] std::string to_string() const;
  /// Reads base58btc only; other spellings and other key types are not ours to speak to.
  [[nodiscard]] static std::optional<PeerId> parse(std::string_view text);

  friend constexpr auto operator<=>(const PeerId&, const PeerId&) = default;
};

}  // namespace turnpike::identity
