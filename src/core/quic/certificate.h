// The libp2p TLS certificate: a P-256 key for TLS, bound to an identity by a signed extension (libp2p TLS
// specification, "Peer Authentication").
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "crypto/sign.h"

namespace turnpike::quic {

/// A longer one is refused unread.
constexpr std::size_t kMaxCertificateSize = 8U << 10U;

struct Certificate {
  Bytes der;
  Bytes key_der;  ///< The private key (PKCS #8).
};

/// Signed by itself, and by `identity` in the extension. Valid from an hour ago for a hundred years, for its key lives
/// no longer than this process. The key comes from the TLS library's own random numbers.
[[nodiscard]] Certificate make_certificate(const crypto::SigningKey& identity, WallTime now);

enum class CertificateError : std::uint8_t {
  kMalformed,     ///< No X.509 certificate, or not signed by its own key.
  kNotNow,        ///< Expired, or not valid yet.
  kNoExtension,   ///< Without the libp2p extension, or with one that cannot be read.
  kForeignKey,    ///< The identity is not an Ed25519 key: not one of ours, but no offence.
  kBadSignature,  ///< The identity has not signed this certificate's key.
};

/// Whose certificate it is. The certificate's own key may be of any type the TLS library knows.
[[nodiscard]] Result<identity::PeerId, CertificateError> read_certificate(ByteView der, WallTime now);

}  // namespace turnpike::quic
