// Verification with the key types that other libp2p peers may have; ours are Ed25519 (crypto/sign.h).
#pragma once

#include "base/bytes.h"

namespace turnpike::crypto {

/// Keys longer than this are refused: checking a signature must stay cheap.
inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 8192;

/// PKCS #1 v1.5 over SHA-256. `key` is a DER SubjectPublicKeyInfo.
[[nodiscard]] bool verify_rsa(ByteView key, ByteView message, ByteView signature);
/// A DER signature over SHA-256; `key` is a DER SubjectPublicKeyInfo on any named curve the library has.
[[nodiscard]] bool verify_ecdsa(ByteView key, ByteView message, ByteView signature);
/// A DER signature over SHA-256; `key` is the compressed point, 33 bytes.
[[nodiscard]] bool verify_secp256k1(ByteView key, ByteView message, ByteView signature);

}  // namespace turnpike::crypto
