// HMAC-SHA-256 and HMAC-SHA-1 (RFC 2104), HKDF-SHA-256 (RFC 5869), and the comparison that must precede trust in
// either.
#pragma once

#include "base/bytes.h"

namespace turnpike::crypto {

[[nodiscard]] Digest hmac_sha256(ByteView key, ByteView message);

using Sha1Mac = std::array<std::uint8_t, 20>;

/// For STUN's MESSAGE-INTEGRITY (RFC 8489, section 14.5): as a MAC, SHA-1 still holds.
[[nodiscard]] Sha1Mac hmac_sha1(ByteView key, ByteView message);

/// RFC 5869, extract and expand. `size` is at most 255 * 32.
[[nodiscard]] Bytes hkdf_sha256(ByteView secret, ByteView salt, ByteView info, std::size_t size);

/// Takes the same time wherever the two differ. Different lengths are different.
[[nodiscard]] bool equal_in_constant_time(ByteView a, ByteView b);

}  // namespace turnpike::crypto
