#include "core/path/path.h"

namespace turnpike::path {

std::string_view words_of(PathEnd end) {
  switch (end) {
    case PathEnd::kRefused:
      return "refused";
    case PathEnd::kUnreachable:
      return "unreachable";
    case PathEnd::kTimeout:
      return "no answer";
    case PathEnd::kProtocol:
      return "does not speak the protocol";
    case PathEnd::kWrongPeer:
      return "another peer answered";
    case PathEnd::kClosed:
      return "closed by the other end";
    case PathEnd::kQuoteSpent:
      return "the relay's quote is spent";
    case PathEnd::kLocal:
      return "closed here";
  }
  return "unknown";
}

}  // namespace turnpike::path
