#include "core/connect/no_proxy.h"

#include <gtest/gtest.h>

namespace turnpike::connect {
namespace {

bool covers(std::string_view list, std::string_view host, std::uint16_t port = 443) {
  const auto parsed = NoProxy::parse(list);
  EXPECT_TRUE(parsed) << list;
  return parsed && parsed->covers(host, port);
}

TEST(NoProxy, CoversADomainAndAllBelowIt) {
  for (const char* list : {"example.com", ".example.com", "*.example.com", "other, Example.COM"}) {
    EXPECT_TRUE(covers(list, "boot.example.com")) << list;
    EXPECT_TRUE(covers(list, "example.com")) << list;
    EXPECT_TRUE(covers(list, "EXAMPLE.com.")) << list;
    EXPECT_FALSE(covers(list, "badexample.com")) << list;
    EXPECT_FALSE(covers(list, "example.com.evil")) << list;
  }
}

TEST(NoProxy, CoversAddressesAndNetworks) {
  EXPECT_TRUE(covers("10.0.0.0/8,192.0.2.1", "10.9.8.7"));
  EXPECT_TRUE(covers("10.0.0.0/8,192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(covers("10.0.0.0/8,192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(covers("[::1] 2001:db8::/32", "2001:db8:7::1"));
  EXPECT_TRUE(covers("[::1] 2001:db8::/32", "::1"));
  EXPECT_FALSE(covers("10.0.0.0/8", "ten.example"));
}

TEST(NoProxy, CoversEverythingWithAStar) {
  EXPECT_TRUE(covers("*", "anything.example"));
  EXPECT_TRUE(covers("a.example, *", "192.0.2.1"));
  EXPECT_FALSE(covers("", "anything.example"));
}

TEST(NoProxy, CoversOnePortWhereItNamesOne) {
  EXPECT_TRUE(covers("example.com:443", "example.com", 443));
  EXPECT_FALSE(covers("example.com:443", "example.com", 8443));
  EXPECT_TRUE(covers("[2001:db8::1]:443", "2001:db8::1", 443));
  EXPECT_FALSE(covers("192.0.2.1:80", "192.0.2.1", 443));
}

TEST(NoProxy, RefusesWhatItDoesNotUnderstandAndNamesIt) {
  EXPECT_FALSE(NoProxy::parse("good.example, 10.0.0.0/99"));
  EXPECT_EQ(NoProxy::bad_entry("good.example, 10.0.0.0/99"), "10.0.0.0/99");
  EXPECT_FALSE(NoProxy::parse("http://example.com"));
  EXPECT_FALSE(NoProxy::parse("example.com:99999"));
  EXPECT_FALSE(NoProxy::parse("a*b.example"));
  EXPECT_FALSE(NoProxy::parse("*."));
}

TEST(NoProxy, RefusesAListAboveItsLimit) {
  std::string list;
  for (std::size_t i = 0; i < kMaxNoProxyEntries; ++i) list += "h" + std::to_string(i) + ",";
  EXPECT_TRUE(NoProxy::parse(list));
  EXPECT_FALSE(NoProxy::parse(list + "one.more"));
}

}  // namespace
}  // namespace turnpike::connect
