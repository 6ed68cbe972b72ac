#include "core/punch/nat_behaviour.h"

#include <gtest/gtest.h>

namespace turnpike::punch {
namespace {

Endpoint at(const char* text) { return *Endpoint::parse(text); }
const Endpoint kLocal = at("192.168.1.2:4001");
const Endpoint kFirst = at("198.51.100.1:3478");
const Endpoint kFirstOtherPort = at("198.51.100.1:3479");
const Endpoint kSecond = at("198.51.100.2:3478");

Sighting seen(const Endpoint& server, std::uint16_t port, const Endpoint& local = kLocal) {
  return {local, server, {IpAddress::v4(203, 0, 113, 7), port}};
}

TEST(PunchNatBehaviour, NothingSeenIsNothingKnown) {
  EXPECT_EQ(classify({}), Behaviour{});
  EXPECT_EQ(classify(std::vector{seen(kFirst, 40000)}).mapping, Mapping::kUnknown);
}

TEST(PunchNatBehaviour, OneServerAskedTwiceTellsNothingOfTheMapping) {
  EXPECT_EQ(classify(std::vector{seen(kFirst, 40000), seen(kFirst, 40000)}).mapping, Mapping::kUnknown);
}

TEST(PunchNatBehaviour, OurOwnAddressSeenOutsideIsNoNat) {
  const Endpoint open = at("203.0.113.7:4001");
  const auto found = classify(std::vector<Sighting>{{open, kFirst, open}});
  EXPECT_EQ(found.mapping, Mapping::kNone);
  EXPECT_TRUE(found.is_easy());
}

TEST(PunchNatBehaviour, TheSamePortForTwoServersIsEndpointIndependent) {
  const auto found = classify(std::vector{seen(kFirst, 40000), seen(kSecond, 40000)});
  EXPECT_EQ(found.mapping, Mapping::kEndpointIndependent);
  EXPECT_TRUE(found.is_easy());
  EXPECT_FALSE(found.is_predictable());
}

TEST(PunchNatBehaviour, TellsAddressDependentFromAddressAndPortDependentByTheSecondPort) {
  EXPECT_EQ(classify(std::vector{seen(kFirst, 40000), seen(kFirstOtherPort, 40000), seen(kSecond, 51000)}).mapping,
            Mapping::kAddressDependent);
  EXPECT_EQ(classify(std::vector{seen(kFirst, 40000), seen(kFirstOtherPort, 47000), seen(kSecond, 51000)}).mapping,
            Mapping::kAddressAndPortDependent);
}

TEST(PunchNatBehaviour, WithoutASecondPortTheHarderKindIsAssumed) {
  EXPECT_EQ(classify(std::vector{seen(kFirst, 40000), seen(kSecond, 51000)}).mapping,
            Mapping::kAddressAndPortDependent);
}

TEST(PunchNatBehaviour, AConstantStepIsAStride) {
  const auto found = classify(std::vector{seen(kFirst, 40000), seen(kFirstOtherPort, 40002), seen(kSecond, 40004)});
  EXPECT_EQ(found.allocation, PortAllocation::kSequential);
  EXPECT_EQ(found.stride, 2);
  EXPECT_EQ(found.last_port, 40004);
  EXPECT_EQ(predict(found, 4001, 3), (std::vector<std::uint16_t>{40006, 40008, 40010}));
}

TEST(PunchNatBehaviour, AStepBackIsAStrideToo) {
  const auto found = classify(std::vector{seen(kFirst, 40000), seen(kFirstOtherPort, 39999), seen(kSecond, 39998)});
  EXPECT_EQ(found.stride, -1);
  EXPECT_EQ(predict(found, 4001, 2), (std::vector<std::uint16_t>{39997, 39996}));
}

TEST(PunchNatBehaviour, APortThatSomebodyElseTookMeanwhileDoesNotHideTheStride) {
  const Endpoint third = at("198.51.100.3:3478");
  const auto found = classify(
      std::vector{seen(kFirst, 40000), seen(kFirstOtherPort, 40001), seen(kSecond, 40003), seen(third, 40004)});
  EXPECT_EQ(found.allocation, PortAllocation::kSequential);
  EXPECT_EQ(found.stride, 1);
}

TEST(PunchNatBehaviour, AStrideGoesRoundTheEndOfThePorts) {
  const auto found = classify(std::vector{seen(kFirst, 65534), seen(kFirstOtherPort, 65535), seen(kSecond, 0)});
  EXPECT_EQ(found.stride, 1);
  EXPECT_TRUE(predict(found, 4001, 2).empty()) << "low ports are nobody's mappings";
}

TEST(PunchNatBehaviour, PortsFarApartAreRandomAndNotPredicted) {
  const auto found = classify(std::vector{seen(kFirst, 40000), seen(kFirstOtherPort, 12345), seen(kSecond, 58000)});
  EXPECT_EQ(found.allocation, PortAllocation::kRandom);
  EXPECT_FALSE(found.is_predictable());
  EXPECT_TRUE(predict(found, 4001, 5).empty());
}

TEST(PunchNatBehaviour, TwoPortsAloneAreNotTakenForAStride) {
  EXPECT_EQ(classify(std::vector{seen(kFirst, 40000), seen(kSecond, 40001)}).allocation, PortAllocation::kUnknown);
}

TEST(PunchNatBehaviour, TwoPortsTooFarApartForAStrideAreRandom) {
  EXPECT_EQ(classify(std::vector{seen(kFirst, 40000), seen(kSecond, 51000)}).allocation, PortAllocation::kRandom);
}

TEST(PunchNatBehaviour, APortKeptBySocketsOfItsOwnIsPreserving) {
  const Endpoint other = at("192.168.1.2:4555");
  const auto found = classify(std::vector{seen(kFirst, 4001), seen(kSecond, 4001), seen(kFirst, 4555, other)});
  EXPECT_EQ(found.mapping, Mapping::kEndpointIndependent);
  EXPECT_EQ(found.allocation, PortAllocation::kPreserving);
}

TEST(PunchNatBehaviour, OnlyTheNewestSightingsCount) {
  std::vector<Sighting> all;
  for (std::size_t i = 0; i < 200; ++i)
    all.push_back(seen(kFirst, static_cast<std::uint16_t>(20000 + (i * 7919) % 30000)));
  for (std::size_t i = 0; i < kMaxSightings; ++i) {
    all.push_back(seen(i % 2 == 0 ? kFirst : kSecond, static_cast<std::uint16_t>(50000 + i)));
  }
  EXPECT_EQ(classify(all).stride, 1);
}

}  // namespace
}  // namespace turnpike::punch
