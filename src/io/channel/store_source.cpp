#include "io/channel/store_source.h"

namespace turnpike::io {

std::string_view to_string(SourceError error) {
  switch (error) {
    case SourceError::kNotFound:
      return "the peer does not have the store";
    case SourceError::kBusy:
      return "the peer is busy";
    case SourceError::kOverQuota:
      return "the peer's quota for us is used up";
    case SourceError::kWrongRoot:
      return "the peer holds other bytes under this id";
    case SourceError::kProtocol:
      return "the peer broke the protocol";
    case SourceError::kConnection:
      return "the connection broke";
    case SourceError::kTimeout:
      return "the peer sent nothing, or too little";
    case SourceError::kStopped:
      return "stopped";
  }
  return "";
}

}  // namespace turnpike::io
