#include "io/portmap/description.h"

#include <gtest/gtest.h>

#include <string>

namespace turnpike::io {
namespace {

std::string service(const std::string& type, const std::string& control) {
  return "<service><serviceType>urn:schemas-upnp-org:service:" + type +
         "</serviceType><serviceId>x</serviceId><controlURL>" + control +
         "</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/s</SCPDURL></service>";
}
std::string device(const std::string& type, const std::string& inside) {
  return "<device><deviceType>urn:schemas-upnp-org:device:" + type + "</deviceType>" + inside + "</device>";
}
std::string gateway(const std::string& services, const std::string& base = "") {
  const std::string wan = device("WANConnectionDevice:1", "<serviceList>" + services + "</serviceList>");
  const std::string lists = device("WANDevice:1", "<deviceList>" + wan + "</deviceList>");
  return R"(<?xml version="1.0"?><root>)" + base +
         device("InternetGatewayDevice:1", "<deviceList>" + lists + "</deviceList>") + "</root>";
}
std::optional<IgdDescription> parse(const std::string& xml) {
  return parse_description(bytes_of(xml), *Url::parse("http://192.168.1.1:5000/rootDesc.xml"));
}

TEST(IgdDescription, TellsWhereTheConnectionIsSpokenTo) {
  const auto found = parse(gateway(service("WANIPConnection:1", "/ctl/IPConn")));
  ASSERT_TRUE(found && found->connection);
  EXPECT_EQ(found->connection->control.to_string(), "http://192.168.1.1:5000/ctl/IPConn");
  EXPECT_EQ(found->connection->type, "urn:schemas-upnp-org:service:WANIPConnection:1");
  EXPECT_FALSE(found->is_v2);
  EXPECT_FALSE(found->firewall);
}

TEST(IgdDescription, KnowsTheSecondVersionAndItsFirewall) {
  const auto found =
      parse(gateway(service("WANIPConnection:2", "/ctl/IPConn") + service("WANIPv6FirewallControl:1", "/ctl/IP6FCtl")));
  ASSERT_TRUE(found && found->firewall);
  EXPECT_TRUE(found->is_v2);
  EXPECT_EQ(found->firewall->control.target, "/ctl/IP6FCtl");
}

TEST(IgdDescription, TakesAPppConnectionToo) {
  EXPECT_TRUE(parse(gateway(service("WANPPPConnection:1", "/c")))->connection);
}

TEST(IgdDescription, IsNotSentToAThirdParty) {
  for (const char* control : {"http://203.0.113.9/ctl", "http://192.168.1.9:80/ctl", "http://evil.example/ctl"}) {
    EXPECT_FALSE(parse(gateway(service("WANIPConnection:1", control)))) << control;
  }
  EXPECT_FALSE(parse(gateway(service("WANIPConnection:1", "/c"), "<URLBase>http://203.0.113.9/</URLBase>")));
}

TEST(IgdDescription, IsNoneInWhatIsSomethingElse) {
  for (const char* text :
       {"", "<", "<root>", "no xml at all", "<root><device></device></root>", "<<<<>>>><a b=\"c\">"}) {
    EXPECT_FALSE(parse(text)) << text;
  }
  EXPECT_FALSE(parse(gateway(service("Printer:1", "/print"))));
}

TEST(IgdDescription, SurvivesEveryCutAndNamesWithoutEnd) {
  const std::string whole = gateway(service("WANIPConnection:1", "/ctl/IPConn"));
  for (std::size_t size = 0; size < whole.size(); ++size) (void)parse(whole.substr(0, size));
  (void)parse(gateway(service(std::string(100'000, 'x'), std::string(100'000, 'y'))));
  (void)parse("<" + std::string(kMaxDescription, 'a') + ">");
}

TEST(IgdDescription, ComesOnlyFromWhereARouterMayBe) {
  const IpAddress own = IpAddress::v4(192, 168, 1, 2), gateway = IpAddress::v4(192, 168, 1, 1);
  EXPECT_TRUE(may_be_router(gateway, own, gateway));
  EXPECT_TRUE(may_be_router(IpAddress::v4(192, 168, 1, 254), own, gateway));
  EXPECT_FALSE(may_be_router(IpAddress::v4(203, 0, 113, 9), own, gateway));
  EXPECT_FALSE(may_be_router(IpAddress::v4(127, 0, 0, 1), own, gateway));
  EXPECT_FALSE(may_be_router(own, own, gateway));
  const IpAddress own6 = *IpAddress::parse("2001:db8:1::2"), gateway6 = *IpAddress::parse("fe80::1");
  EXPECT_TRUE(may_be_router(*IpAddress::parse("2001:db8:1::1"), own6, gateway6));
  EXPECT_FALSE(may_be_router(*IpAddress::parse("2001:db8:2::1"), own6, gateway6));
  EXPECT_FALSE(may_be_router(gateway, own6, gateway6));
}

}  // namespace
}  // namespace turnpike::io
