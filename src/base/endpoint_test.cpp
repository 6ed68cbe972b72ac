#include "base/endpoint.h"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(IpAddress, ComesBackAsItWasWritten) {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:0:0:1",
                           "1:2:3:4:5:6:7:8", "1:0:0:2::3"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(IpAddress, ReadsAnEmbeddedIPv4AndUnmapsIt) {
  const auto mapped = IpAddress::parse("::ffff:192.0.2.1");
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->unmapped(), IpAddress::v4(192, 0, 2, 1));
}

TEST(IpAddress, RefusesWhatIsNotOne) {
  for (const char* text :
       {"",       "1",       "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",        "1.2.3.",
        "1..2.3", ":",       ":::",   "1:",        ":1",        "1:2:3:4:5:6:7",   "1:2:3:4:5:6:7:8:9",
        "::1::",  "12345::", "g::",   "::1.2.3",   "::1%lo",    "1::2:3:4:5:6:7:8"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, KnowsWhichRangesTheInternetReaches) {
  for (const char* text : {"203.0.1.1", "8.8.8.8", "100.63.0.1", "172.32.0.1", "2001:db8::1"}) {
    EXPECT_TRUE(IpAddress::parse(text)->is_global()) << text;
  }
  for (const char* text : {"10.1.1.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "169.254.1.1", "172.16.0.1",
                           "192.168.1.1", "224.0.0.1", "0.0.0.0", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(IpAddress::parse(text)->is_global()) << text;
  }
}

TEST(IpAddress, CountsAHomeAsItsSlash24OrSlash48) {
  EXPECT_EQ(network_of(*IpAddress::parse("203.0.1.77")), *IpAddress::parse("203.0.1.0"));
  EXPECT_EQ(network_of(*IpAddress::parse("2001:db8:1:2::3")), *IpAddress::parse("2001:db8:1::"));
  EXPECT_EQ(network_of(*IpAddress::parse("::ffff:203.0.1.77")), *IpAddress::parse("203.0.1.0"));
}

TEST(Endpoint, ComesBackAsItWasWritten) {
  for (const char* text : {"192.0.2.1:443", "[2001:db8::1]:0", "[::]:65535"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
}

TEST(Endpoint, RefusesWhatIsNotOne) {
  for (const char* text :
       {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "::1:443", "[192.0.2.1]:1", "[::1]", ":80", "1.2.3.4:+5"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

}  // namespace
}  // namespace turnpike
