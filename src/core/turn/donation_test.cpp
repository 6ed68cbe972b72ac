#include "core/turn/donation.h"

#include <gtest/gtest.h>

namespace turnpike::turn {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};
constexpr WallTime kDecember{1'798'700'000'000};  // 2026-12-31 06:53
constexpr WallTime kJanuary{1'798'800'000'000};   // 2027-01-01 10:40
constexpr DonationCaps kCaps{.bytes_per_month = 1000, .bytes_per_second = 100};

TEST(TurnDonation, OpensANewMonthAndNeverAnOldOneAgain) {
  Donation donation(kCaps);
  donation.charge({kStart, kDecember}, 1000);
  EXPECT_TRUE(donation.is_spent(kDecember));
  EXPECT_EQ(donation.left(kJanuary), 1000U);
  donation.charge({kStart, kJanuary}, 400);
  EXPECT_EQ(donation.left(kJanuary), 600U);
  EXPECT_EQ(donation.left(kDecember), 600U) << "the clock was set back";
  donation.charge({kStart, kDecember}, 600);
  EXPECT_TRUE(donation.is_spent(kJanuary));
}

TEST(TurnDonation, GoesOnAfterARestart) {
  Donation donation(kCaps);
  donation.charge({kStart, kDecember}, 700);
  EXPECT_EQ(Donation(kCaps, donation.record()).left(kDecember), 300U);
}

TEST(TurnDonation, HoldsItsRate) {
  Donation donation(kCaps);
  EXPECT_EQ(donation.wait(kStart), 0s);
  donation.charge({kStart, kDecember}, 100);
  EXPECT_EQ(donation.wait(kStart), 1s - kPaceBurst);
  EXPECT_EQ(donation.wait(kStart + 1s), 0s);
}

TEST(TurnDonation, OfNothingIsSpent) { EXPECT_TRUE(Donation({.bytes_per_month = 0}).is_spent(kDecember)); }

}  // namespace
}  // namespace turnpike::turn
