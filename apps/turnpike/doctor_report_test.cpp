#include "doctor_report.h"

#include <gtest/gtest.h>

#include <set>

namespace turnpike::cli {
namespace {

using nlohmann::json;

json row_of(const json& report, const std::string& check) {
  for (const json& row : report["checks"]) {
    if (row["check"] == check) return row;
  }
  ADD_FAILURE() << check;
  return {};
}

io::Examined healthy() {
  io::Examined out;
  doctor::BootstrapFacts bootstrap;
  bootstrap.url = "https://boot.example";
  bootstrap.connected = true;
  bootstrap.is_ours = true;
  bootstrap.round_trip = std::chrono::milliseconds(20);
  bootstrap.ahead = Duration(0);
  out.bootstraps.push_back(bootstrap);
  out.udp.asked = out.udp.tcp_works = out.udp.answered = true;
  out.udp.own = {*IpAddress::parse("203.0.113.7")};
  out.udp.first = *Endpoint::parse("203.0.113.7:5000");
  return out;
}

TEST(DoctorReport, IsOkWhereNothingIsToBeMended) {
  const json report = report_json(diagnose(healthy(), {}));
  EXPECT_EQ(report["ok"], true) << report.dump(1);
  EXPECT_EQ(row_of(report, "bootstrap https://boot.example")["value"], "reached");
  EXPECT_EQ(row_of(report, "nat-mapping")["value"], "none");
  EXPECT_EQ(row_of(report, "mapping")["value"], "not-needed");
  EXPECT_EQ(row_of(report, "node")["value"], "not-running");
}

TEST(DoctorReport, HasAdviceForEachProblemAndNamesEachCheckOnce) {
  io::Examined found;
  doctor::BootstrapFacts bootstrap;
  bootstrap.url = "https://boot.example";
  bootstrap.failure = "timed out";
  found.bootstraps.push_back(bootstrap);
  const json report = report_json(diagnose(found, {}));
  EXPECT_EQ(report["ok"], false);
  std::set<std::string> names;
  for (const json& row : report["checks"]) {
    EXPECT_TRUE(names.insert(row["check"]).second) << row;
    EXPECT_FALSE(row["text"].get<std::string>().empty()) << row;
    if (row["state"] == "problem") EXPECT_TRUE(row["advice"].is_string()) << row;
  }
}

TEST(DoctorReport, TellsWhichPortsAreProvedAndWhyTheOthersAreNot) {
  const auto door = [](const char* endpoint, const char* verdict) {
    return json{{"kind", "http"}, {"endpoint", endpoint}, {"verdict", verdict}, {"advice", "mend it"}};
  };
  const auto value = [&](const json& doors) {
    NodeStatus node;
    node.status = json{{"reachability", doors}};
    return row_of(report_json(diagnose(healthy(), node)), "ports");
  };
  EXPECT_EQ(value(json::array({door("203.0.113.7:5001", "proved"), door("192.168.1.2:5001", "local")}))["value"],
            "proved");
  const json shut = value(json::array({door("203.0.113.7:5001", "firewall")}));
  EXPECT_EQ(shut["value"], "unproved");
  EXPECT_NE(shut["text"].get<std::string>().find("firewall: mend it"), std::string::npos);
  EXPECT_EQ(value(json::array({door("192.168.1.2:5001", "local")}))["value"], "unknown");
}

TEST(DoctorReport, TakesWhatTheNodesRouterSaysFromItsStatus) {
  io::Examined found = healthy();
  found.udp.first = *Endpoint::parse("203.0.113.9:5000");  // another address: a NAT
  found.layers.observed = found.udp.first->address;
  const auto with = [&](const char* state, const char* external) {
    const json router{
        {"family", "ipv4"}, {"state", state}, {"reason", "so it is"}, {"protocol", "pcp"}, {"external", external}};
    return report_json(diagnose(found, {json{{"mappings", {{{"family", "ipv6"}, {"state", "off"}}, router}}}, ""}));
  };
  EXPECT_EQ(row_of(with("mapped", "203.0.113.9"), "mapping")["value"], "pcp");
  EXPECT_EQ(row_of(with("no-answer", ""), "mapping")["state"], "problem");
  EXPECT_EQ(row_of(with("refused", ""), "mapping")["text"], "the router answers (pcp) but maps nothing: so it is");
  EXPECT_EQ(row_of(with("searching", ""), "mapping")["state"], "unknown");
  EXPECT_EQ(row_of(with("carrier-address", "100.64.0.9"), "nat-layers")["value"], "carrier");
  EXPECT_EQ(row_of(with("private-address", "192.168.0.9"), "nat-layers")["value"], "double");
}

TEST(DoctorReport, AsksTheRouterItselfWhereNoNodeRuns) {
  io::Examined found = healthy();
  found.udp.first = *Endpoint::parse("203.0.113.9:5000");
  EXPECT_EQ(row_of(report_json(diagnose(found, {})), "mapping")["state"], "unknown");
  found.mapping = doctor::mapping_of("mapped", "all five", "nat-pmp");
  EXPECT_EQ(row_of(report_json(diagnose(found, {})), "mapping")["value"], "nat-pmp");
}

TEST(DoctorReport, PutsTheAdviceBelowItsCheck) {
  const std::string text = report_text({{"udp", doctor::State::kProblem, "blocked", "no UDP", "allow it"}});
  EXPECT_EQ(text, "PROBLEM udp: no UDP\n          -> allow it\n");
}

TEST(DoctorReport, TakesTheBootstrapsOfTheNodeThatRuns) {
  const NodeStatus node{json{{"bootstraps", {{{"url", "https://a.example"}}, {{"url", "nonsense"}}}}}, ""};
  const auto urls = bootstraps_of(node);
  ASSERT_EQ(urls.size(), 1U);
  EXPECT_EQ(urls[0].host, "a.example");
  EXPECT_TRUE(bootstraps_of({}).empty());
}

}  // namespace
}  // namespace turnpike::cli
