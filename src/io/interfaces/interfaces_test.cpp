#include "io/interfaces/interfaces.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace turnpike::io {
namespace {

TEST(Interfaces, GiveNoAddressThatOnlyThisMachineReaches) {
  for (const IpAddress& address : own_addresses()) {
    EXPECT_FALSE(address.is_loopback()) << address.to_string();
    EXPECT_FALSE(address.is_unspecified()) << address.to_string();
  }
}

TEST(Interfaces, ComeSortedAndOnce) {
  const auto addresses = own_addresses();
  EXPECT_TRUE(std::ranges::is_sorted(addresses));
  EXPECT_EQ(std::ranges::adjacent_find(addresses), addresses.end());
}

TEST(Interfaces, TellBridgesOfContainersFromRealOnes) {
  for (const char* name : {"docker0", "br-12ab", "virbr0", "veth9", "lxcbr0", "podman1", "cni0"}) {
    EXPECT_TRUE(is_virtual_bridge(name)) << name;
  }
  for (const char* name : {"eth0", "wlan0", "enp3s0", "wan", "bridge0", "wg0", "tun0"}) {
    EXPECT_FALSE(is_virtual_bridge(name)) << name;
  }
}

}  // namespace
}  // namespace turnpike::io
