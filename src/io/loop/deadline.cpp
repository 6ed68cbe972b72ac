#include "io/loop/deadline.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace turnpike::io {

using Clock = std::chrono::steady_clock;

struct Deadline::State : std::enable_shared_from_this<State> {
  State(const asio::any_io_executor& loop, std::function<void()> expiry) : timer(loop), on_expiry(std::move(expiry)) {}

  void wait_until(Clock::time_point time) {
    waiting = true;
    timer.expires_at(time);  // ends a wait for a later time, whose handler sees `aborted` and does nothing
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& aborted) {
      if (!aborted) self->look();
    });
  }

  void look() {
    waiting = false;
    if (!armed) return;
    if (Clock::now() < due) {
      wait_until(due);
      return;
    }
    armed = false;
    expired = true;
    if (const auto call = std::move(on_expiry)) call();
  }

  asio::steady_timer timer;
  std::function<void()> on_expiry;
  Clock::time_point due{};
  bool armed = false;
  bool waiting = false;
  bool expired = false;
};

Deadline::Deadline(const asio::any_io_executor& loop, std::function<void()> on_expiry)
    : state_(std::make_shared<State>(loop, std::move(on_expiry))) {}

Deadline::~Deadline() {
  state_->armed = false;
  state_->on_expiry = nullptr;
  state_->timer.cancel();
}

void Deadline::arm(Duration time) {
  if (state_->expired) return;
  state_->armed = true;
  state_->due = Clock::now() + time;
  if (!state_->waiting || state_->due < state_->timer.expiry()) state_->wait_until(state_->due);
}

void Deadline::disarm() { state_->armed = false; }

bool Deadline::expired() const { return state_->expired; }

asio::awaitable<void> pause(Duration time) {
  const auto loop = co_await asio::this_coro::executor;
  asio::steady_timer timer(loop, time);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace turnpike::io
