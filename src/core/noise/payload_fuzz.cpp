// No bytes that we did not sign prove an identity, and those that we did come back as they were.
#include <cstdlib>

#include "base/random.h"
#include "core/noise/payload.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  static SeededRandom random(1);
  static const crypto::SigningKey kIdentity = crypto::SigningKey::generate(random);
  static const Digest kStatic = random.array<32>();
  const ByteView input(data, size);

  const auto read = noise::read_payload(input, kStatic);
  if (read && read->muxers.size() > noise::kMaxMuxers) std::abort();

  const std::vector<std::string> muxers = {std::string(text_of(input.first(std::min<std::size_t>(size, 64))))};
  const auto ours = noise::read_payload(noise::make_payload(kIdentity, kStatic, muxers), kStatic);
  if (!ours || ours->peer.public_key != kIdentity.public_key() || ours->muxers != muxers) std::abort();
  return 0;
}
