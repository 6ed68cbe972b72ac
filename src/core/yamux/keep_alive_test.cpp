#include "core/yamux/keep_alive.h"

#include <gtest/gtest.h>

namespace turnpike::yamux {
namespace {

using namespace std::chrono_literals;

const Instant kStart{1h};

TEST(YamuxKeepAlive, PingsAtOnceAndThenEveryInterval) {
  KeepAlive alive(kStart, 30s, 20s);
  EXPECT_TRUE(alive.poll_ping(kStart));
  alive.handle_bytes();
  EXPECT_FALSE(alive.poll_ping(kStart + 29s));
  EXPECT_EQ(alive.deadline(), kStart + 30s);
  EXPECT_TRUE(alive.poll_ping(kStart + 30s));
}

TEST(YamuxKeepAlive, MeasuresTheRoundTripByTheLastPingOnly) {
  KeepAlive alive(kStart, 30s, 20s);
  const auto first = alive.poll_ping(kStart);
  const auto second = alive.poll_ping(kStart + 30s);
  alive.handle_pong(kStart + 31s, *first);
  EXPECT_FALSE(alive.round_trip());
  alive.handle_pong(kStart + 31s, *second);
  EXPECT_EQ(alive.round_trip(), 1s);
  alive.handle_pong(kStart + 40s, *second);  // once answered, an answer means nothing
  EXPECT_EQ(alive.round_trip(), 1s);
}

TEST(YamuxKeepAlive, GivesAPeerUpThatSaysNothingAfterAPing) {
  KeepAlive alive(kStart, 30s, 20s);
  ASSERT_TRUE(alive.poll_ping(kStart));
  EXPECT_EQ(alive.deadline(), kStart + 20s);
  EXPECT_FALSE(alive.is_dead(kStart + 19s));
  EXPECT_TRUE(alive.is_dead(kStart + 20s));
}

TEST(YamuxKeepAlive, TakesAnyByteForALifeSign) {
  KeepAlive alive(kStart, 30s, 20s);
  ASSERT_TRUE(alive.poll_ping(kStart));
  alive.handle_bytes();
  EXPECT_FALSE(alive.is_dead(kStart + 29s));
}

TEST(YamuxKeepAlive, IsNotFooledByItsOwnFurtherPings) {
  KeepAlive alive(kStart, 5s, 20s);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(alive.poll_ping(kStart + i * 5s));
  EXPECT_TRUE(alive.is_dead(kStart + 20s));
}

}  // namespace
}  // namespace turnpike::yamux
