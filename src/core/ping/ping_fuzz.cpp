// What is answered is what was asked, whole payloads only; and only the right answer is a round trip.
#include <algorithm>
#include <cstdlib>

#include "core/ping/ping.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  ping::Responder responder{Instant()};
  Bytes answered;
  for (std::size_t at = 0; at < size;) {
    const std::size_t piece = std::min<std::size_t>(1 + data[at] % 64, size - at);
    responder.handle_bytes(Instant(), {data + at, piece});
    if (auto out = responder.poll_write()) answered.insert(answered.end(), out->begin(), out->end());
    at += piece;
  }
  if (answered.size() != size / ping::kPayload * ping::kPayload) std::abort();
  if (!std::equal(answered.begin(), answered.end(), data)) std::abort();

  SeededRandom random(1);
  ping::Prober prober(Instant(), random);
  const Bytes sent = *prober.poll_write();
  prober.handle_bytes(Instant(Duration(1)), {data, size});
  const bool is_right = size >= sent.size() && std::equal(sent.begin(), sent.end(), data);
  if (prober.round_trip().has_value() != is_right) std::abort();
  return 0;
}
