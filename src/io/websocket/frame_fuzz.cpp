#include <algorithm>
#include <cstdlib>

#include "io/websocket/frame.h"

using namespace turnpike;
using namespace turnpike::io;

/// A head that parses is written back as the same bytes: there is one form for each.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const auto parsed = parse_head(bytes);
  if (!parsed || !*parsed) return 0;
  const auto encoded = encode_head((*parsed)->head);
  const ByteView head = bytes.first((*parsed)->size);
  if (!std::equal(head.begin(), head.end(), encoded.view().begin(), encoded.view().end())) std::abort();
  if (const auto code = parse_close(bytes.subspan((*parsed)->size)); code && *code < 1000) std::abort();
  return 0;
}
