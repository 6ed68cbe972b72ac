#include "core/channel/close_reason.h"

namespace turnpike::channel {

Blame blame_of(CloseReason reason) {
  switch (reason) {
    case CloseReason::kClosedByUs:
    case CloseReason::kClosedByPeer:
    case CloseReason::kNoncesSpent:
      return Blame::kNobody;
    case CloseReason::kConnectionLost:
    case CloseReason::kHandshakeTimeout:
    case CloseReason::kLivenessTimeout:
    case CloseReason::kNegotiationRefused:
    case CloseReason::kBadNegotiation:
    case CloseReason::kBadHandshake:
    case CloseReason::kBadIdentity:
    case CloseReason::kWrongPeer:
    case CloseReason::kBadCiphertext:
      return Blame::kPath;
    case CloseReason::kBadFrame:
    case CloseReason::kWindowExceeded:
    case CloseReason::kFlooded:
    case CloseReason::kPeerError:
      return Blame::kPeer;
  }
  return Blame::kNobody;
}

std::string_view text_of(CloseReason reason) {
  switch (reason) {
    case CloseReason::kClosedByUs:
      return "closed by us";
    case CloseReason::kClosedByPeer:
      return "closed by the peer";
    case CloseReason::kConnectionLost:
      return "the connection was lost";
    case CloseReason::kHandshakeTimeout:
      return "no handshake in time";
    case CloseReason::kLivenessTimeout:
      return "the peer fell silent";
    case CloseReason::kNegotiationRefused:
      return "the other end speaks neither noise nor yamux";
    case CloseReason::kBadNegotiation:
      return "the other end does not speak libp2p";
    case CloseReason::kBadHandshake:
      return "the handshake was not authentic";
    case CloseReason::kBadIdentity:
      return "the other end did not prove its identity";
    case CloseReason::kWrongPeer:
      return "another peer answered";
    case CloseReason::kBadCiphertext:
      return "bytes were changed on the way";
    case CloseReason::kBadFrame:
      return "the peer broke the rules of yamux";
    case CloseReason::kWindowExceeded:
      return "the peer sent more than it was allowed to";
    case CloseReason::kFlooded:
      return "the peer asks without reading the answers";
    case CloseReason::kPeerError:
      return "the peer gave up with an error";
    case CloseReason::kNoncesSpent:
      return "the channel has sent all that its keys allow";
  }
  return "unknown";
}

}  // namespace turnpike::channel
