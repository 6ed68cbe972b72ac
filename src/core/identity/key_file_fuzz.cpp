// A key file that is read is written back as it was.
#include <cstdlib>

#include "core/identity/key_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  const auto key = identity::decode_key_file({data, size});
  if (key && identity::encode_key_file(*key) != Bytes(data, data + size)) std::abort();
  return 0;
}
