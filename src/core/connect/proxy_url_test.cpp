#include "core/connect/proxy_url.h"

#include <gtest/gtest.h>

namespace turnpike::connect {
namespace {

TEST(ProxyUrl, ReadsHostPortAndCredentials) {
  const auto proxy = ProxyUrl::parse("http://ann:se%3Acret%40@Proxy.Example:3128/");
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->host, "proxy.example");
  EXPECT_EQ(proxy->port, 3128);
  EXPECT_EQ(proxy->credentials, (Credentials{"ann", "se:cret@"}));
  EXPECT_FALSE(proxy->tls);
}

TEST(ProxyUrl, NeedsNoSchemeAndNoPort) {
  EXPECT_EQ(ProxyUrl::parse("192.0.2.1:8080")->port, 8080);
  EXPECT_EQ(ProxyUrl::parse("proxy.example")->port, 80);
  EXPECT_EQ(ProxyUrl::parse("https://proxy.example")->port, 443);
  EXPECT_TRUE(ProxyUrl::parse("HTTPS://proxy.example")->tls);
  EXPECT_EQ(ProxyUrl::parse("http://[2001:db8::1]:3128")->shown(), "[2001:db8::1]:3128");
}

TEST(ProxyUrl, ShowsNothingSecret) {
  EXPECT_EQ(ProxyUrl::parse("http://ann:secret@proxy.example:3128")->shown(), "proxy.example:3128");
  EXPECT_EQ(ProxyUrl::why_not("http://ann:secret@:3128").find("secret"), std::string_view::npos);
}

TEST(ProxyUrl, WritesBasicCredentialsAsTheRfcDoes) {
  EXPECT_EQ((Credentials{"Aladdin", "open sesame"}).header(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617 §2
  EXPECT_EQ((Credentials{"?~", "?~>"}).header(), "Basic P346P34+");  // the alphabet is base64's, not base64url's
}

TEST(ProxyUrl, RefusesWhatIsNoProxy) {
  for (const char* text :
       {"", "http://", "socks5://127.0.0.1:1080", "ftp://proxy:21", "http://proxy:0", "http://proxy:70000",
        "http://proxy:x", "http://pro xy:1", "http://a%zz@proxy:1", "http://a%0d%0ab@proxy:1", "http://a%3Ab@proxy:1",
        "http://[::1:3128", "http://[192.0.2.1]:1", "http://proxy:1/path", "http://proxy:1?x"}) {
    EXPECT_FALSE(ProxyUrl::parse(text)) << text;
  }
}

TEST(ProxyUrl, SaysThatASocksProxyIsOne) {
  EXPECT_NE(ProxyUrl::why_not("socks5h://127.0.0.1:1080").find("SOCKS"), std::string_view::npos);
}

TEST(ProxyUrl, RefusesCredentialsAboveTheirLimit) {
  EXPECT_TRUE(ProxyUrl::parse("http://" + std::string(512, 'u') + ":p@proxy:1"));
  EXPECT_FALSE(ProxyUrl::parse("http://" + std::string(513, 'u') + ":p@proxy:1"));
}

}  // namespace
}  // namespace turnpike::connect
