// What parses comes back the same when it is written again, and every value reader takes whatever stands there.
#include <cstdlib>

#include "core/stun/attribute.h"
#include "core/stun/framing.h"
#include "core/stun/integrity.h"

namespace {

using namespace turnpike;
using namespace turnpike::stun;

void read_everything(const Attribute& attribute, const TransactionId& id) {
  const ByteView value = attribute.value;
  const auto endpoint = read_xor_address(value, id);
  if (endpoint) {
    MessageWriter out(Class::kSuccess, Method::kBinding, id);
    add_xor_address(out, attribute.type, *endpoint);
    const Bytes bytes = std::move(out).take();
    const auto written = ByteView(bytes).subspan(kHeaderSize + 4);
    if (read_xor_address(written.first(value.size()), id) != endpoint) std::abort();
  }
  (void)read_error(value);
  (void)read_unknown_attributes(value);
  (void)read_change_request(value);
  (void)read_password_algorithms(value);
  (void)read_password_algorithm(value);
  (void)read_text(value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const auto frame = next_frame(bytes);
  const auto message = MessageView::parse(bytes);
  if (looks_like_stun(bytes) && !message && message.error() != ParseError::kTruncated) std::abort();
  if (!message) return 0;
  // Methods so great that the first byte is another protocol's (RFC 7983) exist, but not in a stream of TURN's.
  if (data[0] < 4 && (!frame || !*frame || (*frame)->size != size)) std::abort();

  MessageWriter out(message->message_class(), message->method(), message->id());
  for (auto at = message->next(kHeaderSize); at; at = message->next(MessageView::end_of(*at))) {
    read_everything(*at, message->id());
    out.add(at->type, at->value);
  }
  (void)verify_integrity(*message, bytes_of("key"));
  (void)verify_integrity_sha256(*message, bytes_of("key"));
  (void)verify_fingerprint(*message);
  if (size + 100 > kMaxMessageSize) return 0;
  add_integrity(out, bytes_of("key"));
  add_integrity_sha256(out, bytes_of("key"));
  add_fingerprint(out);
  const Bytes again = std::move(out).take();
  const auto view = MessageView::parse(again);
  if (!view || !verify_integrity(*view, bytes_of("key")) || !verify_integrity_sha256(*view, bytes_of("key")) ||
      !verify_fingerprint(*view) || view->id() != message->id() || view->method() != message->method()) {
    std::abort();
  }
  return 0;
}
