#include "core/rendezvous/elsewhere.h"

#include <gtest/gtest.h>

namespace turnpike::rendezvous {
namespace {

const IpAddress kFour = IpAddress::v4(60, 0, 1, 7);
const IpAddress kSix = *IpAddress::parse("2001:db9:1::2");

TEST(RendezvousElsewhere, IsWhereThePeerHasShownItselfOverThatFamily) {
  Elsewhere elsewhere;
  EXPECT_EQ(elsewhere.seen_for(kSix, kFour), kFour);
  EXPECT_TRUE(elsewhere.show(5, kSix, kFour));
  EXPECT_EQ(elsewhere.seen_for(*IpAddress::parse("2001:db9:9::9"), kFour), kSix);
  EXPECT_EQ(elsewhere.seen_for(IpAddress::v4(60, 9, 9, 9), kFour), kFour);
}

TEST(RendezvousElsewhere, TakesNoStatementTwiceAndNoneThatIsOlder) {
  Elsewhere elsewhere;
  EXPECT_TRUE(elsewhere.show(5, kSix, kFour));
  EXPECT_FALSE(elsewhere.show(5, *IpAddress::parse("2001:db9:2::2"), kFour));
  EXPECT_FALSE(elsewhere.show(4, *IpAddress::parse("2001:db9:2::2"), kFour));
  EXPECT_EQ(elsewhere.seen_for(kSix, kFour), kSix);
}

TEST(RendezvousElsewhere, NeverTakesThePlaceOfTheConnectionsOwnAddress) {
  Elsewhere elsewhere;
  EXPECT_TRUE(elsewhere.show(5, IpAddress::v4(60, 9, 9, 9), kFour));
  EXPECT_EQ(elsewhere.seen_for(kFour, kFour), kFour);
}

}  // namespace
}  // namespace turnpike::rendezvous
