#include "core/punch/consent.h"

#include <gtest/gtest.h>

namespace turnpike::punch {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};
const Credentials kOurs{"oursufrg", "ourpasswordourpasswordou"};
const Credentials kTheirs{"theirufr", "theirpasswordtheirpasswo"};

struct World {
  SeededRandom random{5};
  Consent consent{random, kStart, Role::kControlling, kOurs, kTheirs};

  /// Runs to `until`; the peer answers every check when `answers`. Returns the checks sent.
  std::size_t run(Instant until, bool answers) {
    std::size_t sent = 0;
    while (const auto at = consent.poll_timeout()) {
      if (*at > until) break;
      consent.handle_timeout(*at);
      while (const auto check = consent.poll_transmit()) {
        ++sent;
        const auto request = read_request(*stun::MessageView::parse(*check), kTheirs);
        if (!request) throw std::logic_error("not a check");
        if (answers) consent.handle_datagram(*at + 20ms, encode_success(request->id, {}, kTheirs));
      }
    }
    return sent;
  }
};

TEST(PunchConsent, IsAskedForEveryFiveSecondsOrSo) {
  World world;
  const std::size_t sent = world.run(kStart + 10min, true);
  EXPECT_GE(sent, 100U);
  EXPECT_LE(sent, 150U);
  EXPECT_TRUE(world.consent.is_given());
}

TEST(PunchConsent, APeerThatFallsSilentIsSentNothingAfterThirtySeconds) {
  World world;
  world.run(kStart + 1min, true);
  world.run(kStart + 95s, false);
  EXPECT_FALSE(world.consent.is_given());
  EXPECT_TRUE(world.consent.poll_event());
  EXPECT_FALSE(world.consent.poll_event()) << "told once";
  EXPECT_FALSE(world.consent.poll_timeout());
  EXPECT_FALSE(world.consent.poll_transmit());
}

TEST(PunchConsent, AnAnswerWithoutThePasswordIsNoConsent) {
  World world;
  world.consent.handle_timeout(*world.consent.poll_timeout());
  const auto check = world.consent.poll_transmit();
  ASSERT_TRUE(check);
  const auto id = stun::MessageView::parse(*check)->id();
  EXPECT_FALSE(world.consent.handle_datagram(kStart + 6s, encode_success(id, {}, {"x", "guessed"})));
  EXPECT_TRUE(world.consent.handle_datagram(kStart + 6s, encode_success(id, {}, kTheirs)));
}

TEST(PunchConsent, AnAnswerReplayedRenewsNothing) {
  World world;
  world.consent.handle_timeout(*world.consent.poll_timeout());
  const auto check = world.consent.poll_transmit();
  const Bytes answer = encode_success(stun::MessageView::parse(*check)->id(), {}, kTheirs);
  EXPECT_TRUE(world.consent.handle_datagram(kStart + 6s, answer));
  EXPECT_FALSE(world.consent.handle_datagram(kStart + 7s, answer));
}

TEST(PunchKeepAlive, WaitsLongerWhileTheMappingIsKept) {
  KeepAlive keep;
  for (int i = 0; i < 100; ++i) keep.handle_kept();
  EXPECT_EQ(keep.interval(), KeepAlive::kMost);
}

TEST(PunchKeepAlive, FindsAWaitThatATwentySecondNatKeepsAndStaysThere) {
  KeepAlive keep;
  int lost = 0;
  for (int i = 0; i < 200; ++i) {
    if (keep.interval() < 20s) {
      keep.handle_kept();
    } else {
      ++lost;
      keep.handle_lost();
    }
  }
  EXPECT_LT(keep.interval(), 20s);
  EXPECT_LE(lost, 2);
}

TEST(PunchKeepAlive, NeverSpeaksMoreOftenThanEveryEightSeconds) {
  KeepAlive keep;
  for (int i = 0; i < 20; ++i) keep.handle_lost();
  EXPECT_EQ(keep.interval(), KeepAlive::kLeast);
}

}  // namespace
}  // namespace turnpike::punch
