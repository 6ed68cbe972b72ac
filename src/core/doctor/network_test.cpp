#include "core/doctor/network.h"

#include <gtest/gtest.h>

namespace turnpike::doctor {
namespace {

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

TEST(DoctorIpv6, WorksIsBrokenOrIsNotThere) {
  const std::vector<IpAddress> both{ip("192.0.2.1"), ip("2001:db8::1")};
  EXPECT_EQ(check_ipv6({.own = {ip("192.0.2.1"), ip("fe80::1"), ip("fd00::1")}}).value, "none");
  EXPECT_EQ(check_ipv6({.own = both}).value, "untested");
  EXPECT_EQ(check_ipv6({.own = both, .bootstrap_has_v6 = true, .connected = true}).value, "works");
  const Check broken = check_ipv6({.own = both, .bootstrap_has_v6 = true, .connected = false});
  EXPECT_EQ(broken.state, State::kProblem);
  EXPECT_NE(broken.advice, "");
}

TEST(DoctorMtu, IsWhatThePathHas) {
  EXPECT_EQ(check_mtu({.measured = true, .path = 1500, .large_answered = true, .middle_answered = true}).value, "1500");
  EXPECT_EQ(check_mtu({.measured = true, .path = 1400, .large_answered = false, .middle_answered = true}).value,
            "1400");
}

TEST(DoctorMtu, BelowWhatQuicNeedsIsAProblem) {
  EXPECT_EQ(check_mtu({.measured = true, .path = 1200}).state, State::kProblem);
}

TEST(DoctorMtu, KnowsABlackHoleByWhatVanishesInSilence) {
  const Check check = check_mtu({.measured = true, .path = 1500, .large_answered = false, .middle_answered = true});
  EXPECT_EQ(check.value, "black-hole");
  EXPECT_EQ(check.state, State::kProblem);
}

TEST(DoctorMtu, IsUnknownWhereNothingWasAnswered) {
  EXPECT_EQ(check_mtu({}).state, State::kUnknown);
  EXPECT_EQ(check_mtu({.measured = true, .path = 1500}).state, State::kUnknown);
}

TEST(DoctorMapping, NamesTheProtocolOrWhyThereIsNone) {
  MappingFacts facts{.asked = true, .answers = true, .mapped = true, .protocol = "pcp", .external = ip("203.0.113.7")};
  EXPECT_EQ(check_mapping(facts).value, "pcp");
  facts.mapped = false;
  facts.reason = "not authorised";
  EXPECT_NE(check_mapping(facts).text.find("not authorised"), std::string::npos);
  EXPECT_EQ(check_mapping({.asked = true}).state, State::kProblem);
  EXPECT_EQ(check_mapping({.asked = false}).state, State::kUnknown);
  EXPECT_EQ(check_mapping({.behind_nat = false}).value, "not-needed");
}

TEST(DoctorMapping, ReadsTheWordsOfPortMapping) {
  const auto value = [](std::string_view state) { return check_mapping(mapping_of(state, "so it is", "upnp")); };
  EXPECT_EQ(value("mapped").value, "upnp");
  EXPECT_EQ(value("mapped-singly").value, "upnp");
  EXPECT_EQ(value("no-answer").text, "the router speaks none of UPnP, NAT-PMP and PCP: so it is");
  EXPECT_EQ(value("not-authorised").text, "the router answers (upnp) but maps nothing: so it is");
  EXPECT_EQ(value("searching").state, State::kUnknown);
  EXPECT_EQ(value("no-gateway").state, State::kUnknown);
}

TEST(DoctorPorts, AreGoodWhenOneIsProved) {
  EXPECT_EQ(check_ports({{"http 203.0.113.7:5001", "proved", true}, {"stun", "no answer", false}}, true).value,
            "proved");
  EXPECT_EQ(check_ports({{"http 203.0.113.7:5001", "no answer", false}}, true).value, "unproved");
  EXPECT_EQ(check_ports({}, true).state, State::kUnknown);
  EXPECT_EQ(check_ports({}, false).state, State::kUnknown);
}

TEST(DoctorNode, IsNoProblemWhenItDoesNotRun) {
  EXPECT_EQ(check_node({.runs = true, .stores = 3}).state, State::kGood);
  EXPECT_EQ(check_node({}).state, State::kNote);
}

}  // namespace
}  // namespace turnpike::doctor
