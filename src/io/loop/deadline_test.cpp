#include "io/loop/deadline.h"

#include <gtest/gtest.h>

#include "io/loop/run.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, CallsOnceWhenItPasses) {
  asio::io_context loop;
  int calls = 0;
  Deadline deadline(loop.get_executor(), [&] { ++calls; });
  deadline.arm(1ms);
  loop.run();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(deadline.expired());
  deadline.arm(1ms);
  loop.restart();
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(Deadline, KeepsQuietWhenItWasMovedOrDisarmed) {
  asio::io_context loop;
  int calls = 0;
  Deadline moved(loop.get_executor(), [&] { ++calls; });
  Deadline disarmed(loop.get_executor(), [&] { calls += 100; });
  moved.arm(1ms);
  moved.arm(20ms);
  disarmed.arm(1ms);
  disarmed.disarm();
  const auto start = std::chrono::steady_clock::now();
  loop.run();
  EXPECT_EQ(calls, 1);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST(Deadline, MayBeMovedNearer) {
  asio::io_context loop;
  int calls = 0;
  Deadline deadline(loop.get_executor(), [&] { ++calls; });
  deadline.arm(1h);
  deadline.arm(1ms);
  loop.run_one();
  while (calls == 0 && loop.run_one() > 0) {
  }
  EXPECT_EQ(calls, 1);
}

TEST(Deadline, IsSilentOnceDestroyed) {
  asio::io_context loop;
  {
    Deadline deadline(loop.get_executor(), [] { FAIL(); });
    deadline.arm(0ms);
  }
  loop.run();
}

}  // namespace
}  // namespace turnpike::io
