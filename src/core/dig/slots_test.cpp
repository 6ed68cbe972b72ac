#include "core/dig/slots.h"

#include <gtest/gtest.h>

namespace turnpike::dig {
namespace {

constexpr IpAddress kHome = IpAddress::v4(203, 0, 113, 7);

TEST(DigSlots, HoldsAnAddressANetworkAndAllToTheirShares) {
  Slots slots({.all = 4, .per_address = 2, .per_network = 3});
  EXPECT_TRUE(slots.take(kHome));
  EXPECT_TRUE(slots.take(kHome));
  EXPECT_FALSE(slots.take(kHome)) << "the address";
  EXPECT_TRUE(slots.take(IpAddress::v4(203, 0, 113, 8)));
  EXPECT_FALSE(slots.take(IpAddress::v4(203, 0, 113, 9))) << "the network";
  EXPECT_TRUE(slots.take(IpAddress::v4(192, 0, 2, 1)));
  EXPECT_FALSE(slots.take(IpAddress::v4(198, 51, 100, 1))) << "all";
  slots.give_back(kHome);
  EXPECT_TRUE(slots.take(IpAddress::v4(203, 0, 113, 9)));
  EXPECT_EQ(slots.taken(), 4U);
}

TEST(DigSlots, CountsAnIpv6HostByItsSixtyFourAndAMappedOneAsIpv4) {
  Slots slots({.all = 9, .per_address = 1, .per_network = 9});
  EXPECT_TRUE(slots.take(*IpAddress::parse("2001:db8::1")));
  EXPECT_FALSE(slots.take(*IpAddress::parse("2001:db8::2")));
  EXPECT_TRUE(slots.take(kHome));
  EXPECT_FALSE(slots.take(*IpAddress::parse("::ffff:203.0.113.7")));
  slots.give_back(*IpAddress::parse("::ffff:203.0.113.7"));
  EXPECT_TRUE(slots.take(kHome));
}

}  // namespace
}  // namespace turnpike::dig
