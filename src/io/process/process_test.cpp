#include "io/process/process.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;

/// The shape of a program: a loop with endless work, ended by a signal.
class Program {
 public:
  explicit Program(asio::io_context& loop) : loop_(loop), work_(loop, asio::steady_timer::time_point::max()) {
    work_.async_wait([this](const boost::system::error_code&) { work_ended = true; });
  }
  asio::awaitable<void> shut_down() {
    ++times_shut_down;
    if (!is_stuck) work_.cancel();
    while (is_stuck) co_await stuck_.async_wait(asio::use_awaitable);
  }

  bool work_ended = false;
  bool is_stuck = false;
  int times_shut_down = 0;

 private:
  asio::io_context& loop_;
  asio::steady_timer work_;
  asio::steady_timer stuck_{loop_, asio::steady_timer::time_point::max()};
};

TEST(Process, ShutsDownOnceAtASignalAndLetsTheRestEnd) {
  for (const int signal : {SIGINT, SIGTERM}) {
    asio::io_context loop;
    Program program(loop);
    asio::post(loop, [signal] { std::raise(signal); });
    run_until_signalled(loop, 10s, [&program] { return program.shut_down(); });
    EXPECT_EQ(program.times_shut_down, 1);
    EXPECT_TRUE(program.work_ended);
  }
}

TEST(Process, EndsWithTheLastOfItsWorkAndNotWithItsGrace) {
  asio::io_context loop;
  Program program(loop);
  asio::post(loop, [] { std::raise(SIGTERM); });
  const auto start = std::chrono::steady_clock::now();
  run_until_signalled(loop, 1h, [&program] { return program.shut_down(); });
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30min);
}

TEST(Process, EndsAtASecondSignalWhateverIsStillWaitedFor) {
  asio::io_context loop;
  Program program(loop);
  program.is_stuck = true;
  asio::post(loop, [] { std::raise(SIGTERM); });
  asio::steady_timer again(loop, 1ms);
  again.async_wait([](const boost::system::error_code&) { std::raise(SIGINT); });
  run_until_signalled(loop, 0s, [&program] { return program.shut_down(); });
  EXPECT_EQ(program.times_shut_down, 1);
}

TEST(Process, MayHaveAsManyDescriptorsAsTheSystemAllows) {
  prepare_process();
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
  EXPECT_EQ(std::signal(SIGPIPE, SIG_IGN), SIG_IGN);
}

TEST(Process, SaysWhyItGivesUp) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(give_up("the port is taken"), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "turnpike: the port is taken\n");
}

}  // namespace
}  // namespace turnpike::io
