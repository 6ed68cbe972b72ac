// Sealing: bytes only the holder of one peer's key can read, from a sender who stays unnamed.
// Who sent them is for the content to say: sign first, then seal. The bytes are described in
// docs/protocols/statement.md.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/random.h"
#include "core/identity/peer_id.h"

namespace turnpike::identity {

/// What sealing adds: an ephemeral X25519 key and a Poly1305 tag.
constexpr std::size_t kSealOverhead = 32 + 16;

/// plain.size() + kSealOverhead bytes. Empty when the recipient's key is of small order: such a peer cannot exist, and
/// anybody could read what is sealed to it.
[[nodiscard]] Bytes seal(Random& random, const PeerId& recipient, ByteView plain);

/// Fails for whatever was not sealed, whole, to this very key.
[[nodiscard]] std::optional<Bytes> unseal(const crypto::SigningKey& recipient, ByteView sealed);

}  // namespace turnpike::identity
