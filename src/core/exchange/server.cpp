#include "core/exchange/server.h"

#include <cstdlib>
#include <utility>

namespace turnpike::exchange {

namespace {

void require(bool kept) {
  if (!kept) std::abort();  // our own bug: the peer has no part in it
}

}  // namespace

Result<std::optional<Request>, ProtocolError> Server::read(ByteView& in) {
  if (is_answering() || refusal_) return std::optional<Request>();
  const auto frame = frames_.take(in);
  if (!frame) return fail(frame.error());
  if (frame->empty()) return std::optional<Request>();
  auto request = decode_request(*frame);
  if (!request) return fail(request.error());
  current_ = *std::move(request);
  if (is_answerable(*current_)) return std::optional<Request>(current_);
  refusal_ = refuse(StatusCode::kBadRequest);
  return std::optional<Request>();
}

Bytes Server::accept(const store::Content& content, std::uint64_t length) {
  require(current_ && owed_ == 0 && length > 0 && length <= longest_body(*current_));
  const auto* range = std::get_if<AskRange>(&current_->ask);
  const Header header{.status = StatusCode::kOk,
                      .content = content,
                      .offset = range != nullptr ? range->offset : 0,
                      .length = length,
                      .retry_after_ms = 0};
  current_.reset();
  owed_ = length;
  return encode(header);
}

Bytes Server::refuse(StatusCode status, const std::optional<store::Content>& content, std::uint32_t retry_after_ms) {
  require(current_ && owed_ == 0 && status != StatusCode::kOk);
  current_.reset();
  return encode(
      Header{.status = status, .content = content, .offset = 0, .length = 0, .retry_after_ms = retry_after_ms});
}

void Server::sent(std::uint64_t bytes) {
  require(bytes <= owed_);
  owed_ -= bytes;
}

std::optional<Bytes> Server::poll_refusal() { return std::exchange(refusal_, std::nullopt); }

}  // namespace turnpike::exchange
