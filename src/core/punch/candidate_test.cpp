#include "core/punch/candidate.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace turnpike::punch {
namespace {

Endpoint at(const char* text) { return *Endpoint::parse(text); }
Candidate host(const char* text) { return {at(text), CandidateKind::kHost}; }
Candidate reflexive(const char* text) { return {at(text), CandidateKind::kReflexive}; }

TEST(PunchCandidate, AHostIsWorthMoreThanAReflexiveOneAndThatMoreThanAPredictedOne) {
  const Endpoint somewhere = at("203.0.113.7:4001");
  EXPECT_GT(priority_of({somewhere, CandidateKind::kHost}, 5), priority_of({somewhere, CandidateKind::kReflexive}, 0));
  EXPECT_GT(priority_of({somewhere, CandidateKind::kReflexive}, 11),
            priority_of({somewhere, CandidateKind::kPredicted}, 0));
}

TEST(PunchCandidate, Ipv6IsWorthMoreThanIpv4OfTheSameKind) {
  EXPECT_GT(priority_of(host("[2001:db8::1]:4001"), 11), priority_of(host("203.0.113.7:4001"), 0));
}

TEST(PunchCandidate, BothEndsGiveAPairTheSamePriorityAndWhoControlsBreaksTheTie) {
  EXPECT_EQ(pair_priority(7, 9), (std::uint64_t{7} << 32U) + 18);
  EXPECT_EQ(pair_priority(9, 7), (std::uint64_t{7} << 32U) + 19);
}

TEST(PunchCandidate, NothingIsSentToAddressesThatCannotBeAPeers) {
  const std::vector<Candidate> told{reflexive("0.0.0.0:4001"),         reflexive("127.0.0.1:4001"),
                                    reflexive("224.0.0.251:5353"),     reflexive("255.255.255.255:67"),
                                    reflexive("169.254.1.1:4001"),     reflexive("203.0.113.7:53"),
                                    reflexive("203.0.113.7:0"),        host("[fe80::1]:4001"),
                                    host("[ff02::fb]:5353"),           host("[::1]:4001"),
                                    host("[::ffff:203.0.113.7]:4001"), reflexive("203.0.113.7:1024")};
  EXPECT_EQ(acceptable(told, {}), std::vector{reflexive("203.0.113.7:1024")});
}

TEST(PunchCandidate, APrivateAddressIsTriedOnlyBehindTheSameNat) {
  const std::vector<Candidate> told{host("192.168.1.9:4001"), reflexive("203.0.113.7:4001")};
  EXPECT_EQ(acceptable(told, std::vector{reflexive("198.51.100.2:4001")}), std::vector{told[1]});
  EXPECT_EQ(acceptable(told, std::vector{reflexive("203.0.113.7:40123")}), told);
}

TEST(PunchCandidate, LoopbackIsTriedOnlyWhereBothAreOnOneMachine) {
  const std::vector<Candidate> told{host("127.0.0.1:4001")};
  EXPECT_TRUE(acceptable(told, std::vector{host("192.168.1.2:4001")}).empty());
  EXPECT_EQ(acceptable(told, std::vector{host("127.0.0.1:4002")}), told);
}

TEST(PunchCandidate, OurOwnEndpointToldAsTheirsIsNotTried) {
  EXPECT_TRUE(
      acceptable(std::vector{reflexive("203.0.113.7:4001")}, std::vector{reflexive("203.0.113.7:4001")}).empty());
}

TEST(PunchCandidate, OneToldTwiceIsTriedOnce) {
  EXPECT_EQ(acceptable(std::vector{reflexive("203.0.113.7:4001"), reflexive("203.0.113.7:4001")}, {}).size(), 1U);
}

TEST(PunchCandidate, TenThousandOfThemBecomeTwelveAtFourAddresses) {
  std::vector<Candidate> told;
  for (unsigned i = 0; i < 10'000; ++i) {
    told.push_back({{IpAddress::v4(203, 0, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)),
                     static_cast<std::uint16_t>(2000 + i % 7)},
                    CandidateKind::kReflexive});
  }
  EXPECT_EQ(acceptable(told, {}).size(), kMaxHosts);
  for (unsigned i = 0; i < 100; ++i) {
    told.insert(told.begin(), {at("198.51.100.1:5000"), CandidateKind::kHost});
    told.front().endpoint.port = static_cast<std::uint16_t>(5000 + i);
  }
  const auto taken = acceptable(told, {});
  EXPECT_EQ(taken.size(), kMaxCandidates);
}

TEST(PunchCandidate, AFloodOfIpv4LeavesThePlaceOfTheOneIpv6) {
  std::vector<Candidate> told;
  for (unsigned i = 0; i < 40; ++i) {
    told.push_back({{IpAddress::v4(203, 0, 113, 7), static_cast<std::uint16_t>(4000 + i)}, CandidateKind::kReflexive});
  }
  told.push_back(reflexive("[2001:db8::7]:4001"));
  const auto taken = acceptable(told, {});
  EXPECT_EQ(taken.size(), kMaxCandidates);
  EXPECT_TRUE(std::ranges::find(taken, told.back()) != taken.end());
}

}  // namespace
}  // namespace turnpike::punch
