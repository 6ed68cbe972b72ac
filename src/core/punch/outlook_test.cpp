#include "core/punch/outlook.h"

#include <gtest/gtest.h>

namespace turnpike::punch {
namespace {

constexpr Behaviour kEasy{.mapping = Mapping::kEndpointIndependent, .allocation = PortAllocation::kRandom};
constexpr Behaviour kSequential{
    .mapping = Mapping::kAddressAndPortDependent, .allocation = PortAllocation::kSequential, .stride = 1};
constexpr Behaviour kByAddress{
    .mapping = Mapping::kAddressDependent, .allocation = PortAllocation::kSequential, .stride = 1};
constexpr Behaviour kRandomPorts{.mapping = Mapping::kAddressAndPortDependent, .allocation = PortAllocation::kRandom};

TEST(PunchOutlook, BothEndsComeToMatchingConclusions) {
  EXPECT_EQ(outlook_of(kEasy, kEasy), Outlook::kPlain);
  EXPECT_EQ(outlook_of(kEasy, kSequential), Outlook::kPredict);
  EXPECT_EQ(outlook_of(kSequential, kEasy), Outlook::kPredict);
  EXPECT_EQ(outlook_of(kSequential, kSequential), Outlook::kPredict);
  EXPECT_EQ(outlook_of(kEasy, kRandomPorts), Outlook::kWeGuess);
  EXPECT_EQ(outlook_of(kRandomPorts, kEasy), Outlook::kWeOpen);
}

TEST(PunchOutlook, TwoNatsWithRandomPortsAreNotTriedBeyondPlainChecks) {
  EXPECT_EQ(outlook_of(kRandomPorts, kRandomPorts), Outlook::kHopeless);
}

TEST(PunchOutlook, ASequentialNatCannotGuessForItMovesOnWithEveryPort) {
  EXPECT_EQ(outlook_of(kSequential, kRandomPorts), Outlook::kHopeless);
  EXPECT_EQ(outlook_of(kRandomPorts, kSequential), Outlook::kHopeless);
}

TEST(PunchOutlook, OneThatKeepsAPortForEachAddressCanGuess) {
  EXPECT_EQ(outlook_of(kByAddress, kRandomPorts), Outlook::kWeGuess);
  EXPECT_EQ(outlook_of(kRandomPorts, kByAddress), Outlook::kWeOpen);
}

TEST(PunchOutlook, AnUnknownNatIsTreatedAsOneThatMayBeEasy) {
  EXPECT_EQ(outlook_of({}, {}), Outlook::kPlain);
  EXPECT_EQ(outlook_of({}, kRandomPorts), Outlook::kWeGuess);
}

}  // namespace
}  // namespace turnpike::punch
