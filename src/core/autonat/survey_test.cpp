#include "core/autonat/survey.h"

#include <gtest/gtest.h>

namespace turnpike::autonat {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};
const Endpoint kDoor{IpAddress::v4(203, 0, 113, 7), 4001};
const IpAddress kServer = IpAddress::v4(198, 51, 100, 1);
const IpAddress kOther = IpAddress::v4(192, 0, 2, 1);

TEST(AutonatSurvey, AsksEachNetworkOfAnAddressOnceInAWhile) {
  Survey survey;
  EXPECT_EQ(survey.next(kStart, kServer, {kDoor}), kDoor);
  EXPECT_FALSE(survey.next(kStart + kAskPause, IpAddress::v4(198, 51, 100, 77), {kDoor})) << "the same network";
  EXPECT_EQ(survey.next(kStart + kAskPause, kOther, {kDoor}), kDoor);
  EXPECT_EQ(survey.next(kStart + kAskAgain, kServer, {kDoor}), kDoor);
}

TEST(AutonatSurvey, AsksNobodyOfItsOwnNetworkNorOfAnotherFamilyNorInPrivate) {
  Survey survey;
  EXPECT_FALSE(survey.next(kStart, IpAddress::v4(203, 0, 113, 200), {kDoor}));
  EXPECT_FALSE(survey.next(kStart, *IpAddress::parse("2001:db8::1"), {kDoor}));
  EXPECT_FALSE(survey.next(kStart, IpAddress::v4(192, 168, 1, 1), {kDoor}));
  EXPECT_FALSE(survey.next(kStart, kServer, {{IpAddress::v4(10, 0, 0, 1), 4001}}));
}

TEST(AutonatSurvey, PausesBetweenAnyTwo) {
  Survey survey;
  EXPECT_TRUE(survey.next(kStart, kServer, {kDoor}));
  EXPECT_FALSE(survey.next(kStart + kAskPause - 1ms, kOther, {kDoor}));
}

}  // namespace
}  // namespace turnpike::autonat
