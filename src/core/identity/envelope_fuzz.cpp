// What opens is what its signer signed: signing it again gives the same payload under the same key.
#include <cstdlib>

#include "core/identity/envelope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  const auto opened = identity::open_envelope({data, size}, "fuzz");
  if (opened && !opened->signer.to_string().starts_with("12D3KooW")) std::abort();

  // And as a payload: whatever the bytes, they come back whole.
  const crypto::SigningKey key{Digest{1}};
  const auto again =
      identity::open_envelope(identity::sign_envelope(key, "fuzz", {data, size / 2}, {data, size}), "fuzz");
  if (!again || again->payload != Bytes(data, data + size) || again->payload_type != Bytes(data, data + size / 2))
    std::abort();
  return 0;
}
