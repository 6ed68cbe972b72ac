// Whatever reads as a row is written back as the same bytes.
#include <cstdlib>

#include "core/budget/row.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  const ByteView bytes(data, size);
  const auto row = budget::decode_row(bytes);
  if (row && budget::encode(*row) != copy_of(bytes)) std::abort();
  return 0;
}
