#include "core/peer/link.h"

#include <gtest/gtest.h>

namespace turnpike::peer {
namespace {

using namespace std::chrono_literals;

class PeerLink : public testing::Test {
 protected:
  Now now() const { return {Instant(1000s) + elapsed_, {1'700'000'000'000}}; }
  void wait(Duration time) {
    elapsed_ += time;
    link_.handle_timeout(now());
  }

  SeededRandom random_{4};
  crypto::SigningKey key_ = crypto::SigningKey::generate(random_);
  identity::SequenceSource sequence_;
  identity::ReplayWindow seen_;
  Duration elapsed_{};
  Link link_{
      now(), {.key = &key_, .sequence = &sequence_, .seen_signals = &seen_, .expected = {}, .url = "wss://b"}, random_};
};

TEST_F(PeerLink, ConnectsAtOnce) {
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kConnect);
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kNone);
}

TEST_F(PeerLink, ConnectsAgainForEverWithBackOffAndSaysWhy) {
  Duration last{};
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(link_.poll_wish(now()), Link::Wish::kConnect) << i;
    link_.handle_down(now(), "connection refused");
    EXPECT_EQ(link_.view().reason, "connection refused");
    ASSERT_TRUE(link_.view().next_action);
    const Duration delay = *link_.view().next_action - now().mono;
    EXPECT_LE(delay, kLinkBackoffLimit * 5 / 4);
    EXPECT_TRUE(i >= 4 || delay > last);
    last = delay;
    EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kNone);
    wait(delay);
  }
}

TEST_F(PeerLink, GivesUpAnAttemptWithoutNews) {
  (void)link_.poll_wish(now());
  wait(kLinkAttemptLimit);
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kClose);
  link_.handle_down(now(), "closed");
  EXPECT_EQ(link_.view().reason, "no answer");
}

TEST_F(PeerLink, WaitsForTheNewsOfACloseNoLongerThanItMust) {
  (void)link_.poll_wish(now());
  wait(kLinkAttemptLimit);
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kClose);
  wait(kLinkAttemptLimit);
  wait(kLinkBackoffLimit);
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kConnect);
}

TEST_F(PeerLink, ClosesALinkThatTheClientFoundUseless) {
  (void)link_.poll_wish(now());
  link_.handle_up(now());
  EXPECT_TRUE(link_.is_up());
  link_.handle_failed(now(),
                      {.reason = rendezvous::FailureReason::kWrongBootstrap, .text = "another bootstrap answers"});
  EXPECT_FALSE(link_.is_up());
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kClose);
  link_.handle_down(now(), "closed here");
  EXPECT_EQ(link_.view().reason, "another bootstrap answers");
}

TEST_F(PeerLink, KeepsALinkWhoseRegistrationWasRefused) {
  (void)link_.poll_wish(now());
  link_.handle_up(now());
  link_.handle_failed(now(), {.reason = rendezvous::FailureReason::kRegistration, .text = "too many stores"});
  EXPECT_TRUE(link_.is_up());
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kNone);
  EXPECT_EQ(link_.view().reason, "too many stores");
}

TEST_F(PeerLink, WaitsNoLongerWhenTheNetworkChanged) {
  for (int i = 0; i < 6; ++i) {
    (void)link_.poll_wish(now());
    link_.handle_down(now(), "refused");
    if (i < 5) wait(2min);
  }
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kNone);
  link_.retry_now(now());
  EXPECT_EQ(link_.poll_wish(now()), Link::Wish::kConnect);
}

TEST_F(PeerLink, BehindACaptivePortalTriesGentlyAndWithoutBackOff) {
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(link_.poll_wish(now()), Link::Wish::kConnect) << i;
    link_.handle_down(now(), "TLS failed");
    link_.handle_judged(now(), true, "this network has a captive portal");
    EXPECT_TRUE(link_.view().captive);
    EXPECT_EQ(link_.view().reason, "this network has a captive portal");
    const Duration delay = *link_.view().next_action - now().mono;
    EXPECT_GE(delay, kCaptiveRetry * 3 / 4) << i;
    EXPECT_LE(delay, kCaptiveRetry * 5 / 4) << i;
    wait(delay);
  }
}

TEST_F(PeerLink, IsNoLongerCaptiveOnceItIsWelcomedOrFoundOtherwise) {
  (void)link_.poll_wish(now());
  link_.handle_down(now(), "TLS failed");
  link_.handle_judged(now(), true, "a portal");
  link_.handle_judged(now(), false, "nothing answers");
  EXPECT_FALSE(link_.view().captive);
  EXPECT_EQ(link_.view().reason, "nothing answers");
  link_.handle_judged(now(), true, "a portal");
  wait(kCaptiveRetry * 2);
  (void)link_.poll_wish(now());
  link_.handle_up(now());
  link_.handle_judged(now(), true, "a portal");  // a look that came late
  link_.handle_welcomed({});
  EXPECT_FALSE(link_.view().captive);
}

}  // namespace
}  // namespace turnpike::peer
