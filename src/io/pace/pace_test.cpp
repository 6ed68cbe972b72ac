#include "io/pace/pace.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "io/loop/convert.h"
#include "io/loop/run.h"

namespace turnpike::io {
namespace {

constexpr std::uint64_t kRate = 4U << 20U;

const pace::FlowKey kFlow = pace::flow_of(IpAddress::v4(192, 0, 2, 1));

asio::awaitable<std::uint64_t> take_all(Share share, std::uint64_t bytes) {
  std::uint64_t turns = 0;
  while (bytes > 0) {
    const std::uint64_t granted = co_await share.take(bytes);
    bytes -= granted;
    ++turns;
  }
  co_return turns;
}

asio::awaitable<void> take_once(Share share, std::uint64_t wanted, std::uint64_t& got) {
  const Share mine = share;
  got = co_await mine.take(wanted);
}

TEST(Pace, LetsBytesThroughAtItsRate) {
  asio::io_context loop;
  const Pace pace(loop.get_executor(), kRate);
  const Instant start = now();
  run(loop, take_all(Share(pace, kFlow), kRate));
  // A second's worth less the burst of a twentieth. How much later it ends is the machine's doing.
  EXPECT_GE(now() - start, std::chrono::milliseconds(900));
}

TEST(Pace, WithoutARateMakesNobodyWait) {
  asio::io_context loop;
  const Pace pace(loop.get_executor(), std::nullopt);
  EXPECT_EQ(run(loop, take_all(Share(pace, kFlow), std::uint64_t{1} << 40U)), 1U);
  EXPECT_EQ(run(loop, take_all(Share(), std::uint64_t{1} << 40U)), 1U);
}

TEST(Pace, LetsAllThroughWhenItIsLiftedOrGone) {
  asio::io_context loop;
  std::uint64_t got = 0;
  auto pace = std::make_unique<Pace>(loop.get_executor(), pace::kMinRate);
  const Share share(*pace, kFlow);
  run(loop, take_all(share, 2 * pace::kSmallestTurn));
  asio::co_spawn(loop, take_once(share, 1U << 30U, got), asio::detached);
  loop.restart();
  loop.poll();
  EXPECT_EQ(got, 0U);
  pace.reset();
  loop.restart();
  loop.run();
  EXPECT_EQ(got, 1U << 30U);
}

TEST(Pace, ForgetsAWaitThatIsDestroyed) {
  std::uint64_t got = 0;
  {
    asio::io_context loop;
    const Pace pace(loop.get_executor(), pace::kMinRate);
    const Share share(pace, kFlow);
    run(loop, take_all(share, 2 * pace::kSmallestTurn));
    asio::co_spawn(loop, take_once(share, pace::kSmallestTurn, got), asio::detached);
    loop.restart();
    loop.poll();
  }
  EXPECT_EQ(got, 0U);
}

}  // namespace
}  // namespace turnpike::io
