#include "core/punch/governor.h"

#include <gtest/gtest.h>

namespace turnpike::punch {
namespace {

using namespace std::chrono_literals;
using Verdict = Governor::Verdict;

constexpr Instant kStart{1h};

Endpoint victim(std::uint16_t port) { return {IpAddress::v4(203, 0, 113, 9), port}; }
Endpoint host(std::uint32_t number) {
  return {IpAddress::v4(100, static_cast<std::uint8_t>(number >> 16U), static_cast<std::uint8_t>(number >> 8U),
                        static_cast<std::uint8_t>(number)),
          4001};
}

std::size_t sent_to(Governor& governor, std::size_t tries, bool witnessed, Instant now = kStart) {
  std::size_t sent = 0;
  for (std::size_t i = 0; i < tries; ++i) {
    if (governor.ask(now, 0, victim(static_cast<std::uint16_t>(2000 + i)), witnessed) == Verdict::kSend) ++sent;
  }
  return sent;
}

TEST(PunchGovernor, AnAddressThatNeverAnswersGets64ProbesWhateverItsPorts) {
  Governor governor;
  EXPECT_EQ(sent_to(governor, 10'000, false), 64U);
  EXPECT_EQ(governor.ask(kStart, 0, victim(1), false), Verdict::kStop);
}

TEST(PunchGovernor, WhereAWitnessSawThePeerItGets1536) {
  Governor governor;
  EXPECT_EQ(sent_to(governor, 10'000, true), 1536U);
}

TEST(PunchGovernor, TheNextMinuteDoesNotForgiveAnAddress) {
  Governor governor;
  EXPECT_EQ(sent_to(governor, 100, false), 64U);
  EXPECT_EQ(sent_to(governor, 100, false, kStart + 2min), 0U);
}

TEST(PunchGovernor, AnAddressLeftAloneForTenMinutesIsForgotten) {
  Governor governor;
  EXPECT_EQ(sent_to(governor, 100, false), 64U);
  EXPECT_EQ(sent_to(governor, 100, false, kStart + kGovernedFor), 64U);
}

TEST(PunchGovernor, AnAddressThatAnswersOwesNothing) {
  Governor governor;
  EXPECT_EQ(sent_to(governor, 64, false), 64U);
  governor.handle_answer(victim(0).address);
  EXPECT_EQ(sent_to(governor, 100, false), 64U);
}

TEST(PunchGovernor, TheRouterGets2048NewEntriesAMinute) {
  Governor governor;
  std::uint32_t made = 0;
  while (governor.ask(kStart, made / 512, host(made % 512), true) == Verdict::kSend) ++made;
  EXPECT_EQ(made, 2048U);
  EXPECT_EQ(governor.ask(kStart, 0, host(0), true), Verdict::kSend) << "an entry that is there costs nothing more";
  EXPECT_EQ(governor.ask(kStart + 59s, 9, host(0), true), Verdict::kWait);
  EXPECT_EQ(governor.next_minute(), kStart + 1min);
  EXPECT_EQ(governor.ask(kStart + 1min, 9, host(0), true), Verdict::kSend);
}

TEST(PunchGovernor, SixThousandProbesAMinuteAreAllThereAre) {
  Governor governor;
  std::size_t sent = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    if (governor.ask(kStart, 0, host(i % 500), true) == Verdict::kSend) ++sent;
  }
  EXPECT_EQ(sent, 6000U);
}

TEST(PunchGovernor, RemembersABoundedNumberOfAddressesAndProbesNoOthersMeanwhile) {
  Governor governor(GovernorLimits{.entries_per_minute = 1'000'000, .probes_per_minute = 1'000'000});
  for (std::uint32_t i = 0; i < kMaxGoverned; ++i) ASSERT_EQ(governor.ask(kStart, 0, host(i), false), Verdict::kSend);
  EXPECT_EQ(governor.ask(kStart, 0, host(kMaxGoverned), false), Verdict::kWait);
  EXPECT_EQ(governor.ask(kStart + kGovernedFor, 0, host(kMaxGoverned), false), Verdict::kSend);
}

}  // namespace
}  // namespace turnpike::punch
