// Why a channel ended, and whose fault it was.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace turnpike::channel {

enum class CloseReason : std::uint8_t {
  kClosedByUs,          ///< close() was called, and the goodbye was handed out.
  kClosedByPeer,        ///< The peer said goodbye (yamux go away, normal).
  kConnectionLost,      ///< The pipe below ended without a goodbye.
  kHandshakeTimeout,    ///< Not established within Limits::handshake_timeout.
  kLivenessTimeout,     ///< Nothing came for Limits::liveness_timeout after a ping.
  kNegotiationRefused,  ///< The peer speaks neither noise nor yamux.
  kBadNegotiation,      ///< What came is not multistream-select.
  kBadHandshake,        ///< A noise message that cannot be read or authenticated, or a key of small order.
  kBadIdentity,         ///< The identity key or its signature does not hold.
  kWrongPeer,           ///< A valid identity, but not the one that was dialled.
  kBadCiphertext,       ///< Bytes were changed on the way.
  kBadFrame,            ///< Not yamux, or yamux against its rules.
  kWindowExceeded,      ///< The peer sent more than it was allowed to.
  kFlooded,             ///< The peer asks for answers faster than it reads them.
  kPeerError,           ///< The peer gave up with an error (yamux go away, not normal).
  kNoncesSpent,         ///< 2^32 - 1 noise messages went one way: the channel has lived its life.
};

/// Only a peer that has proved its identity can be blamed: before that, whoever answers at an address may be anyone.
enum class Blame : std::uint8_t {
  kNobody,
  kPeer,  ///< It broke a rule.
  kPath,  ///< Somebody else answered, or the bytes did not come through: another path to the same peer may work.
};

[[nodiscard]] Blame blame_of(CloseReason reason);
using turnpike::text_of;  // or ours would hide it
[[nodiscard]] std::string_view text_of(CloseReason reason);

}  // namespace turnpike::channel
