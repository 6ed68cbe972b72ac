#include "core/connect/environment.h"

#include <gtest/gtest.h>

#include <map>

namespace turnpike::connect {
namespace {

using Variables = std::map<std::string, std::string>;

Result<Proxies, std::string> choose(std::string_view flag, const Variables& variables) {
  return choose_proxies(flag, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

/// The proxy that is asked towards boot.example; "" for none, the complaint where there is one.
std::string towards_tls(std::string_view flag, const Variables& variables) {
  const auto proxies = choose(flag, variables);
  if (!proxies) return proxies.error();
  const ProxyUrl* proxy = proxies->proxy_for("boot.example", 443, true);
  return proxy != nullptr ? proxy->shown() : "";
}
std::string towards_plain(std::string_view flag, const Variables& variables) {
  const auto proxies = choose(flag, variables);
  if (!proxies) return proxies.error();
  const ProxyUrl* proxy = proxies->proxy_for("boot.example", 3000, false);
  return proxy != nullptr ? proxy->shown() : "";
}

TEST(ProxyEnvironment, TakesTheFirstVariableThatIsSet) {
  EXPECT_EQ(towards_tls("", {}), "");
  EXPECT_EQ(towards_tls("", {{"https_proxy", "http://a:1"}, {"HTTPS_PROXY", "http://b:2"}}), "a:1");
  EXPECT_EQ(towards_tls("", {{"https_proxy", ""}, {"HTTPS_PROXY", "http://b:2"}, {"all_proxy", "http://c:3"}}), "b:2");
  EXPECT_EQ(towards_tls("", {{"all_proxy", "http://c:3"}, {"ALL_PROXY", "http://d:4"}}), "c:3");
  EXPECT_EQ(towards_tls("", {{"ALL_PROXY", "d:4"}}), "d:4");
}

TEST(ProxyEnvironment, AsksAProxyTowardsPlainPortsOnlyWhereItIsMeantForAll) {
  EXPECT_EQ(towards_plain("", {{"https_proxy", "http://a:1"}}), "");
  EXPECT_EQ(towards_plain("", {{"all_proxy", "http://c:3"}}), "c:3");
  EXPECT_EQ(towards_plain("http://f:6", {}), "f:6");
}

TEST(ProxyEnvironment, IsOverruledByTheFlag) {
  EXPECT_EQ(towards_tls("http://f:6", {{"https_proxy", "http://a:1"}}), "f:6");
  EXPECT_EQ(towards_tls("none", {{"https_proxy", "http://a:1"}}), "");
  EXPECT_EQ(towards_tls("none", {{"https_proxy", "nonsense://"}}), "");
}

TEST(ProxyEnvironment, HonoursNoProxyWithEither) {
  EXPECT_EQ(towards_tls("", {{"https_proxy", "http://a:1"}, {"no_proxy", ".example"}}), "");
  EXPECT_EQ(towards_tls("http://f:6", {{"NO_PROXY", "*"}}), "");
  EXPECT_EQ(towards_tls("", {{"https_proxy", "http://a:1"}, {"no_proxy", "other.example"}}), "a:1");
}

TEST(ProxyEnvironment, NamesTheVariableThatIsMalformedAndNoSecret) {
  const std::string complaint = towards_tls("", {{"HTTPS_PROXY", "http://ann:secret@:1"}});
  EXPECT_NE(complaint.find("HTTPS_PROXY"), std::string::npos) << complaint;
  EXPECT_EQ(complaint.find("secret"), std::string::npos) << complaint;
  EXPECT_NE(towards_tls("", {{"all_proxy", "socks5://127.0.0.1:9050"}}).find("all_proxy names a SOCKS"),
            std::string::npos);
  EXPECT_NE(towards_tls("", {{"no_proxy", "10.0.0.0/99"}}).find("no_proxy holds \"10.0.0.0/99\""), std::string::npos);
  EXPECT_NE(towards_tls("http://:1", {}).find("--proxy"), std::string::npos);
}

TEST(ProxyEnvironment, ShowsOfAMalformedVariableOnlyWhatCanBePrinted) {
  const std::string complaint = towards_tls("", {{"no_proxy", "\x1b[31m\xff"}});
  EXPECT_NE(complaint.find("?[31m?"), std::string::npos) << complaint;
  EXPECT_EQ(complaint.find('\x1b'), std::string::npos);
}

TEST(ProxyEnvironment, SaysWhereTheProxyComesFrom) {
  EXPECT_EQ(choose("http://f:6", {})->source, "--proxy");
  EXPECT_EQ(choose("", {{"ALL_PROXY", "http://a:1"}})->source, "ALL_PROXY");
  EXPECT_EQ(choose("", {})->source, "");
}

}  // namespace
}  // namespace turnpike::connect
