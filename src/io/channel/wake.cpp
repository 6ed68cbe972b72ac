#include "io/channel/wake.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace turnpike::io {

namespace {

/// Takes its place in the list away with it, also when the coroutine is destroyed instead of resumed.
class Place {
 public:
  Place(std::list<asio::steady_timer*>& list, asio::steady_timer& timer)
      : list_(list), at_(list.insert(list.end(), &timer)) {}
  ~Place() { list_.erase(at_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::list<asio::steady_timer*>& list_;
  std::list<asio::steady_timer*>::iterator at_;
};

}  // namespace

void Wake::notify_all() {
  for (asio::steady_timer* timer : waiting_) timer->cancel();
}

asio::awaitable<bool> Wake::wait(std::optional<Instant> deadline) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  timer.expires_at(deadline ? to_steady(*deadline) : asio::steady_timer::time_point::max());
  const Place place(waiting_, timer);
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return static_cast<bool>(error);
}

}  // namespace turnpike::io
