#include "core/identity/replay.h"

#include <gtest/gtest.h>

#include "core/identity/statement.h"

namespace turnpike::identity {
namespace {

constexpr std::uint64_t kMs = 1'700'000'000'000;
constexpr WallTime kNow{kMs};

PeerId peer(std::uint64_t number) {
  PeerId out;
  Bytes bytes;
  ByteWriter(bytes).u64(number);
  std::copy(bytes.begin(), bytes.end(), out.public_key.begin());
  return out;
}

TEST(ReplayWindow, LetsEachSignersNumbersOnlyRise) {
  ReplayWindow window;
  EXPECT_TRUE(window.accept(kNow, peer(1), 5));
  EXPECT_FALSE(window.accept(kNow, peer(1), 5));
  EXPECT_FALSE(window.accept(kNow, peer(1), 4));
  EXPECT_TRUE(window.accept(kNow, peer(1), 6));
  EXPECT_TRUE(window.accept(kNow, peer(2), 5));
}

TEST(ReplayWindow, RemembersNoMoreSignersThanItsLimit) {
  ReplayWindow window;
  for (std::uint64_t i = 0; i < kMaxRememberedSigners + 100; ++i) EXPECT_TRUE(window.accept(kNow, peer(i), kMs + i));
  EXPECT_EQ(window.size(), kMaxRememberedSigners);
}

TEST(ReplayWindow, DoesNotReopenForAVictimPushedOutByManyKeys) {
  ReplayWindow window(8);
  EXPECT_TRUE(window.accept(kNow, peer(0), kMs));
  for (std::uint64_t i = 1; i <= 100; ++i) EXPECT_TRUE(window.accept(kNow, peer(i), kMs + i));
  EXPECT_FALSE(window.accept(kNow, peer(0), kMs));
  EXPECT_TRUE(window.accept(kNow, peer(0), kMs + 200));  // but its next statement is heard
}

TEST(ReplayWindow, DoesNotAcceptTwiceEvenWhatItForgetsAtOnce) {
  ReplayWindow window(2);
  EXPECT_TRUE(window.accept(kNow, peer(1), kMs + 10));
  EXPECT_TRUE(window.accept(kNow, peer(2), kMs + 10));
  EXPECT_TRUE(window.accept(kNow, peer(3), kMs));
  EXPECT_FALSE(window.accept(kNow, peer(3), kMs));
}

TEST(ReplayWindow, HearsUnknownSignersAgainAToleranceAfterAFloodFromTheFuture) {
  ReplayWindow window(8);
  for (std::uint64_t i = 0; i < 100; ++i) (void)window.accept(kNow, peer(i), kMs + kClockToleranceMs);
  EXPECT_FALSE(window.accept(kNow, peer(1000), kMs));
  const WallTime later{kMs + kClockToleranceMs + 1};
  EXPECT_TRUE(window.accept(later, peer(1000), later.unix_ms));
}

TEST(ReplayWindow, ForgetsWithoutATraceWhoseStatementsHaveAllExpired) {
  ReplayWindow window(1);
  EXPECT_TRUE(window.accept(kNow, peer(1), kMs));
  const WallTime later{kMs + kMaxStatementLifetimeMs + 2 * kClockToleranceMs + 1};
  EXPECT_TRUE(window.accept(later, peer(2), later.unix_ms));
  EXPECT_EQ(window.floor(), 0U);
}

TEST(SequenceSource, IsTheTimeWhileTheClockMovesAndCountsWhileItStands) {
  SequenceSource source;
  EXPECT_EQ(source.next(kNow), kMs);
  EXPECT_EQ(source.next(kNow), kMs + 1);
  EXPECT_EQ(source.next({kMs + 50}), kMs + 50);
  EXPECT_EQ(source.last(), kMs + 50);
}

TEST(SequenceSource, GoesOnRisingAfterARestartWithASlowerClock) {
  SequenceSource source(kMs + kClockToleranceMs);
  EXPECT_EQ(source.next(kNow), kMs + kClockToleranceMs + 1);
}

TEST(SequenceSource, DoesNotStayInAFutureThatAWrongClockBroughtItTo) {
  SequenceSource source(kMs * 2);
  EXPECT_EQ(source.next(kNow), kMs);
}

}  // namespace
}  // namespace turnpike::identity
