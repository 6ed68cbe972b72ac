#include "io/disk/worker_pool.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <latch>
#include <memory>
#include <thread>

namespace turnpike::io {
namespace {

struct NotDefaultConstructible {
  explicit NotDefaultConstructible(int v) : value(std::make_unique<int>(v)) {}
  std::unique_ptr<int> value;
};

TEST(WorkerPool, RunsOnAnotherThreadAndResumesOnTheLoop) {
  asio::io_context loop;
  WorkerPool pool(loop.get_executor(), 1);
  bool done = false;
  auto script = [](WorkerPool& workers, bool& finished) -> asio::awaitable<void> {
    const auto here = std::this_thread::get_id();
    const auto there = co_await workers.run([] { return std::this_thread::get_id(); });
    EXPECT_NE(here, there);
    EXPECT_EQ(here, std::this_thread::get_id());
    const auto moved = co_await workers.run([] { return NotDefaultConstructible(7); });
    EXPECT_EQ(*moved.value, 7);
    finished = true;
  };
  asio::co_spawn(loop, script(pool, done), asio::detached);
  loop.run();
  EXPECT_TRUE(done);
}

TEST(WorkerPool, RunsAsManyJobsAtOnceAsItHasThreads) {
  asio::io_context loop;
  WorkerPool pool(loop.get_executor(), 2);
  std::latch both(2);
  int done = 0;
  auto script = [](WorkerPool& workers, std::latch& meeting, int& finished) -> asio::awaitable<void> {
    std::latch* const place = &meeting;
    const bool met = co_await workers.run([place] {
      place->arrive_and_wait();  // returns only when the other job runs too
      return true;
    });
    finished += met ? 1 : 0;
  };
  for (int i = 0; i < 2; ++i) asio::co_spawn(loop, script(pool, both, done), asio::detached);
  loop.run();
  EXPECT_EQ(done, 2);
}

TEST(WorkerPool, DropsWhatHasNotBegunWhenItEnds) {
  asio::io_context loop;
  std::latch begun(1);
  std::latch go(1);
  int ran = 0;
  {
    WorkerPool pool(loop.get_executor(), 1);
    auto script = [](WorkerPool& workers, std::latch& first, std::latch& wait, int& count) -> asio::awaitable<void> {
      std::latch* const at_start = &first;
      std::latch* const until = &wait;
      int* const counter = &count;
      static_cast<void>(co_await workers.run([=] {
        if (*counter == 0) at_start->count_down();
        until->wait();
        return ++*counter;
      }));
    };
    for (int i = 0; i < 3; ++i) asio::co_spawn(loop, script(pool, begun, go, ran), asio::detached);
    loop.poll();
    begun.wait();
    std::thread opener([&go] { go.count_down(); });
    opener.join();
  }
  EXPECT_GE(ran, 1);
}

}  // namespace
}  // namespace turnpike::io
