// What parses survives being written and parsed again, both ways.
#include <cstdlib>

#include "core/portmap/pcp.h"

using namespace turnpike;
using namespace turnpike::portmap::pcp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto response = parse_response(input)) {
    const auto again = parse_response(make_response(*response));
    if (!again || !(*again == *response)) std::abort();
  }
  if (const auto request = parse_request(input)) {
    const auto again = parse_request(make_request(*request));
    if (!again || !(*again == *request)) std::abort();
  }
  return 0;
}
