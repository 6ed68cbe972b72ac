// What is read as a check comes back the same when it is written again.
#include <cstdlib>

#include "core/punch/check.h"
#include "core/stun/integrity.h"

using namespace turnpike;
using namespace turnpike::punch;

namespace {

const Credentials kOurs{"oursufrg", "ourpasswordourpasswordou"};
const Credentials kTheirs{"theirufr", "theirpasswordtheirpasswo"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = stun::MessageView::parse(ByteView(data, size));
  if (!message || size > 2000) return 0;
  // Sealed anew, so that the fuzzer gets past the integrity.
  stun::MessageWriter out(message->message_class(), message->method(), message->id());
  for (auto at = message->next(stun::kHeaderSize); at; at = message->next(stun::MessageView::end_of(*at))) {
    out.add(at->type, at->value);
  }
  stun::add_integrity(out, bytes_of(kOurs.password));
  stun::add_fingerprint(out);
  const Bytes bytes = std::move(out).take();
  const auto again = stun::MessageView::parse(bytes);
  if (!again) std::abort();
  if (const auto request = read_request(*again, kOurs)) {
    const Bytes written = encode(*request, kTheirs, kOurs);
    const auto twice = read_request(*stun::MessageView::parse(written), kOurs);
    if (!twice || twice->tie_breaker != request->tie_breaker || twice->role != request->role ||
        twice->use_candidate != request->use_candidate || twice->priority != request->priority) {
      std::abort();
    }
  }
  (void)read_response(*again, kOurs);
  return 0;
}
