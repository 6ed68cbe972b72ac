#include "core/ping/ping.h"

#include <utility>

namespace turnpike::ping {

void Responder::handle_bytes(Instant now, ByteView bytes) {
  if (over_) return;
  deadline_ = now + kResponderIdle;
  partial_.insert(partial_.end(), bytes.begin(), bytes.end());
  const auto whole = static_cast<std::ptrdiff_t>(partial_.size() / kPayload * kPayload);
  if (out_.size() + static_cast<std::size_t>(whole) > kMaxUnsent) {
    over_ = true;
    return;
  }
  out_.insert(out_.end(), partial_.begin(), partial_.begin() + whole);
  partial_.erase(partial_.begin(), partial_.begin() + whole);
}

std::optional<Bytes> Responder::poll_write() {
  if (out_.empty()) return std::nullopt;
  return std::exchange(out_, {});
}

std::optional<Instant> Responder::poll_timeout() const {
  if (over_) return std::nullopt;
  return deadline_;
}

Prober::Prober(Instant now, Random& random) : payload_(random.array<kPayload>()), started_(now) {}

void Prober::handle_bytes(Instant now, ByteView bytes) {
  for (const std::uint8_t byte : bytes) {
    if (is_over()) return;
    if (byte != payload_[matched_]) {
      error_ = PingError::kWrong;
    } else if (++matched_ == kPayload) {
      round_trip_ = now - started_;
    }
  }
}

void Prober::handle_end(Instant) {
  if (!is_over()) error_ = PingError::kEnded;
}

void Prober::handle_timeout(Instant now) {
  if (!is_over() && now >= started_ + kAnswerTime) error_ = PingError::kTimeout;
}

std::optional<Bytes> Prober::poll_write() {
  if (std::exchange(sent_, true)) return std::nullopt;
  return Bytes(payload_.begin(), payload_.end());
}

std::optional<Instant> Prober::poll_timeout() const {
  if (is_over()) return std::nullopt;
  return started_ + kAnswerTime;
}

}  // namespace turnpike::ping
