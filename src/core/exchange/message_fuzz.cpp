// Whatever decodes as a request or a header survives being encoded and decoded again, and stays within the limits.
#include <cstdlib>

#include "core/exchange/frame.h"
#include "core/exchange/message.h"

using namespace turnpike;
using namespace turnpike::exchange;

namespace {

void require(bool property) {
  if (!property) std::abort();
}

template <class Value, class Decode>
void comes_back(const Value& value, std::size_t limit, Decode decode) {
  const Bytes encoded = encode(value);
  ByteView in(encoded);
  FrameReader frames(limit);
  const auto frame = frames.take(in);
  require(frame && in.empty());
  const auto again = decode(*frame);
  require(again && *again == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto request = decode_request(input)) {
    comes_back(*request, kMaxRequestSize, decode_request);
    if (is_answerable(*request)) require(longest_body(*request) <= kMaxRangeLength);
  }
  if (const auto header = decode_header(input)) comes_back(*header, kMaxHeaderSize, decode_header);
  return 0;
}
