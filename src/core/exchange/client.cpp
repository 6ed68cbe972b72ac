#include "core/exchange/client.h"

#include <algorithm>
#include <cstdlib>

namespace turnpike::exchange {

Bytes Client::ask(Request request) {
  if (!can_ask() || !is_answerable(request)) std::abort();  // our own bug: the peer has no part in it
  Bytes out = encode(request);
  open_.push_back(std::move(request));
  return out;
}

bool Client::fits(const Request& request, const Header& header) {
  if (header.status != StatusCode::kOk) return true;
  if (request.content && header.content != request.content) return false;
  const std::uint64_t longest = longest_body(request);
  if (const auto* range = std::get_if<AskRange>(&request.ask)) {
    return header.offset == range->offset && header.length == longest;
  }
  if (std::holds_alternative<AskLeaves>(request.ask)) return header.length == longest;
  return header.length > 0 && header.length <= longest;
}

Result<std::optional<Client::Event>, ProtocolError> Client::read(ByteView& in) {
  if (failed_) return fail(ProtocolError::kUnexpected);
  if (body_left_) {
    if (in.empty() && *body_left_ > 0) return std::optional<Event>();
    const ByteView bytes = in.first(static_cast<std::size_t>(std::min<std::uint64_t>(*body_left_, in.size())));
    in = in.subspan(bytes.size());
    *body_left_ -= bytes.size();
    const bool last = *body_left_ == 0;
    if (last) {
      body_left_.reset();
      open_.pop_front();
    }
    return std::optional<Event>(Body{bytes, last});
  }
  if (in.empty()) return std::optional<Event>();
  failed_ = true;  // until the header has proved good
  if (open_.empty()) return fail(ProtocolError::kUnexpected);
  const auto frame = frames_.take(in);
  if (!frame) return fail(frame.error());
  if (frame->empty()) {
    failed_ = false;
    return std::optional<Event>();
  }
  const auto header = decode_header(*frame);
  if (!header) return fail(header.error());
  if (!fits(open_.front(), *header)) return fail(ProtocolError::kUnexpected);
  failed_ = false;
  body_left_ = header->length;
  return std::optional<Event>(Answered{*header});
}

Status<ProtocolError> Client::finish() const {
  if (!open_.empty()) return fail(ProtocolError::kTruncated);
  return Ok{};
}

}  // namespace turnpike::exchange
