#include "core/exchange/patience.h"

#include <algorithm>

namespace turnpike::exchange {

Instant Patience::wait(Instant now) {
  if (!waiting_) {
    waiting_ = true;
    since_ = now;
  }
  return deadline();
}

void Patience::received(Instant now, std::uint64_t bytes) {
  if (waiting_) {
    const Duration waited = now - since_;
    silence_ += waited;
    window_ += waited;
    waiting_ = false;
  }
  if (bytes == 0) return;
  silence_ = Duration::zero();
  in_window_ += bytes;
  if (in_window_ >= limits_.bytes_per_window) {  // the window's due is paid: the next one starts
    in_window_ = 0;
    window_ = Duration::zero();
  }
}

Instant Patience::deadline() const { return since_ + std::min(limits_.silence - silence_, limits_.window - window_); }

bool Patience::is_over(Instant now) const {
  const Duration waited = waiting_ ? now - since_ : Duration::zero();
  return silence_ + waited >= limits_.silence || window_ + waited >= limits_.window;
}

}  // namespace turnpike::exchange
