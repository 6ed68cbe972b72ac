// What decodes, on either side, survives being written and read again, and is never larger than was allowed.
#include <cstdlib>

#include "core/rendezvous/control.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace turnpike;
  using namespace turnpike::rendezvous;
  const ByteView frame(data, size);
  if (const auto message = decode_client_message(frame)) {
    const Bytes written = encode(*message);
    const auto again = decode_client_message(written);
    must(again && again->index() == message->index() && encode(*again) == written);
  }
  if (const auto message = decode_server_message(frame)) {
    const Bytes written = encode(*message);
    must(written.size() <= kMaxMessageSize);
    const auto again = decode_server_message(written);
    must(again && again->index() == message->index() && encode(*again) == written);
    if (const auto* error = std::get_if<Error>(&*message)) {
      for (const char c : error->text) must(c >= ' ' && c <= '~');
    }
  }
  return 0;
}
