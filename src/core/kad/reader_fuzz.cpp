// However a stream is cut, the same messages come out; what is read is within the limits and comes back when written.
#include <cstdlib>

#include "core/kad/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  const auto read = [&](std::size_t piece) {
    kad::Reader reader{Instant()};
    std::vector<kad::Message> out;
    for (std::size_t at = 0; at < size && !reader.error();) {
      const std::size_t taken = reader.handle_bytes(Instant(), {data + at, std::min(piece, size - at)});
      auto message = reader.poll_message();
      if (taken == 0 && !message) std::abort();  // it would never go on
      if (message) out.push_back(*std::move(message));
      at += taken;
    }
    reader.handle_end(Instant());
    return std::pair(out, reader.error());
  };
  const auto whole = read(size + 1);
  if (whole != read(3)) std::abort();
  for (const kad::Message& message : whole.first) {
    if (message.closer.size() > kad::kMaxPeers || message.providers.size() > kad::kMaxPeers) std::abort();
    for (const kad::Peer& peer : message.closer) {
      if (peer.addresses.size() > kad::kMaxAddresses) std::abort();
    }
    const Bytes bytes = kad::encode(message);
    ByteReader in(bytes);
    const std::uint64_t length = in.varint();
    if (length != in.remaining() || length > kad::kMaxMessage) std::abort();
    if (bytes.size() < kad::kMaxMessage / 2 && *kad::decode(in.take(length)) != message) std::abort();
  }
  return 0;
}
