#include "core/autonat/client.h"

#include <algorithm>

namespace turnpike::autonat {

Client::Client(Instant now, const std::vector<multiaddr::Multiaddr>& addresses, std::uint64_t nonce)
    : addresses_(addresses.size()), deadline_(now + kAnswerTime), request_(encode_request(addresses, nonce)) {}

void Client::handle_bytes(ByteView bytes) {
  while (!bytes.empty() && !result_) {
    const auto frame = frames_.take(bytes);
    if (frame && frame->empty()) return;
    const auto message = frame ? decode(*frame) : std::nullopt;
    const auto* response = message ? std::get_if<DialResponse>(&*message) : nullptr;
    const auto* wish = message ? std::get_if<DialDataRequest>(&*message) : nullptr;
    if (response != nullptr && response->index < addresses_) {
      result_ = *response;
    } else if (wish != nullptr && wish->index < addresses_) {
      if (gave_data_ || wish->bytes > kMaxData) {
        result_ = fail(ClientError::kTooMuch);
        return;
      }
      gave_data_ = true;
      data_left_ = wish->bytes;
    } else {
      result_ = fail(ClientError::kMalformed);
    }
  }
}

void Client::handle_end() {
  if (!result_) result_ = fail(ClientError::kEnded);
}

void Client::handle_timeout(Instant now) {
  if (!result_ && now >= deadline_) result_ = fail(ClientError::kTimeout);
}

std::optional<Instant> Client::poll_timeout() const {
  if (result_) return std::nullopt;
  return deadline_;
}

std::optional<Bytes> Client::poll_write() {
  if (request_) {
    std::optional<Bytes> out = std::move(request_);
    request_.reset();
    return out;
  }
  if (data_left_ == 0 || result_) return std::nullopt;
  const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(data_left_, kMaxDataPiece));
  data_left_ -= piece;
  return encode_data(piece);
}

}  // namespace turnpike::autonat
