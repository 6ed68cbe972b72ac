#include "settings.h"

#include <gtest/gtest.h>

#include "base/base64.h"

namespace turnpike::cli {
namespace {

const std::string kId(64, 'a');
const std::string kRoot(64, 'b');

node::NodeConfig node_of(const Settings& settings) {
  node::NodeConfig config;
  const auto error = configure(config, settings);
  EXPECT_FALSE(error) << *error;
  return config;
}

std::string node_error(const Settings& settings) {
  node::NodeConfig config;
  return configure(config, settings).value_or("");
}

std::string bootstrap_error(const Settings& settings) {
  bootstrap::BootstrapConfig config;
  return configure(config, settings).value_or("");
}

TEST(NodeSettings, LeaveTheDefaultsWhereNothingIsSaid) {
  const auto config = node_of({});
  EXPECT_EQ(config.port, 4001);
  EXPECT_EQ(config.http_port(), 5001);
  EXPECT_EQ(config.rungs.size(), path::kRungCount);
  EXPECT_EQ(config.sync, peer::SyncMode::kAll);
  EXPECT_EQ(config.max_store, 64ULL << 30U);
}

TEST(NodeSettings, TakeEachSetting) {
  const std::string pin = to_base64url(Bytes(32, 7));
  const auto config = node_of({{"port", {"4100"}},
                               {"bootstrap", {"https://boot.example", "http://192.0.2.1:3000"}},
                               {"bootstrap-pin", {pin}},
                               {"sync", {"listed"}},
                               {"store", {kId, "urn:dig:chia:" + std::string(64, 'c')}},
                               {"rungs", {"bootstrap-relay"}},
                               {"pin", {kId + "=1048577:" + kRoot}},
                               {"trust", {"12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"}},
                               {"advertise", {"[2001:db8::1]:5001"}},
                               {"max-store", {"1GiB"}},
                               {"max-disk", {"2TB"}},
                               {"reserve", {"0"}},
                               {"log-level", {"debug"}}});
  EXPECT_EQ(config.http_port(), 5100);
  ASSERT_EQ(config.bootstraps.size(), 2U);
  EXPECT_EQ(config.bootstraps[0].port, 443);
  EXPECT_EQ(config.bootstraps[1].port, 3000);
  EXPECT_EQ(config.bootstrap_pins, std::vector{pin});
  EXPECT_EQ(config.sync, peer::SyncMode::kListed);
  EXPECT_EQ(config.stores.size(), 2U);
  EXPECT_EQ(config.rungs, std::vector{path::Rung::kBootstrapRelay});
  ASSERT_EQ(config.pins.size(), 1U);
  EXPECT_EQ(config.pins[0].content.size, 1048577U);
  EXPECT_EQ(config.trusted_peers.size(), 1U);
  EXPECT_EQ(config.advertise[0].port, 5001);
  EXPECT_EQ(config.max_store, 1ULL << 30U);
  EXPECT_EQ(config.max_disk, 2'000'000'000'000U);
  EXPECT_EQ(config.reserve, 0U);
  EXPECT_EQ(config.log_level, "debug");
}

TEST(NodeSettings, NameTheSettingAndWhatItTakes) {
  EXPECT_EQ(node_error({{"sync", {"some"}}}),
            "sync \"some\" is not all|listed|off: what to fetch unasked (default all)");
  const std::vector<std::pair<std::string, std::string>> bad{{"port", "0"},
                                                             {"port", "63536"},
                                                             {"port", "4001x"},
                                                             {"bootstrap", "boot.example"},
                                                             {"bootstrap", "ftp://boot.example"},
                                                             {"bootstrap-pin", "short"},
                                                             {"store", "../../etc/passwd"},
                                                             {"store", std::string(64, 'A')},
                                                             {"rungs", "http,carrier-pigeon"},
                                                             {"rungs", ""},
                                                             {"pin", kId + "=0:" + kRoot},
                                                             {"pin", kId + ":5:" + kRoot},
                                                             {"trust", "12D3"},
                                                             {"advertise", "example.org:5001"},
                                                             {"max-store", "much"},
                                                             {"log-level", "loud"}};
  for (const auto& [name, value] : bad) {
    EXPECT_TRUE(node_error({{name, {value}}}).starts_with(name + " \"" + value + "\" is not ")) << name << " " << value;
  }
}

TEST(NodeSettings, TakePortsUpToWhereTheThirdOfThemEnds) {
  EXPECT_EQ(node_of({{"port", {"63535"}}}).port, node::kMaxPort);
}

TEST(NodeSettings, RefuseOneBootstrapTooMany) {
  std::vector<std::string> urls(peer::kMaxBootstraps, "https://boot.example");
  EXPECT_EQ(node_error({{"bootstrap", urls}}), "");
  urls.emplace_back("https://boot.example");
  EXPECT_NE(node_error({{"bootstrap", urls}}), "");
}

TEST(NodeSettings, RefuseAnUnknownSettingAndSeveralValuesForOne) {
  EXPECT_EQ(node_error({{"colour", {"red"}}}), "unknown setting \"colour\"");
  EXPECT_EQ(node_error({{"port", {"1", "2"}}}), "port takes one value");
  EXPECT_EQ(node_error({{"rungs", {}}}), "rungs must name one at least: lan,direct,http,peer-relay,bootstrap-relay");
}

TEST(NodeSettings, CountARungOnceHoweverOftenItIsNamed) {
  EXPECT_EQ(node_of({{"rungs", {"http,bootstrap-relay,http"}}}).rungs.size(), 2U);
}

TEST(NodeSettings, LookForNeighboursUnlessToldNotTo) {
  EXPECT_TRUE(node_of({}).mdns);
  EXPECT_FALSE(node_of({{"mdns", {"off"}}}).mdns);
  EXPECT_TRUE(node_of({{"mdns", {"on"}}}).mdns);
  EXPECT_NE(node_error({{"mdns", {"maybe"}}}).find("on|off"), std::string::npos);
  EXPECT_EQ(node_of({{"rungs", {"lan"}}}).rungs, std::vector{path::Rung::kLan});
}

TEST(NodeSettings, TakePartInTheDhtAndIntroducePeersUnlessToldNotTo) {
  EXPECT_TRUE(node_of({}).dht);
  EXPECT_TRUE(node_of({}).peer_exchange);
  EXPECT_FALSE(node_of({{"dht", {"off"}}}).dht);
  EXPECT_FALSE(node_of({{"peer-exchange", {"off"}}}).peer_exchange);
  EXPECT_NE(node_error({{"dht", {"maybe"}}}).find("on|off"), std::string::npos);
}

TEST(NodeSettings, KnowPeersFromTheStartByAddressAndId) {
  const std::string id = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
  EXPECT_EQ(node_of({{"peer", {"/ip4/192.0.2.1/tcp/4001/p2p/" + id}}}).peers.size(), 1U);
  for (const std::string& bad : {std::string("/ip4/192.0.2.1/tcp/4001"), std::string("192.0.2.1:4001"),
                                 "/dns4/example.org/tcp/4001/p2p/" + id, "/ip4/192.0.2.1/udp/4001/p2p/" + id}) {
    EXPECT_NE(node_error({{"peer", {bad}}}).find("peer"), std::string::npos) << bad;
  }
}

TEST(NodeSettings, AskTheRouterByAllProtocolsByNoneOrByThoseNamed) {
  using portmap::Protocol;
  EXPECT_EQ(node_of({}).portmap.size(), portmap::kAllProtocols.size());
  EXPECT_EQ(node_of({{"portmap", {"auto"}}}).portmap.size(), portmap::kAllProtocols.size());
  EXPECT_TRUE(node_of({{"portmap", {"off"}}}).portmap.empty());
  EXPECT_EQ(node_of({{"portmap", {"upnp,pcp,upnp"}}}).portmap, (std::vector{Protocol::kUpnp, Protocol::kPcp}));
  for (const char* wrong : {"", "on", "pcp,", ",pcp", "PCP", "pcp,off"}) {
    EXPECT_NE(node_error({{"portmap", {wrong}}}).find("auto|off|LIST"), std::string::npos) << wrong;
  }
}

TEST(BootstrapSettings, ListenOnTlsAndPlainByDefaultAndElsewhereWhenTold) {
  bootstrap::BootstrapConfig config;
  EXPECT_EQ(config.listen.size(), 2U);
  ASSERT_FALSE(configure(config, {{"listen", {"tls://[::]:8443"}}}));
  ASSERT_EQ(config.listen.size(), 1U);
  EXPECT_TRUE(config.listen[0].tls);
  EXPECT_EQ(config.listen[0].endpoint.port, 8443);
}

TEST(BootstrapSettings, RefuseNamesToListenOnAndOtherSchemes) {
  for (const char* bad : {"tls://localhost:443", "https://0.0.0.0:443", "0.0.0.0:443", ""}) {
    EXPECT_NE(bootstrap_error({{"listen", {bad}}}), "") << bad;
  }
}

TEST(BootstrapSettings, TakeAProbeAddressOfEachFamily) {
  bootstrap::BootstrapConfig config;
  ASSERT_FALSE(configure(config, {{"probe-address", {"198.51.100.11", "2001:db8::11"}}}));
  EXPECT_EQ(config.probe_addresses, (std::vector{IpAddress::v4(198, 51, 100, 11), *IpAddress::parse("2001:db8::11")}));
  EXPECT_NE(bootstrap_error({{"probe-address", {"198.51.100.11:443"}}}), "");
}

TEST(BootstrapSettings, TakeTurnsAddressesAndUsers) {
  bootstrap::BootstrapConfig config;
  ASSERT_FALSE(configure(
      config, {{"turn-external", {"198.51.100.1", "2001:db8::1"}}, {"turn-user", {"alice:pass:word", "bob:x"}}}));
  EXPECT_EQ(config.turn_external.size(), 2U);
  ASSERT_EQ(config.turn_users.size(), 2U);
  EXPECT_EQ(config.turn_users[0].name, "alice");
  EXPECT_EQ(config.turn_users[0].password, "pass:word");
  EXPECT_NE(bootstrap_error({{"turn-user", {"alice"}}}), "");
  EXPECT_NE(bootstrap_error({{"turn-external", {"localhost"}}}), "");
}

TEST(BootstrapSettings, WantACertificateAndItsKeyTogether) {
  EXPECT_EQ(bootstrap_error({{"certificate", {"a.pem"}}}), "certificate and key must be given together, or neither");
  EXPECT_EQ(bootstrap_error({{"certificate", {"a.pem"}}, {"key", {"b.pem"}}}), "");
}

TEST(Settings, OfFlagsTakeThePlaceOfThoseOfTheFile) {
  const Settings both =
      merged({{"port", {"1"}}, {"bootstrap", {"flag"}}}, {{"bootstrap", {"file", "file2"}}, {"sync", {"off"}}});
  EXPECT_EQ(both, (Settings{{"port", {"1"}}, {"bootstrap", {"flag"}}, {"sync", {"off"}}}));
}

TEST(Content, IsASizeAndARoot) {
  EXPECT_EQ(parse_content("1048577:" + kRoot)->size, 1048577U);
  for (const std::string& bad : std::vector<std::string>{"", ":", "5", "0:" + kRoot, "5:" + kRoot + "0",
                                                         "5:" + std::string(63, 'b'), "2TiB:" + kRoot}) {
    EXPECT_FALSE(parse_content(bad)) << bad;
  }
}

TEST(BootstrapSettings, BelieveTheReverseProxiesThatAreNamedAndNoMoreThanTheirLimit) {
  bootstrap::BootstrapConfig config;
  EXPECT_TRUE(config.trusted_proxies.empty());
  ASSERT_FALSE(configure(config, {{"trusted-proxy", {"10.0.0.0/8", "::1"}}}));
  ASSERT_EQ(config.trusted_proxies.size(), 2U);
  EXPECT_EQ(config.trusted_proxies[1].prefix, 128U);
  EXPECT_NE(bootstrap_error({{"trusted-proxy", {"nginx"}}}).find("trusted-proxy \"nginx\" is not CIDR"),
            std::string::npos);
  EXPECT_EQ(bootstrap_error({{"trusted-proxy", std::vector<std::string>(64, "::1")}}), "");
  EXPECT_NE(bootstrap_error({{"trusted-proxy", std::vector<std::string>(65, "::1")}}), "");
}

TEST(BootstrapSettings, AnswerStunByDefaultElsewhereOrNotAtAll) {
  bootstrap::BootstrapConfig config;
  ASSERT_EQ(config.stun.size(), 1U);
  EXPECT_EQ(config.stun[0].port, 3478);
  ASSERT_FALSE(configure(config, {{"stun", {"192.0.2.1:3478", "192.0.2.2:3479"}}}));
  EXPECT_EQ(config.stun.size(), 2U);
  ASSERT_FALSE(configure(config, {{"stun", {"none"}}}));
  EXPECT_TRUE(config.stun.empty());
  EXPECT_FALSE(config.stun_is_default);
  EXPECT_NE(bootstrap_error({{"stun", {"192.0.2.1:1", "192.0.2.2:2", "192.0.2.3:3"}}}), "");
}

TEST(NodeSettings, ShowNothingOfAProxyTheyCannotRead) {
  const std::string error = node_error({{"proxy", {"http://ann:secret@:1"}}});
  EXPECT_TRUE(error.starts_with("--proxy names no proxy; ")) << error;
  EXPECT_EQ(error.find("secret"), std::string::npos);
}

TEST(Settings, OfTheDonatedRelayAreTheOwners) {
  EXPECT_TRUE(node_of({}).relay);
  EXPECT_EQ(node_of({}).relay_per_month, 10'000'000'000U);
  EXPECT_EQ(node_of({}).relay_rate, 1'250'000U);
  EXPECT_EQ(node_of({}).relay_sessions, 8U);
  EXPECT_FALSE(node_of({{"relay", {"off"}}}).relay);
  EXPECT_EQ(node_of({{"relay-per-month", {"1GiB"}}}).relay_per_month, std::uint64_t{1} << 30U);
  EXPECT_EQ(node_of({{"relay-rate", {"none"}}}).relay_rate, 0U);
  EXPECT_EQ(node_of({{"relay-sessions", {"1024"}}}).relay_sessions, 1024U);
  EXPECT_FALSE(node_error({{"relay", {"yes"}}}).empty());
  EXPECT_FALSE(node_error({{"relay-sessions", {"1025"}}}).empty());
  EXPECT_FALSE(node_error({{"relay-rate", {"0"}}}).empty());
}

}  // namespace
}  // namespace turnpike::cli
