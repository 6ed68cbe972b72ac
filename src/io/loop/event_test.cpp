#include "io/loop/event.h"

#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>

#include "io/loop/run.h"

namespace turnpike::io {
namespace {

asio::awaitable<void> wait_and_count(Event& event, int& count) {
  const int before = count;
  co_await event.wait();
  count = before + 1;
}

TEST(Event, WakesWhoWaitsAndLetsThroughWhoComesLater) {
  asio::io_context loop;
  Event event(loop.get_executor());
  int first = 0;
  int later = 0;
  asio::co_spawn(loop, wait_and_count(event, first), asio::detached);
  loop.poll();
  EXPECT_EQ(first, 0);
  event.set();
  loop.restart();
  loop.poll();
  EXPECT_EQ(first, 1);
  run(loop, wait_and_count(event, later));
  EXPECT_EQ(later, 1);
}

TEST(Event, LetsGoOfItsWaitersWhenItIsDestroyed) {
  asio::io_context loop;
  int count = 0;
  {
    Event event(loop.get_executor());
    asio::co_spawn(loop, wait_and_count(event, count), asio::detached);
    loop.poll();
  }
  loop.restart();
  loop.run();
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace turnpike::io
