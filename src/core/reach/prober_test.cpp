#include "core/reach/prober.h"

#include <gmock/gmock.h>

namespace turnpike::reach {
namespace {

using namespace std::chrono_literals;
using rendezvous::ProbeOutcome;
using rendezvous::Service;
using rendezvous::ServiceKind;

Service door(std::uint8_t n, std::uint16_t port = 5001) {
  return {ServiceKind::kHttp, {IpAddress::v4(60, 0, n, 7), port}};
}

class ReachProber : public testing::Test {
 protected:
  std::optional<Dial> order(const Service& target) {
    prober_.handle_order(now_, 0, ++number_, target, {});
    return prober_.poll_dial();
  }
  std::optional<ProbeOutcome> report() {
    const auto out = prober_.poll_report();
    return out ? std::optional(out->outcome) : std::nullopt;
  }
  Prober prober_;
  Instant now_{1h};
  std::uint64_t number_ = 0;
};

TEST_F(ReachProber, DialsAndReportsToWhoAskedForIt) {
  prober_.handle_order(now_, 3, 77, door(1), {1, 2});
  const auto dial = prober_.poll_dial();
  ASSERT_TRUE(dial);
  EXPECT_EQ(dial->target, door(1));
  EXPECT_EQ(dial->nonce[1], 2);
  prober_.handle_dialled(now_, dial->id, ProbeOutcome::kSent);
  const auto report = prober_.poll_report();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->bootstrap, 3U);
  EXPECT_EQ(report->number, 77U);
  prober_.handle_dialled(now_, dial->id, ProbeOutcome::kSent);
  EXPECT_FALSE(prober_.poll_report()) << "once";
}

TEST_F(ReachProber, NeverDialsPrivateAddressesItsOwnNetworksOrOtherPeoplesServices) {
  prober_.set_own({IpAddress::v4(60, 0, 9, 1), *IpAddress::parse("2001:db8:9::1")});
  for (const char* text : {"10.0.0.1:5001", "127.0.0.1:5001", "192.168.1.1:5001", "100.64.0.1:5001", "169.254.0.1:5001",
                           "224.0.0.1:5001", "0.0.0.0:5001", "[fd00::1]:5001", "[::1]:5001", "60.0.9.200:5001",
                           "[2001:db8:9:7::1]:5001", "60.0.1.7:25", "60.0.1.7:53", "60.0.1.7:0"}) {
    EXPECT_FALSE(order({ServiceKind::kHttp, *Endpoint::parse(text)})) << text;
    EXPECT_EQ(report(), ProbeOutcome::kDeclined) << text;
  }
  EXPECT_TRUE(order(door(1, 443)));
}

TEST_F(ReachProber, HasNoMoreThanItsLimitUnderWay) {
  std::size_t dialled = 0;
  for (std::uint8_t n = 1; n <= 60; ++n) {
    if (order(door(n))) ++dialled;
    now_ += 10ms;
  }
  EXPECT_EQ(dialled, kMaxDials);
}

TEST_F(ReachProber, KeepsToItsRateWhateverABootstrapOrders) {
  std::size_t dialled = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (const auto dial = order(door(static_cast<std::uint8_t>(i % 200)))) {
      ++dialled;
      prober_.handle_dialled(now_, dial->id, ProbeOutcome::kSent);
    }
    now_ += 1ms;
  }
  EXPECT_LE(dialled, kDialRate.burst + 10 * kDialRate.per_second);
}

TEST_F(ReachProber, BothersNoOneHostWithAllOfIt) {
  std::size_t dialled = 0;
  for (int i = 0; i < 1000; ++i) {
    if (const auto dial = order(door(1))) {
      ++dialled;
      prober_.handle_dialled(now_, dial->id, ProbeOutcome::kSent);
    }
    now_ += 20ms;
  }
  EXPECT_LE(dialled, kHostDialRate.burst + 20 * kHostDialRate.per_second);
}

TEST_F(ReachProber, ForgetsWhatABootstrapAskedThatIsGone) {
  prober_.handle_order(now_, 0, 1, door(1), {});
  prober_.handle_order(now_, 0, 2, door(9, 25), {});
  prober_.handle_link_down(0);
  EXPECT_FALSE(prober_.poll_dial());
  EXPECT_FALSE(prober_.poll_report());
  EXPECT_EQ(prober_.dials(), 0U);
}

TEST_F(ReachProber, GetsItsPlaceBackFromAShellThatNeverAnswers) {
  ASSERT_TRUE(order(door(1)));
  EXPECT_EQ(prober_.dials(), 1U);
  now_ = *prober_.poll_timeout();
  prober_.handle_timeout(now_);
  EXPECT_EQ(prober_.dials(), 0U);
}

}  // namespace
}  // namespace turnpike::reach
