#include "io/channel/wake.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "io/loop/run.h"

namespace turnpike::io {
namespace {

asio::awaitable<void> wait_then_count(Wake& wake, int& count) {
  co_await wake.wait();
  ++count;
}

void spawn(asio::io_context& loop, asio::awaitable<void> work) {
  asio::co_spawn(loop, std::move(work), [](const std::exception_ptr&) {});
}

TEST(Wake, WakesEveryoneWhoWaitsAndNobodyWhoComesLater) {
  Wake wake;  // outlives whoever waits
  asio::io_context loop;
  int woken = 0;
  spawn(loop, wait_then_count(wake, woken));
  spawn(loop, wait_then_count(wake, woken));
  loop.poll();
  EXPECT_EQ(woken, 0);
  wake.notify_all();
  spawn(loop, wait_then_count(wake, woken));
  loop.poll();
  EXPECT_EQ(woken, 2);
}

TEST(Wake, TellsADeadlineFromANotification) {
  Wake wake;  // outlives whoever waits
  asio::io_context loop;
  EXPECT_FALSE(run(loop, wake.wait(now() - std::chrono::seconds(1))));
}

TEST(Wake, LetsAWaitingCoroutineBeDestroyedWithItsLoop) {
  Wake wake;
  int woken = 0;
  {
    asio::io_context loop;
    spawn(loop, wait_then_count(wake, woken));
    loop.poll();
  }
  wake.notify_all();
  EXPECT_EQ(woken, 0);
}

}  // namespace
}  // namespace turnpike::io
