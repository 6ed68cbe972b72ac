#include "io/loop/event.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace turnpike::io {

Event::Event(const asio::any_io_executor& loop) : timer_(loop, asio::steady_timer::time_point::max()) {}

void Event::set() {
  is_set_ = true;
  timer_.cancel();
}

asio::awaitable<void> Event::wait() {
  const bool ready = is_set_;
  if (ready) co_return;
  // Nothing of *this is touched afterwards: the Event may be gone.
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace turnpike::io
