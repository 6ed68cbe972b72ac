#include "core/doctor/nat.h"

#include <gtest/gtest.h>

namespace turnpike::doctor {
namespace {

Endpoint at(const char* text) { return *Endpoint::parse(text); }
IpAddress ip(const char* text) { return *IpAddress::parse(text); }

UdpFacts behind_nat() {
  UdpFacts facts{.asked = true, .tcp_works = true, .answered = true};
  facts.own = {ip("192.168.1.2")};
  facts.local = at("192.168.1.2:5000");
  facts.first = at("203.0.113.7:6000");
  facts.has_second_address = true;
  return facts;
}

TEST(DoctorUdp, IsBlockedWhereOnlyTcpAnswers) {
  EXPECT_EQ(check_udp({.asked = true, .tcp_works = true, .answered = false}).value, "blocked");
  EXPECT_EQ(check_udp({.asked = true, .tcp_works = true, .answered = false}).state, State::kProblem);
  EXPECT_EQ(check_udp(behind_nat()).value, "open");
}

TEST(DoctorUdp, IsUnknownWhereNothingAnswersOrNobodyWasAsked) {
  EXPECT_EQ(check_udp({.asked = true, .tcp_works = false, .answered = false}).state, State::kUnknown);
  EXPECT_EQ(check_udp({}).state, State::kUnknown);
}

TEST(DoctorNatMapping, IsNoneWhereOutsideAndInsideAreTheSame) {
  UdpFacts facts = behind_nat();
  facts.own = {ip("203.0.113.7")};
  EXPECT_EQ(check_nat_mapping(facts).value, "none");
  EXPECT_EQ(check_hairpin(facts).value, "not-needed");
}

TEST(DoctorNatMapping, NamesTheKindAsThreeServersSeeIt) {
  UdpFacts facts = behind_nat();
  facts.other_address = facts.other_both = facts.first;
  EXPECT_EQ(check_nat_mapping(facts).value, "endpoint-independent");
  EXPECT_EQ(check_nat_mapping(facts).state, State::kGood);
  facts.other_address = facts.other_both = at("203.0.113.7:6001");
  EXPECT_EQ(check_nat_mapping(facts).value, "address-dependent");
  facts.other_both = at("203.0.113.7:6002");
  EXPECT_EQ(check_nat_mapping(facts).value, "address-and-port-dependent");
  EXPECT_EQ(check_nat_mapping(facts).state, State::kProblem);
  EXPECT_NE(check_nat_mapping(facts).advice, "");
}

TEST(DoctorNatMapping, CountsAPortThatChangesOnlyWithThePortAsBoth) {
  UdpFacts facts = behind_nat();
  facts.other_address = facts.first;
  facts.other_both = at("203.0.113.7:6001");
  EXPECT_EQ(check_nat_mapping(facts).value, "address-and-port-dependent");
}

TEST(DoctorNatMapping, SaysOnlyThatThereIsANatWhereOneAddressAnswers) {
  UdpFacts facts = behind_nat();
  facts.has_second_address = false;
  EXPECT_EQ(check_nat_mapping(facts).value, "nat");
  EXPECT_NE(check_nat_mapping(facts).advice, "");
  EXPECT_EQ(check_nat_filtering(facts).state, State::kUnknown);
}

TEST(DoctorNatFiltering, NamesWhoMayAnswer) {
  UdpFacts facts = behind_nat();
  facts.heard_from_elsewhere = false;
  facts.heard_from_other_port = false;
  EXPECT_EQ(check_nat_filtering(facts).value, "address-and-port-dependent");
  facts.heard_from_other_port = true;
  EXPECT_EQ(check_nat_filtering(facts).value, "address-dependent");
  facts.heard_from_elsewhere = true;
  EXPECT_EQ(check_nat_filtering(facts).value, "endpoint-independent");
}

TEST(DoctorHairpin, IsANoteAndNoProblemWhereItIsMissing) {
  UdpFacts facts = behind_nat();
  facts.hairpin = false;
  EXPECT_EQ(check_hairpin(facts).state, State::kNote);
  facts.hairpin = true;
  EXPECT_EQ(check_hairpin(facts).value, "works");
  EXPECT_EQ(check_hairpin({}).state, State::kUnknown);
}

TEST(DoctorNatLayers, KnowACarriersNatByItsAddresses) {
  EXPECT_EQ(check_nat_layers({.hops = {ip("192.168.1.1"), ip("100.64.3.1")}}).value, "carrier");
  EXPECT_EQ(check_nat_layers({.router_external = ip("100.127.255.1")}).value, "carrier");
  EXPECT_EQ(check_nat_layers({.own = {ip("100.64.0.9")}}).value, "carrier");
  EXPECT_NE(check_nat_layers({.hops = {ip("192.168.1.1"), ip("100.128.0.1")}}).value, "carrier");
}

TEST(DoctorNatLayers, KnowASecondRouterByAPrivateOrAnotherOutside) {
  EXPECT_EQ(check_nat_layers({.hops = {ip("192.168.1.1"), ip("192.168.0.1")}}).value, "double");
  EXPECT_EQ(check_nat_layers({.router_external = ip("10.0.0.9")}).value, "double");
  EXPECT_EQ(check_nat_layers({.router_external = ip("203.0.113.7"), .observed = ip("203.0.113.8")}).value, "double");
}

TEST(DoctorNatLayers, AreNoneWhereTheSecondRouterIsPublic) {
  EXPECT_EQ(check_nat_layers({.hops = {ip("192.168.1.1"), ip("198.51.100.1")}}).value, "none");
  EXPECT_EQ(check_nat_layers({.own = {ip("203.0.113.7")}, .observed = ip("203.0.113.7")}).value, "none");
  EXPECT_EQ(check_nat_layers({.hops = {ip("192.168.1.1"), std::nullopt}}).value, "unknown");
  EXPECT_EQ(check_nat_layers({}).value, "unknown");
}

}  // namespace
}  // namespace turnpike::doctor
