// Property: whatever is read as a certificate names a peer only together with that peer's signature; nothing crashes.
#include "core/quic/certificate.h"

using namespace turnpike;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const quic::Certificate own = [] {
    SeededRandom random(1);
    return quic::make_certificate(crypto::SigningKey::generate(random), WallTime{1'800'000'000'000});
  }();
  const WallTime now{1'800'000'000'000};
  (void)quic::read_certificate({data, size}, now);
  if (size < 3) return 0;  // and ours, with a few bytes changed: it must never name anybody
  Bytes changed = own.der;
  const std::size_t at = (std::size_t{data[0]} << 8U | data[1]) % changed.size();
  bool same = true;
  for (std::size_t i = 2; i < size && at + i - 2 < changed.size(); ++i) {
    same = same && changed[at + i - 2] == data[i];
    changed[at + i - 2] = data[i];
  }
  if (!same && quic::read_certificate(changed, now)) __builtin_trap();
  return 0;
}
