// A peer's own signed word on where it can be reached (libp2p RFC 0003, in the envelope of RFC 0002).
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "core/identity/envelope.h"
#include "core/multiaddr/multiaddr.h"

namespace turnpike::multiaddr {

constexpr std::string_view kRecordDomain = "libp2p-peer-record";
/// The two raw bytes that are deployed; the RFC's text says otherwise.
constexpr std::array<std::uint8_t, 2> kRecordPayloadType{0x03, 0x01};
constexpr std::size_t kMaxRecordSize = 16U << 10U;
constexpr std::size_t kMaxRecordAddresses = 64;  ///< Those beyond are ignored.

struct PeerRecord {
  identity::AnyPeerId peer;
  std::uint64_t seq = 0;  ///< The higher one holds. Unix milliseconds, where we write it.
  std::vector<Multiaddr> addresses;

  friend bool operator==(const PeerRecord&, const PeerRecord&) = default;
};

/// All of them are the fault of whoever sent the record.
enum class RecordError : std::uint8_t {
  kMalformed,
  kBadSignature,
  kWrongType,
  kWrongSigner,  ///< Signed by somebody else than the peer it speaks of.
};

/// The envelope's bytes.
[[nodiscard]] Bytes sign_record(const crypto::SigningKey& key, std::uint64_t seq,
                                const std::vector<Multiaddr>& addresses);
/// Addresses of unknown kinds are left out; the signature covers them all the same.
[[nodiscard]] Result<PeerRecord, RecordError> open_record(ByteView envelope);

}  // namespace turnpike::multiaddr
