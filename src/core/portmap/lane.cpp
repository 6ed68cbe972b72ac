#include "core/portmap/lane.h"

#include <algorithm>

namespace turnpike::portmap {

std::string_view words_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNoAnswer:
      return "does not answer";
    case Refusal::kUnsupported:
      return "does not support this";
    case Refusal::kTaken:
      return "has given the port to another device";
    case Refusal::kNotAuthorised:
      return "does not allow port mapping";
    case Refusal::kOutOfResources:
      return "has no room for more mappings";
    case Refusal::kNoAddress:
      return "has no connection to the internet";
    case Refusal::kAnotherNat:
      return "sees this machine through another NAT";
    case Refusal::kBroken:
      return "answers what makes no sense";
  }
  return "?";
}

std::optional<Seconds> believable(Seconds lease) {
  if (lease < kMinLease) return std::nullopt;
  return std::min(lease, kMaxLease);
}

}  // namespace turnpike::portmap
