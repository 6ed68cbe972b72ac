// The identity's file: the libp2p private-key protobuf of an Ed25519 key, as other libp2p programs write it.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "crypto/sign.h"

namespace turnpike::identity {

constexpr std::size_t kKeyFileSize = 68;

/// 08 01 12 40, the 32-byte seed, the 32-byte public key. Whoever reads it is the peer: write it with mode 0600.
[[nodiscard]] Bytes encode_key_file(const crypto::SigningKey& key);

/// Fails for any other form or length, and for a public key that is not the seed's.
[[nodiscard]] std::optional<crypto::SigningKey> decode_key_file(ByteView bytes);

}  // namespace turnpike::identity
