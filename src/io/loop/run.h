// Runs one task on a loop to its end: for tests, benchmarks and small programs.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace turnpike::io {

namespace asio = boost::asio;

namespace detail {
template <class T>
asio::awaitable<void> keep_value(asio::awaitable<T> task, std::optional<T>& out) {
  auto value = co_await std::move(task);
  out.emplace(std::move(value));
}
}  // namespace detail

/// Other work on the loop goes on meanwhile and is left where it is when the task has ended. What the task throws is
/// thrown here.
inline void run(asio::io_context& loop, asio::awaitable<void> task) {
  bool done = false;
  std::exception_ptr failure;
  asio::co_spawn(loop, std::move(task), [&](std::exception_ptr thrown) {
    failure = std::move(thrown);
    done = true;
  });
  loop.restart();
  while (!done && loop.run_one() > 0) {
  }
  if (failure) std::rethrow_exception(failure);
}

template <class T>
T run(asio::io_context& loop, asio::awaitable<T> task) {
  std::optional<T> value;
  run(loop, detail::keep_value(std::move(task), value));
  return std::move(value).value();
}

}  // namespace turnpike::io
