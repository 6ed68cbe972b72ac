#include "core/pace/pacer.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace turnpike::pace {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1U << 20U;

FlowKey flow(std::uint8_t n) { return flow_of(IpAddress::v4(198, 51, 100, n)); }
Instant at(Duration since_start) { return Instant{1h + since_start}; }

std::uint64_t drain(Pacer& pacer) {
  std::uint64_t bytes = 0;
  while (const auto event = pacer.poll_event()) bytes += event->bytes;
  return bytes;
}

/// A few flows that ask again as soon as they are granted, each with so many asks at once; in virtual time.
class Crowd {
 public:
  Crowd(std::uint64_t rate, std::vector<unsigned> asks_of) : pacer(rate), bytes(asks_of.size()), owner_() {
    for (std::size_t i = 0; i < asks_of.size(); ++i) {
      for (unsigned n = 0; n < asks_of[i]; ++n) ask(i);
    }
  }
  void ask(std::size_t i) { owner_[pacer.ask(now, flow(static_cast<std::uint8_t>(i)), kLargestTurn)] = i; }
  void run_until(Instant end) {
    for (;;) {
      while (const auto event = pacer.poll_event()) {
        const std::size_t i = owner_.at(event->ask);
        owner_.erase(event->ask);
        bytes[i] += event->bytes;
        granted.emplace_back(now, event->bytes);
        ask(i);
      }
      const auto next = pacer.poll_timeout();
      if (!next || *next > end) return;
      now = *next;
      pacer.handle_timeout(now);
    }
  }

  Pacer pacer;
  std::vector<std::uint64_t> bytes;
  std::vector<std::pair<Instant, std::uint64_t>> granted;
  Instant now = at(0s);

 private:
  std::map<AskId, std::size_t> owner_;
};

TEST(Pacer, GrantsItsBurstAtOnceAndThenItsRate) {
  Crowd crowd(kMiB, {4});
  crowd.run_until(at(0s));
  EXPECT_GT(crowd.bytes[0], crowd.pacer.burst() - crowd.pacer.max_turn());
  EXPECT_LE(crowd.bytes[0], crowd.pacer.burst());
  crowd.run_until(at(10s));
  EXPECT_LE(crowd.bytes[0], 10 * kMiB + crowd.pacer.burst());
  EXPECT_GT(crowd.bytes[0], 10 * kMiB);
}

TEST(Pacer, NeverGrantsMoreThanRateTimesWindowAndBurstInAnyWindow) {
  SeededRandom random(7);
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t rate = kMinRate + random.below(200 * kMiB);
    Pacer pacer(rate);
    std::vector<std::pair<Instant, std::uint64_t>> granted;
    Instant now = at(0s);
    for (int step = 0; step < 400; ++step) {
      now += Duration{static_cast<std::int64_t>(random.below(30'000))};
      if (random.below(40) == 0) now += 1h;  // the machine slept
      pacer.handle_timeout(now);
      const std::uint64_t asks = random.below(4);
      for (std::uint64_t i = 0; i < asks; ++i) {
        const FlowKey who = flow(static_cast<std::uint8_t>(random.below(5)));
        const AskId id = pacer.ask(now, who, 1 + random.below(2 * kLargestTurn));
        if (random.below(5) == 0) pacer.cancel(now, id);
      }
      while (const auto event = pacer.poll_event()) granted.emplace_back(now, event->bytes);
    }
    // Every window that begins and ends with a grant.
    for (std::size_t first = 0; first < granted.size(); first += 3) {
      std::uint64_t sum = 0;
      for (std::size_t last = first; last < granted.size(); ++last) {
        sum += granted[last].second;
        const auto window = static_cast<double>((granted[last].first - granted[first].first).count()) / 1e6;
        ASSERT_LE(static_cast<double>(sum), static_cast<double>(rate) * window + static_cast<double>(pacer.burst()) + 1)
            << "rate " << rate << ", window " << window;
      }
    }
  }
}

TEST(Pacer, WastesNothingWhileSomebodyAsks) {
  Crowd crowd(3 * kMiB, {1, 2});
  crowd.run_until(at(60s));
  EXPECT_GE(crowd.bytes[0] + crowd.bytes[1] + crowd.pacer.max_turn(), 180 * kMiB);
}

TEST(Pacer, SharesEquallyHoweverManyRequestsOneFlowHas) {
  Crowd crowd(kMiB, {1, 64, 3});
  crowd.run_until(at(30s));
  for (const std::uint64_t bytes : crowd.bytes) {
    EXPECT_NEAR(static_cast<double>(bytes), 10.0 * kMiB, 2.0 * static_cast<double>(crowd.pacer.max_turn()));
  }
}

TEST(Pacer, LetsANewFlowInWithinOneTurnOfEachOther) {
  Crowd crowd(kMiB, {50, 50});
  crowd.run_until(at(100s));
  crowd.bytes.push_back(0);
  crowd.ask(2);
  crowd.run_until(crowd.now + 3 * 20ms + 1ms);  // a turn is the fiftieth part of a second
  EXPECT_GE(crowd.bytes[2], crowd.pacer.max_turn());
}

TEST(Pacer, DoesNotRepayAFlowForTheTimeInWhichItDidNotAsk) {
  Crowd crowd(kMiB, {4, 0});
  crowd.run_until(at(100s));
  crowd.ask(1);
  crowd.ask(1);
  const std::uint64_t before = crowd.bytes[0];
  crowd.run_until(at(110s));
  EXPECT_NEAR(static_cast<double>(crowd.bytes[0] - before), 5.0 * kMiB, 3.0 * static_cast<double>(kLargestTurn));
}

TEST(Pacer, TakesAnInstantOfThePastForTheLatest) {
  Pacer pacer(kMiB);
  const AskId first = pacer.ask(at(10s), flow(1), kLargestTurn);
  std::ignore = first;
  while (pacer.waiting() < 20) pacer.ask(at(10s), flow(1), kLargestTurn);
  std::ignore = drain(pacer);
  pacer.handle_timeout(at(0s));
  EXPECT_EQ(drain(pacer), 0U);
  pacer.handle_timeout(at(10s));
  EXPECT_EQ(drain(pacer), 0U);  // the step back was no time that passed
  pacer.handle_timeout(at(11s));
  EXPECT_GT(drain(pacer), 0U);
}

TEST(Pacer, IsFullAndNoFullerAfterALeapForward) {
  Pacer pacer(kMiB);
  for (int i = 0; i < 200; ++i) pacer.ask(at(0s), flow(1), kLargestTurn);
  std::ignore = drain(pacer);
  pacer.handle_timeout(at(24h * 365));
  EXPECT_LE(drain(pacer), pacer.burst());
}

TEST(Pacer, GivesBackWhatDidNotFlow) {
  Pacer pacer(kMiB);
  std::uint64_t got = 0;
  for (int i = 0; i < 1000; ++i) {
    pacer.ask(at(0s), flow(1), 1000);
    const std::uint64_t granted = drain(pacer);
    got += granted;
    if (granted > 0) pacer.give_back(at(0s), flow(1), granted - 1);
  }
  EXPECT_EQ(got, 1'000'000U);  // of each thousand one byte flowed
}

TEST(Pacer, GivesTheTurnOfACancelledAskToTheNext) {
  Pacer pacer(kMinRate);
  std::vector<AskId> asks;
  for (int i = 0; i < 10; ++i) asks.push_back(pacer.ask(at(0s), flow(1), kSmallestTurn));
  std::ignore = drain(pacer);
  const AskId other = pacer.ask(at(0s), flow(2), kSmallestTurn);
  for (const AskId id : asks) pacer.cancel(at(0s), id);
  EXPECT_EQ(pacer.waiting(), 1U);
  pacer.handle_timeout(*pacer.poll_timeout());
  const auto event = pacer.poll_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->ask, other);
}

TEST(Pacer, KeepsNothingOfFlowsThatHaveGone) {
  Pacer pacer(100 * kMiB);
  Instant now = at(0s);
  for (int i = 0; i < 100'000; ++i) {
    now += 1ms;
    FlowKey who{};
    who[1] = static_cast<std::uint8_t>(i);
    who[2] = static_cast<std::uint8_t>(i >> 8U);
    who[3] = static_cast<std::uint8_t>(i >> 16U);
    pacer.ask(now, who, 1000);
    std::ignore = drain(pacer);
    ASSERT_LE(pacer.flows(), 1U);
  }
}

TEST(Pacer, BringsARateIntoItsBounds) {
  EXPECT_EQ(Pacer(1).rate(), kMinRate);
  EXPECT_EQ(Pacer(UINT64_MAX).rate(), kMaxRate);
  EXPECT_GE(Pacer(1).burst(), 2 * Pacer(1).max_turn());
}

TEST(PacerFlow, IsAnAddressAWholeIpv6HostOrAPeer) {
  EXPECT_NE(flow(1), flow(2));
  const auto v6 = [](const char* text) { return flow_of(*IpAddress::parse(text)); };
  EXPECT_EQ(v6("2001:db8:0:1::1"), v6("2001:db8:0:1:ffff::2"));
  EXPECT_NE(v6("2001:db8:0:1::1"), v6("2001:db8:0:2::1"));
  EXPECT_NE(flow_of(identity::PeerId{Digest{1}}), flow_of(identity::PeerId{Digest{2}}));
}

}  // namespace
}  // namespace turnpike::pace
