// A deadline that moves often and passes seldom: one timer for all the waits of a connection.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>

#include "base/time.h"

namespace turnpike::io {

namespace asio = boost::asio;

/// Moving it is cheap: the timer is left alone and looks again when it fires. Passing calls `on_expiry` once, on the
/// loop; after the destructor it is never called.
class Deadline {
 public:
  Deadline(const asio::any_io_executor& loop, std::function<void()> on_expiry);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline();

  /// From now. Replaces what was armed before; has no effect once expired.
  void arm(Duration time);
  void disarm();
  [[nodiscard]] bool expired() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the timer's handler, which asio may still call after a cancel
};

/// Suspends the coroutine that awaits it.
[[nodiscard]] asio::awaitable<void> pause(Duration time);

}  // namespace turnpike::io
