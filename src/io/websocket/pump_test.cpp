#include "io/websocket/pump.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <optional>
#include <vector>

#include "io/loop/event.h"
#include "io/loop/run.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using Pipe = std::unique_ptr<BytePipe>;

asio::awaitable<void> accept_into(TcpListener& listener, Pipe& out) {
  auto accepted = co_await listener.accept();
  out = std::move(*accepted);
}

/// Two ends with the pump between them: left ⇄ first ⇄ second ⇄ right.
struct World {
  asio::io_context loop;
  std::unique_ptr<TcpListener> listener;
  Pipe left, first, second, right;
  std::optional<PumpResult> result;

  World() {
    auto opened = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    listener = std::move(*opened);
    connect_pair(left, first);
    connect_pair(right, second);
  }
  void connect_pair(Pipe& outer, Pipe& inner) {
    asio::co_spawn(loop, accept_into(*listener, inner), asio::detached);
    auto connected = run(loop, connect(listener->local(), 5s));
    outer = std::move(*connected);
    while (!inner) loop.run_one();
  }
  void start(PumpMeter meter) {
    asio::co_spawn(loop, detail::keep_value(join_pipes(*first, *second, std::move(meter)), result), asio::detached);
  }
  const PumpResult& finished() {
    while (!result) loop.run_one();
    return *result;
  }
};

PumpVerdict pass(PumpSide /*side*/, std::size_t /*bytes*/) { return PumpVerdict::pass(); }

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 11 + i / 257);
  return out;
}

asio::awaitable<Bytes> read_to_end(BytePipe& pipe) {
  Bytes all;
  Bytes buffer(64 << 10);
  for (;;) {
    const auto got = co_await pipe.read_some(buffer);
    if (!got) co_return all;
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

asio::awaitable<void> write_and_finish(BytePipe& pipe, ByteView bytes) {
  const auto wrote = co_await pipe.write(bytes);
  EXPECT_TRUE(wrote);
  co_await pipe.finish();
}

asio::awaitable<void> write_counting(BytePipe& pipe, std::size_t& written) {
  const Bytes piece(16 << 10);
  for (;;) {
    const auto wrote = co_await pipe.write(piece);
    if (!wrote) co_return;
    written += piece.size();
  }
}

TEST(Pump, PassesEverythingOnBeforeItEnds) {
  World world;
  std::size_t metered = 0;
  world.start([&](PumpSide side, std::size_t bytes) {
    EXPECT_EQ(side, PumpSide::kFirstToSecond);
    EXPECT_LE(bytes, kPumpBuffer);
    metered += bytes;
    return PumpVerdict::pass();
  });
  const Bytes bytes = pattern(10 << 20);
  asio::co_spawn(world.loop, write_and_finish(*world.left, bytes), asio::detached);
  EXPECT_TRUE(run(world.loop, read_to_end(*world.right)) == bytes);
  world.right->close();
  EXPECT_EQ(world.finished().end, PumpEnd::kFirstClosed);
  EXPECT_EQ(world.finished().first_to_second, bytes.size());
  EXPECT_EQ(world.finished().second_to_first, 0U);
  EXPECT_EQ(metered, bytes.size());
}

TEST(Pump, WorksBothWays) {
  World world;
  world.start(pass);
  ASSERT_TRUE(run(world.loop, world.left->write(bytes_of("ping"))));
  ASSERT_TRUE(run(world.loop, world.right->write(bytes_of("pong!"))));
  Bytes buffer(10);
  EXPECT_EQ(*run(world.loop, world.right->read_some(buffer)), 4U);
  EXPECT_EQ(*run(world.loop, world.left->read_some(buffer)), 5U);
  world.right->close();
  EXPECT_EQ(run(world.loop, world.left->read_some(buffer)).error(), IoError::kClosed);
  world.left->close();
  EXPECT_EQ(world.finished().end, PumpEnd::kSecondClosed);
  EXPECT_EQ(world.finished().second_to_first, 5U);
}

TEST(Pump, StopsWhenTheMeterSaysSo) {
  World world;
  world.start([](PumpSide, std::size_t bytes) {
    EXPECT_EQ(bytes, 4U);
    return PumpVerdict::stop();
  });
  ASSERT_TRUE(run(world.loop, world.left->write(bytes_of("more"))));
  Bytes buffer(10);
  EXPECT_EQ(run(world.loop, world.right->read_some(buffer)).error(), IoError::kClosed);
  EXPECT_EQ(run(world.loop, world.left->read_some(buffer)).error(), IoError::kClosed);
  world.left->close();
  world.right->close();
  EXPECT_EQ(world.finished().end, PumpEnd::kStopped);
  EXPECT_EQ(world.finished().first_to_second, 0U);  // not paid for, not passed on
}

TEST(Pump, AsksTheMeterAgainAfterAWait) {
  World world;
  int asked = 0;
  world.start([&](PumpSide, std::size_t) { return ++asked < 3 ? PumpVerdict::wait_for(1ms) : PumpVerdict::pass(); });
  ASSERT_TRUE(run(world.loop, world.left->write(bytes_of("late"))));
  Bytes buffer(10);
  EXPECT_EQ(*run(world.loop, world.right->read_some(buffer)), 4U);
  EXPECT_EQ(asked, 3);
}

TEST(Pump, HoldsASenderBackWhenNobodyReads) {
  World world;
  std::size_t written = 0;
  std::size_t metered = 0;
  world.start([&](PumpSide, std::size_t bytes) {
    metered += bytes;
    return PumpVerdict::pass();
  });
  asio::co_spawn(world.loop, write_counting(*world.left, written), asio::detached);
  // Until nothing moves any more: every wait on the loop is for a peer that does not read.
  std::size_t before = 1;
  while (written != before) {
    before = written;
    world.loop.restart();
    while (world.loop.poll() > 0) {
    }
  }
  EXPECT_GT(written, 0U);
  // What the pump took beyond what it could pass on is at most its buffer: all else stands in the kernel's queues.
  std::size_t arrived = 0;
  Bytes buffer(1 << 20);
  const std::size_t goal = metered;
  while (arrived < goal) {
    const auto got = run(world.loop, world.right->read_some(buffer));
    ASSERT_TRUE(got);
    arrived += *got;
  }
  world.left->close();
  world.right->close();
  EXPECT_GE(world.finished().first_to_second + kPumpBuffer, goal);
}

}  // namespace
}  // namespace turnpike::io
