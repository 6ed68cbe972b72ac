#include "node/opened_path.h"

namespace turnpike::node {

path::PathFailure failure_of_link(channel::CloseReason reason) {
  const std::string text(channel::text_of(reason));
  if (reason == channel::CloseReason::kWrongPeer) return {path::PathEnd::kWrongPeer, text};
  if (reason == channel::CloseReason::kHandshakeTimeout || reason == channel::CloseReason::kLivenessTimeout) {
    return {path::PathEnd::kTimeout, text};
  }
  const bool theirs = channel::blame_of(reason) == channel::Blame::kPeer;
  return {theirs ? path::PathEnd::kProtocol : path::PathEnd::kClosed, text};
}

}  // namespace turnpike::node
