#include "io/http/forwarded.h"

#include <gtest/gtest.h>

namespace turnpike::io::http {
namespace {

const TrustedProxies kTrusted({*IpNetwork::parse("10.0.0.0/8"), *IpNetwork::parse("::1")});

std::string client(const char* peer, std::string_view forwarded_for) {
  return kTrusted.client_of({*IpAddress::parse(peer), 5000}, forwarded_for).address.to_string();
}

TEST(Forwarded, IsBelievedOfATrustedProxy) {
  EXPECT_EQ(client("10.0.0.1", "203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(client("::1", "2001:db8::9"), "2001:db8::9");
  EXPECT_EQ(client("10.0.0.1", " [2001:db8::9]:4711 "), "2001:db8::9");
  EXPECT_EQ(client("10.0.0.1", "203.0.113.7:4711"), "203.0.113.7");
  EXPECT_EQ(client("10.0.0.1", "::ffff:203.0.113.7"), "203.0.113.7");
}

TEST(Forwarded, IsIgnoredOfAnybodyElse) {
  EXPECT_EQ(client("192.0.2.1", "203.0.113.7"), "192.0.2.1");
  EXPECT_EQ(TrustedProxies().client_of({*IpAddress::parse("10.0.0.1"), 1}, "203.0.113.7").address.to_string(),
            "10.0.0.1");
}

TEST(Forwarded, CountsTheRightmostWhoIsNoneOfOurProxies) {
  EXPECT_EQ(client("10.0.0.1", "1.2.3.4, 203.0.113.7, 10.0.0.2"), "203.0.113.7");
  EXPECT_EQ(client("10.0.0.1", "10.0.0.3, 10.0.0.2"), "10.0.0.3");
  EXPECT_EQ(client("10.0.0.1", ""), "10.0.0.1");
}

TEST(Forwarded, TakesNoWordOfAStrangerBehindAnEntryThatIsNoAddress) {
  EXPECT_EQ(client("10.0.0.1", "203.0.113.7, unknown"), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", "203.0.113.7, , 10.0.0.2"), "10.0.0.2");
  EXPECT_EQ(client("10.0.0.1", "1.2.3.4.5"), "10.0.0.1");
}

TEST(Forwarded, LooksAtNoMoreHopsThanItsLimit) {
  std::string list = "203.0.113.7";
  for (std::size_t i = 0; i < kMaxForwardedHops; ++i) list += ", 10.0.0." + std::to_string(i + 1);
  EXPECT_EQ(client("10.0.0.1", list), "10.0.0.1");
}

ProxyHeader good(ByteView bytes) {
  const auto parsed = parse_proxy_header(bytes);
  EXPECT_TRUE(parsed);
  return parsed ? *parsed : ProxyHeader{};
}
std::optional<ProxyHeaderError> error(ByteView bytes) {
  const auto parsed = parse_proxy_header(bytes);
  return parsed ? std::nullopt : std::optional(parsed.error());
}

Bytes binary(std::uint8_t command, std::uint8_t family, const Bytes& addresses) {
  Bytes out{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family};
  out.push_back(static_cast<std::uint8_t>(addresses.size() >> 8U));
  out.push_back(static_cast<std::uint8_t>(addresses.size()));
  out.insert(out.end(), addresses.begin(), addresses.end());
  return out;
}

TEST(ProxyProtocol, ReadsVersion1) {
  const ProxyHeader v4 = good(bytes_of("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\nGET /"));
  EXPECT_EQ(v4.client->to_string(), "203.0.113.7:4711");
  EXPECT_EQ(v4.size, 43U);
  EXPECT_EQ(good(bytes_of("PROXY TCP6 2001:db8::9 2001:db8::1 1 2\r\n")).client->to_string(), "[2001:db8::9]:1");
  EXPECT_FALSE(good(bytes_of("PROXY UNKNOWN ffff::1 more words\r\n")).client);
}

TEST(ProxyProtocol, ReadsVersion2) {
  const ProxyHeader v4 = good(binary(0x21, 0x11, {203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 187, 0x04, 0, 1, 0}));
  EXPECT_EQ(v4.client->to_string(), "203.0.113.7:4711");
  EXPECT_EQ(v4.size, 32U);  // the extension counts
  Bytes v6(36);
  v6[0] = 0x20;
  v6[1] = 0x01;
  v6[15] = 9;
  v6[33] = 5;
  EXPECT_EQ(good(binary(0x21, 0x21, v6)).client->to_string(), "[2001::9]:5");
  EXPECT_FALSE(good(binary(0x20, 0x00, {})).client);
}

TEST(ProxyProtocol, WaitsForTheRestWhereverItIsCut) {
  for (const Bytes& whole : {copy_of(bytes_of("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n")),
                             binary(0x21, 0x11, {203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 187})}) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      EXPECT_EQ(error(ByteView(whole).first(cut)), ProxyHeaderError::kIncomplete) << cut;
    }
    EXPECT_TRUE(good(whole).client);
  }
}

TEST(ProxyProtocol, RefusesWhatIsNone) {
  for (const char* text :
       {"GET / HTTP/1.1\r\n", "PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443 5\r\n", "PROXY TCP6 203.0.113.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4 x 192.0.2.1 1 2\r\n", "PROXY TCP4 203.0.113.7 192.0.2.1 70000 2\r\n",
        "PROXY UDP4 203.0.113.7 192.0.2.1 1 2\r\n"}) {
    EXPECT_EQ(error(bytes_of(text)), ProxyHeaderError::kBad) << text;
  }
  EXPECT_EQ(error(binary(0x31, 0x11, {})), ProxyHeaderError::kBad);
  EXPECT_EQ(error(binary(0x21, 0x11, {1, 2, 3})), ProxyHeaderError::kBad);
  EXPECT_EQ(error(binary(0x21, 0x11, Bytes(kMaxProxyHeader))), ProxyHeaderError::kBad);
  EXPECT_EQ(error(bytes_of("PROXY " + std::string(120, 'x'))), ProxyHeaderError::kBad);
}

TEST(ProxyProtocol, IsToldFromARequestByItsFirstBytes) {
  EXPECT_TRUE(may_be_proxy_header(bytes_of("PR")));
  EXPECT_FALSE(may_be_proxy_header(bytes_of("POST")));
  EXPECT_TRUE(may_be_proxy_header(bytes_of("\r\n\r\n")));
  EXPECT_FALSE(may_be_proxy_header(bytes_of("\r\nGET")));
}

}  // namespace
}  // namespace turnpike::io::http
