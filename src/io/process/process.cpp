#include "io/process/process.h"

#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>

namespace turnpike::io {

int give_up(const std::string& why) {
  std::fprintf(stderr, "turnpike: %s\n", why.c_str());
  return 1;
}

void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void run_until_signalled(asio::io_context& loop, Duration grace, std::function<asio::awaitable<void>()> shut_down) {
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  const auto end_now = [&loop](const boost::system::error_code& error, int) {
    if (!error) loop.stop();
  };
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (error) return;
    signals.async_wait(end_now);
    asio::co_spawn(loop, shut_down(), [&](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);
      loop.stop();
    });
  });
  loop.run();
  boost::system::error_code ignored;
  signals.cancel(ignored);
  loop.restart();
  // What was closed ends by itself now, while everything it borrows is still here.
  loop.run_for(grace);
}

}  // namespace turnpike::io
