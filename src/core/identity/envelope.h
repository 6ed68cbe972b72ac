// Signed envelopes (libp2p RFC 0002): a payload, what it is, who signed it, and a signature that a domain string ties
// to one use.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "core/identity/peer_id.h"
#include "core/identity/public_key.h"

namespace turnpike::identity {

/// An envelope longer than this is refused unread. A registration of 20,000 stores fits.
constexpr std::size_t kMaxEnvelopeSize = 2U << 20U;

enum class EnvelopeError : std::uint8_t {
  kMalformed,     ///< Not an envelope, or longer than kMaxEnvelopeSize.
  kForeignKey,    ///< Signed by a key that is not Ed25519: not one of ours, but no offence.
  kBadSignature,  ///< Also when it was made for another domain.
};

struct Envelope {
  PeerId signer;
  Bytes payload_type;
  Bytes payload;
};

/// An envelope of any libp2p peer's.
struct ForeignEnvelope {
  PublicKey signer;
  Bytes payload_type;
  Bytes payload;
};

/// The bytes of the protobuf `Envelope`; the signature covers LP(domain) LP(payload_type) LP(payload), where LP is an
/// unsigned varint length and then the bytes.
[[nodiscard]] Bytes sign_envelope(const crypto::SigningKey& key, std::string_view domain, ByteView payload_type,
                                  ByteView payload);

/// Gives the content of an envelope only once its signature holds for `domain`. Does not judge the payload type.
[[nodiscard]] Result<Envelope, EnvelopeError> open_envelope(ByteView envelope, std::string_view domain);
/// The same for signers of every key type; kForeignKey is for types that nobody knows.
[[nodiscard]] Result<ForeignEnvelope, EnvelopeError> open_foreign_envelope(ByteView envelope, std::string_view domain);

}  // namespace turnpike::identity
