#include "io/tcp/url.h"

#include <gtest/gtest.h>

namespace turnpike::io {
namespace {

TEST(Url, IsTakenApartAndPutTogether) {
  const auto url = Url::parse("HTTPS://Boot.Example:8443/v1/connect?x=1");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, Url::Scheme::kHttps);
  EXPECT_EQ(url->host, "boot.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/v1/connect?x=1");
  EXPECT_EQ(url->to_string(), "https://boot.example:8443/v1/connect?x=1");
  EXPECT_TRUE(url->is_tls());
  EXPECT_FALSE(url->endpoint());
}

TEST(Url, KnowsTheSchemesOwnPorts) {
  EXPECT_EQ(Url::parse("http://a")->port, 80);
  EXPECT_EQ(Url::parse("ws://a/")->port, 80);
  EXPECT_EQ(Url::parse("wss://a?q")->port, 443);
  EXPECT_EQ(Url::parse("tls://0.0.0.0")->port, 443);
  EXPECT_EQ(Url::parse("wss://a?q")->target, "/?q");
  EXPECT_EQ(Url::parse("http://a:80")->authority(), "a");
  EXPECT_EQ(Url::parse("http://a:443")->authority(), "a:443");
}

TEST(Url, KeepsIpv6LiteralsInBracketsAsTextOnly) {
  const auto url = Url::parse("ws://[2001:DB8::1]:3000/v1");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(url->endpoint()->to_string(), "[2001:db8::1]:3000");
  EXPECT_EQ(url->authority(), "[2001:db8::1]:3000");
  EXPECT_EQ(url->to_string(), "ws://[2001:db8::1]:3000/v1");
  EXPECT_EQ(url->with(Url::Scheme::kHttp, "/stores").to_string(), "http://[2001:db8::1]:3000/stores");
}

TEST(Url, RefusesWhatItWouldNotHonour) {
  for (const char* text : {"",
                           "a",
                           "http:/a",
                           "ftp://a/",
                           "http://",
                           "http:///x",
                           "http://a:0",
                           "http://a:65536",
                           "http://a:",
                           "http://a:8x",
                           "http://user@a/",
                           "http://a/#x",
                           "http://a/ b",
                           "http://a b/",
                           "http://[::1",
                           "http://[1.2.3.4]/",
                           "http://::1/",
                           "http://[::1]x",
                           "http://a\r\n/",
                           "http://a/\r\nHost: b"}) {
    EXPECT_FALSE(Url::parse(text)) << text;
  }
  EXPECT_FALSE(Url::parse("http://" + std::string(254, 'a')));
  EXPECT_FALSE(Url::parse("http://a/" + std::string(4096, 'a')));
  EXPECT_TRUE(Url::parse("http://a/" + std::string(4095, 'a')));
}

}  // namespace
}  // namespace turnpike::io
