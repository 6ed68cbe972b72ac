// When a STUN request is sent again over UDP, and when it is given up (RFC 8489, section 6.2.1).
#pragma once

#include <optional>

#include "base/time.h"

namespace turnpike::stun {

/// The RFC's values. A caller in a hurry may ask for fewer requests.
struct RetransmissionPolicy {
  Duration initial_rto = std::chrono::milliseconds(500);
  int max_requests = 7;                                      ///< Rc, at least 1.
  Duration last_wait = 16 * std::chrono::milliseconds(500);  ///< Rm × RTO.

  /// Over TCP and TLS the request is sent once and waited for as long in all (Ti).
  [[nodiscard]] static RetransmissionPolicy reliable() {
    return {.initial_rto = {}, .max_requests = 1, .last_wait = std::chrono::milliseconds(39'500)};
  }
};

/// One transaction's clock: waits double from the initial RTO, the last one is its own.
class Retransmission {
 public:
  enum class Due : std::uint8_t { kNothing, kSend, kGiveUp };

  explicit Retransmission(const RetransmissionPolicy& policy = {}) : policy_(policy) {}

  /// The first request leaves at `now`.
  void start(Instant now) {
    sent_ = 1;
    deadline_ = now + wait();
  }
  [[nodiscard]] Due handle_timeout(Instant now) {
    if (!deadline_ || now < *deadline_) return Due::kNothing;
    if (sent_ >= policy_.max_requests) {
      deadline_.reset();
      return Due::kGiveUp;
    }
    ++sent_;
    deadline_ = *deadline_ + wait();
    return Due::kSend;
  }
  void stop() { deadline_.reset(); }

  [[nodiscard]] std::optional<Instant> poll_timeout() const { return deadline_; }
  [[nodiscard]] int requests_sent() const { return sent_; }

 private:
  [[nodiscard]] Duration wait() const {
    return sent_ >= policy_.max_requests ? policy_.last_wait : policy_.initial_rto * (1 << (sent_ - 1));
  }

  RetransmissionPolicy policy_;
  int sent_ = 0;
  std::optional<Instant> deadline_;
};

}  // namespace turnpike::stun
