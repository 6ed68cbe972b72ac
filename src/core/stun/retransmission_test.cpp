#include "core/stun/retransmission.h"

#include <gtest/gtest.h>

namespace turnpike::stun {
namespace {

using namespace std::chrono_literals;
using Due = Retransmission::Due;

constexpr Instant kStart{1h};

TEST(StunRetransmission, SendsOnceOverAReliableTransport) {
  Retransmission clock(RetransmissionPolicy::reliable());
  clock.start(kStart);
  EXPECT_EQ(clock.handle_timeout(kStart + 39'499ms), Due::kNothing);
  EXPECT_EQ(clock.handle_timeout(kStart + 39'500ms), Due::kGiveUp);
  EXPECT_EQ(clock.handle_timeout(kStart + 1h), Due::kNothing);
}

TEST(StunRetransmission, IsSilentOnceStopped) {
  Retransmission clock;
  clock.start(kStart);
  clock.stop();
  EXPECT_FALSE(clock.poll_timeout());
  EXPECT_EQ(clock.handle_timeout(kStart + 1h), Due::kNothing);
}

}  // namespace
}  // namespace turnpike::stun
