// What parses is written and parsed again to the same value.
#include <cstdlib>

#include "core/store/urn.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike::store;  // NOLINT(google-build-using-namespace)
  const auto urn = parse_urn(turnpike::text_of({data, size}));
  if (!urn) return 0;
  const auto again = parse_urn(to_string(*urn));
  if (!again || !(*again == *urn)) std::abort();
  return 0;
}
