// Lets coroutines of one loop wait until something may have changed, with or without a deadline.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <optional>

#include "base/time.h"
#include "io/loop/convert.h"

namespace turnpike::io {

/// A notification wakes everyone who waits at that moment, and is not remembered: look at the state first, then wait,
/// in a loop. Must outlive whoever waits.
class Wake {
 public:
  Wake() = default;
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  void notify_all();
  /// True when notified, false when the deadline has passed.
  [[nodiscard]] asio::awaitable<bool> wait(std::optional<Instant> deadline = std::nullopt);

 private:
  std::list<asio::steady_timer*> waiting_;
};

}  // namespace turnpike::io
