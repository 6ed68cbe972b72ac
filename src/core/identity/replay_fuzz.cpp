// However signers, numbers and the clock come, no pair of signer and number is accepted twice, and memory stays
// bounded.
#include <cstdlib>
#include <set>

#include "core/identity/replay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  ByteReader in({data, size});
  identity::ReplayWindow window(4);
  std::set<std::pair<std::uint8_t, std::uint8_t>> accepted;
  WallTime now{1'700'000'000'000};
  while (in.remaining() >= 3) {
    const std::uint8_t signer = in.u8() % 16;
    const std::uint8_t seq = in.u8();
    now.unix_ms += in.u8();
    if (window.accept(now, identity::PeerId{Digest{signer}}, seq) && !accepted.emplace(signer, seq).second)
      std::abort();
    if (window.size() > 4) std::abort();
  }
  return 0;
}
