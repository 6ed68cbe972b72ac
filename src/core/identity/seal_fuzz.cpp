// What anybody seals, its recipient opens; what nobody sealed stays closed.
#include <cstdlib>

#include "core/identity/seal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  const ByteView input(data, size);
  const crypto::SigningKey key{Digest{1}};
  SeededRandom random(size);
  if (identity::unseal(key, input)) std::abort();  // the corpus is sealed to other keys
  if (identity::unseal(key, identity::seal(random, identity::PeerId{key.public_key()}, input)) != copy_of(input))
    std::abort();
  // Any 32 bytes may stand for a peer: sealing to them may fail, and nothing else.
  ByteReader reader(input);
  const identity::PeerId stranger{reader.array<32>()};
  const Bytes sealed = identity::seal(random, stranger, input);
  if (!sealed.empty() && sealed.size() != size + identity::kSealOverhead) std::abort();
  return 0;
}
