#include "core/yamux/receive_window.h"

#include <gtest/gtest.h>

namespace turnpike::yamux {
namespace {

using namespace std::chrono_literals;

const Instant kStart{1h};
constexpr std::uint32_t kMax = 16U << 20U;
constexpr std::uint32_t kHalf = kInitialWindow / 2;

TEST(YamuxReceiveWindow, AllowsTheInitialWindowAndNotAByteMore) {
  ReceiveWindow window(kStart);
  EXPECT_TRUE(window.receive(kInitialWindow - 1));
  EXPECT_TRUE(window.receive(1));
  EXPECT_FALSE(window.receive(1));
}

TEST(YamuxReceiveWindow, GivesCreditForWhatWasReadNotForWhatCame) {
  ReceiveWindow window(kStart);
  WindowBudget budget(kMax);
  ASSERT_TRUE(window.receive(kInitialWindow));
  EXPECT_EQ(window.credit(kStart, kInitialWindow, {}, kMax, budget), 0U);
  EXPECT_EQ(window.credit(kStart, kHalf + 1, {}, kMax, budget), 0U);
  EXPECT_EQ(window.credit(kStart, kHalf, {}, kMax, budget), kHalf);
  EXPECT_EQ(window.allowance(), kHalf);
}

TEST(YamuxReceiveWindow, DoublesWhileTheReaderKeepsUpWithTheRoundTrip) {
  ReceiveWindow window(kStart);
  WindowBudget budget(std::size_t{1} << 30U);
  Instant now = kStart;
  for (std::uint32_t expected = 2 * kInitialWindow; expected <= kMax; expected *= 2) {
    ASSERT_TRUE(window.receive(window.allowance()));
    now += 40ms;
    EXPECT_EQ(window.credit(now, 0, 10ms, kMax, budget), expected);
    EXPECT_EQ(window.window(), expected);
  }
  ASSERT_TRUE(window.receive(window.allowance()));
  EXPECT_EQ(window.credit(now, 0, 10ms, kMax, budget), kMax);
  EXPECT_EQ(window.window(), kMax);
}

TEST(YamuxReceiveWindow, StaysAsItIsWhenTheSenderIsSlowOrTheRoundTripUnknown) {
  WindowBudget budget(kMax);
  ReceiveWindow slow(kStart);
  ASSERT_TRUE(slow.receive(kInitialWindow));
  EXPECT_EQ(slow.credit(kStart + 41ms, 0, 10ms, kMax, budget), kInitialWindow);
  ReceiveWindow unknown(kStart);
  ASSERT_TRUE(unknown.receive(kInitialWindow));
  EXPECT_EQ(unknown.credit(kStart, 0, {}, kMax, budget), kInitialWindow);
}

TEST(YamuxReceiveWindow, GrowsOnlyAsFarAsTheConnectionsBudget) {
  ReceiveWindow window(kStart);
  WindowBudget budget(1000);
  EXPECT_EQ(window.widen(kInitialWindow + 600, budget), 600U);
  ASSERT_TRUE(window.receive(window.allowance()));
  EXPECT_EQ(window.credit(kStart, 0, 1s, kMax, budget), kInitialWindow + 600 + 400);
  EXPECT_EQ(budget.left(), 0U);
  EXPECT_FALSE(budget.take(1));
  budget.give(1);
  EXPECT_TRUE(budget.take(1));
}

}  // namespace
}  // namespace turnpike::yamux
