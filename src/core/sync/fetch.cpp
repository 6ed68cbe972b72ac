#include "core/sync/fetch.h"

namespace turnpike::sync {

std::string_view name_of(Mark mark) {
  switch (mark) {
    case Mark::kContested:
      return "contested";
    case Mark::kUnconfirmed:
      return "unconfirmed";
    case Mark::kConfirmed:
      return "confirmed";
    case Mark::kTrusted:
      return "trusted";
    case Mark::kSigned:
      return "signed";
    case Mark::kOwn:
      return "own";
    case Mark::kPinned:
      return "pinned";
  }
  return "unknown";
}

std::string_view words_of(FetchEnd end) {
  switch (end) {
    case FetchEnd::kDone:
      return "done";
    case FetchEnd::kCancelled:
      return "cancelled";
    case FetchEnd::kNotFound:
      return "it does not have the store";
    case FetchEnd::kWrongRoot:
      return "it has other bytes under this id";
    case FetchEnd::kBusy:
      return "it is busy";
    case FetchEnd::kOverQuota:
      return "we are over its quota";
    case FetchEnd::kBadData:
      return "it sent wrong bytes";
    case FetchEnd::kProtocol:
      return "it broke the protocol";
    case FetchEnd::kConnection:
      return "the connection broke";
    case FetchEnd::kPathLost:
      return "the path is over";
    case FetchEnd::kTimeout:
      return "no answer in time";
    case FetchEnd::kDisk:
      return "our disk failed";
  }
  return "unknown";
}

}  // namespace turnpike::sync
