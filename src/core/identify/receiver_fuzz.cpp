// However the bytes are cut, the outcome is the same; what is held is bounded, and a success is the peer's own.
#include <cstdlib>

#include "core/identify/receiver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  const identity::AnyPeerId peer{identity::PeerId{crypto::SigningKey{Digest{5}}.public_key()}};
  const auto read = [&](std::size_t piece) {
    identify::Receiver receiver(Instant(), peer);
    for (std::size_t at = 0; at < size; at += piece) {
      receiver.handle_bytes(Instant(), {data + at, std::min(piece, size - at)});
    }
    receiver.handle_end(Instant());
    return *receiver.result();
  };
  const auto whole = read(size + 1);
  const auto pieces = read(3);
  if (static_cast<bool>(whole) != static_cast<bool>(pieces)) std::abort();
  if (!whole) {
    if (whole.error() != pieces.error()) std::abort();
    return 0;
  }
  if (whole->protocols != pieces->protocols || whole->protocols.size() > identify::kMaxProtocols) std::abort();
  if (whole->listen.size() > identify::kMaxAddresses || !whole->is_of(peer)) std::abort();
  return 0;
}
