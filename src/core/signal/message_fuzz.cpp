// What decodes as a signal's body survives being written and read again; and no bytes, sealed or not, upset opening.
#include <cstdlib>

#include "core/signal/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::signal;
  const ByteView input(data, size);
  if (const auto message = decode_body(input)) {
    const auto again = decode_body(encode_body(*message));
    if (!again || *again != *message) std::abort();
  }
  static const crypto::SigningKey key{Digest{1, 2, 3}};
  identity::ReplayWindow seen(16);
  if (open_message(key, seen, WallTime{1'795'000'000'000}, input)) std::abort();  // nobody can seal by chance
  return 0;
}
