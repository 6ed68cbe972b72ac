#include "bootstrap/public_base.h"

#include <gtest/gtest.h>

namespace turnpike::bootstrap {
namespace {

std::string seen_by(io::http::Headers headers, bool over_tls = false, const char* public_url = nullptr) {
  io::http::Request request;
  request.headers = std::move(headers);
  request.over_tls = over_tls;
  const auto base = public_base(request, public_url ? io::Url::parse(public_url) : std::nullopt);
  return base ? absolute(*base, "/relay") : "(none)";
}

TEST(PublicBase, IsWhatTheClientReachedUsBy) {
  EXPECT_EQ(seen_by({{"Host", "192.0.2.1:3000"}}), "http://192.0.2.1:3000/relay");
  EXPECT_EQ(seen_by({{"host", "Boot.Example"}}), "http://boot.example/relay");
  EXPECT_EQ(seen_by({{"Host", "[2001:db8::1]:3000"}}), "http://[2001:db8::1]:3000/relay");
  EXPECT_EQ(seen_by({{"Host", "boot.example"}}, true), "https://boot.example/relay");
  EXPECT_EQ(seen_by({{"Host", "boot.example:8443"}}, true), "https://boot.example:8443/relay");
}

TEST(PublicBase, IsTheOperatorsWordWhereThereIsOne) {
  EXPECT_EQ(seen_by({{"Host", "10.0.0.1:3000"}}, false, "https://boot.example"), "https://boot.example/relay");
  EXPECT_EQ(seen_by({}, false, "https://boot.example/dig/"), "https://boot.example/dig/relay");
  EXPECT_EQ(seen_by({{"Host", "evil.example"}}, false, "http://boot.example:81/?x"), "http://boot.example:81/relay");
}

TEST(PublicBase, IsNothingThatCouldLeadElsewhere) {
  for (const char* host : {"",
                           " ",
                           "a b",
                           "evil.example/x",
                           "evil.example?x",
                           "evil.example#x",
                           "user@evil.example",
                           "user:pw@evil.example",
                           "a\\b",
                           "a,b",
                           "a:b",
                           "a:0",
                           "a:65536",
                           "a:1:2",
                           ":80",
                           "[::1",
                           "[::1]x",
                           "::1",
                           "[192.0.2.1]",
                           "a%2fb",
                           "http://a",
                           "a\r\nX: y",
                           "a\"b",
                           "<a>"}) {
    EXPECT_EQ(seen_by({{"Host", host}}), "(none)") << host;
  }
}

TEST(PublicBase, IsNothingWhereTwoHostsAreNamed) {
  EXPECT_EQ(seen_by({}), "(none)");
  EXPECT_EQ(seen_by({{"Host", "a.example"}, {"HOST", "b.example"}}), "(none)");
  EXPECT_EQ(seen_by({{"Host", "a.example"}, {"X-Forwarded-Host", "b.example"}}), "http://a.example/relay")
      << "a header that anybody can set says nothing";
}

}  // namespace
}  // namespace turnpike::bootstrap
