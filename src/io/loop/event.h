// Waking a coroutine from another one, on the same loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace turnpike::io {

namespace asio = boost::asio;

/// Set once, seen by all who wait now or later, until `reset`. Whoever waits looks again at what he waited for: between
/// the waking and his turn it may have changed. Destroying an Event ends the waits on it.
class Event {
 public:
  explicit Event(const asio::any_io_executor& loop);

  void set();
  void reset() { is_set_ = false; }
  [[nodiscard]] bool is_set() const { return is_set_; }
  [[nodiscard]] asio::awaitable<void> wait();

 private:
  asio::steady_timer timer_;  // expires never; cancelling it is what wakes
  bool is_set_ = false;
};

}  // namespace turnpike::io
