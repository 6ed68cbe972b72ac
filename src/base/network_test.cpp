#include "base/network.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

bool is_in(const char* network, const char* address) {
  return IpNetwork::parse(network)->contains(*IpAddress::parse(address));
}

TEST(IpNetwork, HoldsTheAddressesThatShareItsPrefix) {
  EXPECT_TRUE(is_in("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(is_in("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(is_in("192.0.2.64/26", "192.0.2.127"));
  EXPECT_FALSE(is_in("192.0.2.64/26", "192.0.2.128"));
  EXPECT_TRUE(is_in("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(is_in("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(is_in("0.0.0.0/0", "203.0.113.9"));
}

TEST(IpNetwork, OfOneAddressHoldsThatAlone) {
  EXPECT_TRUE(is_in("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(is_in("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(is_in("::1", "::1"));
}

TEST(IpNetwork, TakesAMappedAddressForTheIpv4OneAndNoOther) {
  EXPECT_TRUE(is_in("192.0.2.0/24", "::ffff:192.0.2.7"));
  EXPECT_FALSE(is_in("::/0", "192.0.2.7"));
}

TEST(IpNetwork, RefusesWhatIsNoNetwork) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/8x", "10.0.0.0/-1", "10.0/8",
                           "example.com", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
  EXPECT_EQ(IpNetwork::parse("10.0.0.0/8")->to_string(), "10.0.0.0/8");
}

}  // namespace
}  // namespace turnpike
