// Any answer, in any pieces: the verdict is the one that the whole answer at once gets, and a tunnel loses no byte.
#include <algorithm>
#include <cstdlib>

#include "core/connect/handshake.h"

namespace {

using namespace turnpike;

struct Outcome {
  std::optional<connect::Handshake::Event> event;
  std::size_t taken = 0;
};

Outcome play(ByteView input, std::size_t piece) {
  connect::Handshake handshake(Instant{}, "boot.example", 443, {});
  if (!handshake.poll_write()) std::abort();
  Outcome out;
  while (!input.empty() && !out.event) {
    const ByteView part = input.first(std::min(piece, input.size()));
    handshake.handle_bytes(Instant{}, part);
    input = input.subspan(part.size());
    out.taken += part.size();
    out.event = handshake.poll_event();
  }
  if (!out.event) {
    if (out.taken >= connect::kMaxHead) std::abort();
    if (!handshake.poll_timeout()) std::abort();
    handshake.handle_closed(Instant{});
    out.event = handshake.poll_event();
    if (!out.event || !std::holds_alternative<connect::Refused>(*out.event)) std::abort();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView input(data + 1, size - 1);
  const Outcome whole = play(input, std::max<std::size_t>(input.size(), 1));
  const Outcome pieces = play(input, data[0] % 32U + 1U);
  if (whole.event->index() != pieces.event->index()) std::abort();
  if (const auto* refused = std::get_if<connect::Refused>(&*whole.event)) {
    const auto& other = std::get<connect::Refused>(*pieces.event);
    if (refused->reason != other.reason || refused->text != other.text || refused->text.size() > 200) std::abort();
    if (std::ranges::any_of(refused->text, [](char c) { return c < ' ' || c > '~'; })) std::abort();
    return 0;
  }
  // The same tunnel bytes, wherever the pieces were cut: those that came early are the end of what was taken.
  const Bytes& early = std::get<connect::Opened>(*pieces.event).early;
  const std::size_t head = pieces.taken - early.size();
  if (head != input.size() - std::get<connect::Opened>(*whole.event).early.size()) std::abort();
  if (!std::ranges::equal(early, input.subspan(head, early.size()))) std::abort();
  return 0;
}
