// /turnpike/peers/1: whom a peer has met lately, in those peers' own signed words (docs/protocols/peers.md).
#pragma once

#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/peer_id.h"

namespace turnpike::contacts {

constexpr std::string_view kPeersProtocol = "/turnpike/peers/1";

constexpr std::size_t kMaxIntroductions = 16;  ///< Records of one answer; with more it is refused whole.
constexpr std::size_t kMaxEnvelope = 2048;     ///< Bytes of one record; with a longer one the answer is refused whole.
constexpr std::size_t kMaxAnswer = kMaxIntroductions * (kMaxEnvelope + 4);  ///< Without its length.
/// A record signed longer ago says little. Who lives signs a new one more often.
constexpr std::uint64_t kMaxRecordAgeMs = 24ULL * 60 * 60 * 1000;

/// The teller is to blame for each.
enum class IntroductionError : std::uint8_t {
  kMalformed,
  kTooMany,    ///< kMaxIntroductions
  kTooLong,    ///< kMaxEnvelope
  kBadRecord,  ///< One that its peer has not signed, or that is from the future.
};

struct Introduced {
  identity::PeerId peer;
  std::vector<Endpoint> tcp;
  friend bool operator==(const Introduced&, const Introduced&) = default;
};

/// One length-delimited answer. What is too much or too long is left out.
[[nodiscard]] Bytes encode_introductions(const std::vector<Bytes>& envelopes);
/// Reads an answer without its length, from a teller at `at`. Left out are records of ourselves and of the teller, of
/// peers with other keys than Ed25519, that are older than kMaxRecordAgeMs, and addresses that somebody there cannot
/// vouch for (core/kad/realm.h). What is said is each peer's own word; that it answers there, a connection has to
/// prove.
[[nodiscard]] Result<std::vector<Introduced>, IntroductionError> read_introductions(ByteView answer, WallTime now,
                                                                                    const identity::PeerId& self,
                                                                                    const identity::PeerId& teller,
                                                                                    const IpAddress& at);

}  // namespace turnpike::contacts
