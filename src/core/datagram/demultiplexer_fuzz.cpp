// Property: cutting a batch into runs loses, copies and reorders nothing, each run is of one kind, as kind_of says of
// each of its segments, and neighbouring runs differ.
#include <cstdlib>

#include "core/datagram/demultiplexer.h"

using namespace turnpike;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in(ByteView(data, size));
  const std::uint8_t first = in.u8();
  const std::size_t segment = std::size_t{in.u8()} + 1;
  const Endpoint source{IpAddress::v4(192, 0, 2, 1), 3478};
  datagram::Demultiplexer demultiplexer;
  if ((first & 1U) != 0) demultiplexer.add_turn_server(source);
  const ByteView bytes = in.take(in.remaining());
  DatagramBatch rest{.remote = source, .local = {}, .bytes = bytes, .segment_size = segment};
  std::size_t done = 0;
  std::optional<datagram::Kind> before;
  while (const auto run = demultiplexer.take_run(rest)) {
    if (run->batch.bytes.empty() || run->batch.bytes.data() != bytes.data() + done) std::abort();
    if (before == run->kind) std::abort();
    before = run->kind;
    for (std::size_t i = 0; i < run->batch.count(); ++i) {
      if (demultiplexer.kind_of(source, run->batch.segment(i)) != run->kind) std::abort();
    }
    done += run->batch.bytes.size();
  }
  if (done != bytes.size()) std::abort();
  return 0;
}
