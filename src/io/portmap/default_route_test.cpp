#include "io/portmap/default_route.h"

#include <gtest/gtest.h>

namespace turnpike::io {
namespace {

constexpr std::string_view kHeader =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

TEST(DefaultRoute, IsTheOneWithTheLowestMetric) {
  const std::string text = std::string(kHeader) +
                           "wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
                           "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                           "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
  const auto route = parse_ipv4_routes(text);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->gateway, IpAddress::v4(192, 168, 1, 1));
  EXPECT_EQ(route->interface, "eth0");
}

TEST(DefaultRoute, IsNoneWhereThereIsNoGateway) {
  EXPECT_FALSE(parse_ipv4_routes(""));
  EXPECT_FALSE(parse_ipv4_routes(kHeader));
  EXPECT_FALSE(
      parse_ipv4_routes(std::string(kHeader) + "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"));
  EXPECT_FALSE(parse_ipv4_routes("eth0\t00000000\tzzzz\t0003\t0\t0\t100\t00000000\n\n\t\t \n"));
}

TEST(DefaultRoute, IsFoundInIpv6TooAndNotTheOneThatRejects) {
  const std::string reject =
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 "
      "ffffffff "
      "00000001 00000000 00200200       lo\n";
  const std::string good =
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 "
      "00000400 "
      "00000001 00000000 00000003     eth0\n";
  EXPECT_FALSE(parse_ipv6_routes(reject));
  const auto route = parse_ipv6_routes(reject + good);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->gateway.to_string(), "fe80::1");
  EXPECT_EQ(route->interface, "eth0");
}

TEST(DefaultRoute, OfThisMachineIsReadWithoutATrace) {
  const Surroundings here = look_around();
  EXPECT_EQ(here, look_around());
  if (here.network.v4) EXPECT_FALSE(here.network.v4->gateway.is_unspecified());
  if (here.network.v6) EXPECT_TRUE(here.network.v6->own.is_global());
}

}  // namespace
}  // namespace turnpike::io
