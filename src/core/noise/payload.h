// What libp2p says inside the noise handshake: which identity stands behind the static key, and which muxers it speaks.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/identity/peer_id.h"
#include "crypto/sign.h"

namespace turnpike::noise {

/// The muxers we look at in a peer's list; more are not read.
inline constexpr std::size_t kMaxMuxers = 16;

enum class PayloadError : std::uint8_t {
  kMalformed,       ///< Not the protobuf it should be.
  kUnsupportedKey,  ///< An identity that is not Ed25519.
  kBadSignature,    ///< The static key was not signed by that identity.
};

struct Payload {
  identity::PeerId peer;
  std::vector<std::string> muxers;  ///< The peer's, best first. Empty also where it sent no list.
};

/// `static_key` is the X25519 key this handshake uses. An empty list of muxers is left out.
[[nodiscard]] Bytes make_payload(const crypto::SigningKey& identity, const Digest& static_key,
                                 const std::vector<std::string>& muxers);
/// Believes nothing that is not signed: `remote_static` is the static key the handshake itself has proved.
[[nodiscard]] Result<Payload, PayloadError> read_payload(ByteView bytes, const Digest& remote_static);

/// The libp2p key protobuf of an Ed25519 key: 08 01 12 20 and the key.
[[nodiscard]] Bytes key_protobuf(const identity::PeerId& peer);
[[nodiscard]] std::optional<identity::PeerId> peer_of_key_protobuf(ByteView bytes);

}  // namespace turnpike::noise
