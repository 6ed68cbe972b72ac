#include "core/portmap/mapper.h"

#include <gtest/gtest.h>

#include "core/portmap/fake_gateway.h"

namespace turnpike::portmap {
namespace {

static_assert(DatagramMachine<Mapper>);
using Ports = std::vector<std::uint16_t>;
const Ports kUsual{4001, 4001, 5001, 6001, 6001};
const FakeGateway::Port kLast{Transport::kUdp, 6001};  // no check is made with it, only true renewals

TEST(PortMapper, MapsTheGroupByTheBestProtocolThatAnswers) {
  for (const auto& [pcp, nat_pmp, upnp, expected] :
       {std::tuple{true, true, true, Protocol::kPcp}, std::tuple{false, true, true, Protocol::kNatPmp},
        std::tuple{false, false, true, Protocol::kUpnp}, std::tuple{true, false, false, Protocol::kPcp}}) {
    Home home;
    home.gateway.pcp = pcp, home.gateway.nat_pmp = nat_pmp, home.gateway.upnp = upnp;
    home.connect();
    home.advance(1s);
    EXPECT_EQ(home.verdict(), Verdict::kMapped) << name_of(expected);
    EXPECT_EQ(home.view().protocol, expected);
    EXPECT_EQ(home.external_ports(), kUsual);
    ASSERT_EQ(home.changes.size(), 1U);
    EXPECT_EQ(home.changes[0].kind, Change::Kind::kMapped);
    const Mapping& http = home.changes[0].mappings[2];
    EXPECT_EQ(http.purpose, Purpose::kHttp);
    EXPECT_EQ(http.external, (Endpoint{home.gateway.external, 5001}));
    EXPECT_EQ(http.internal, (Endpoint{Home::kOwn, 5001}));
    EXPECT_TRUE(http.in_group);
  }
}

TEST(PortMapper, WaitsForABetterProtocolOnlyAMoment) {
  Home home;
  home.gateway.pcp = home.gateway.nat_pmp = false;
  home.connect();
  EXPECT_EQ(home.verdict(), Verdict::kSearching);
  home.advance(kSettle);
  EXPECT_EQ(home.verdict(), Verdict::kMapped);
}

TEST(PortMapper, UsesOnlyTheProtocolsItMay) {
  Home home(MapperConfig{.protocols = {Protocol::kUpnp}});
  home.connect();
  EXPECT_EQ(home.view().protocol, Protocol::kUpnp);
  EXPECT_EQ(home.sent, 0U);
}

TEST(PortMapper, SaysThatNoRouterAnswersAndGoesOnListening) {
  Home home;
  home.is_cut = true;
  home.connect();
  home.advance(kProbePatience);
  EXPECT_EQ(home.verdict(), Verdict::kNoAnswer);
  EXPECT_TRUE(home.view().next_action);
  EXPECT_TRUE(home.changes.empty());
  home.is_cut = false;  // the router has been switched on, and says so to everybody
  home.mapper.handle_datagram(
      home.now, {home.gateway.address, nat_pmp::kServerPort},
      nat_pmp::make_response({nat_pmp::Code::kSuccess, 0, nat_pmp::AddressAnswer{home.gateway.external}}));
  home.pump();
  home.advance(1s);
  EXPECT_EQ(home.external_ports(), kUsual);
}

TEST(PortMapper, TriesAgainLaterAndLaterWhereNoRouterAnswers) {
  Home home;
  home.is_cut = true;
  home.connect();
  home.advance(24h);
  EXPECT_LT(home.sent, 1500U);
  home.is_cut = false;
  home.advance(kLongestRetry + 1min);
  EXPECT_EQ(home.verdict(), Verdict::kMapped);
}

TEST(PortMapper, AsksTheNextProtocolWhenOneRefuses) {
  Home home;
  home.gateway.pcp_refusal = pcp::Code::kNotAuthorised;
  home.gateway.nat_pmp_refusal = nat_pmp::Code::kNotAuthorised;
  home.connect();
  home.advance(1s);
  EXPECT_EQ(home.view().protocol, Protocol::kUpnp);
  EXPECT_EQ(home.verdict(), Verdict::kMapped);
}

TEST(PortMapper, NamesWhatTheRouterRefuses) {
  for (const auto& [pcp, nat_pmp, upnp, verdict] :
       {std::tuple{pcp::Code::kNotAuthorised, nat_pmp::Code::kNotAuthorised, upnp::kNotAuthorised,
                   Verdict::kNotAuthorised},
        std::tuple{pcp::Code::kNoResources, nat_pmp::Code::kOutOfResources, upnp::kNoPortMapsAvailable,
                   Verdict::kOutOfResources},
        std::tuple{pcp::Code::kNetworkFailure, nat_pmp::Code::kNetworkFailure, upnp::kActionFailed,
                   Verdict::kNoAddress},
        std::tuple{pcp::Code::kUnsupportedOpcode, nat_pmp::Code::kUnsupportedOpcode, upnp::kInvalidAction,
                   Verdict::kRefused}}) {
    Home home;
    home.gateway.pcp_refusal = pcp;
    home.gateway.nat_pmp_refusal = nat_pmp;
    home.gateway.upnp_refusal = upnp;
    if (verdict == Verdict::kNoAddress) home.gateway.external = IpAddress{};
    home.connect();
    home.advance(10s);
    EXPECT_EQ(home.verdict(), verdict);
    EXPECT_TRUE(home.changes.empty());
    EXPECT_TRUE(home.view().next_action);
    EXPECT_EQ(home.view().lanes.size(), 3U);
    for (const LaneView& lane : home.view().lanes) EXPECT_FALSE(lane.reason.empty());
  }
}

TEST(PortMapper, NamesAnExternalAddressThatNobodyReaches) {
  for (const auto& [external, verdict] :
       {std::pair{IpAddress::v4(192, 168, 0, 5), Verdict::kPrivateAddress},
        std::pair{IpAddress::v4(10, 0, 0, 5), Verdict::kPrivateAddress},
        std::pair{IpAddress::v4(100, 64, 1, 1), Verdict::kCarrierAddress},
        std::pair{IpAddress::v4(100, 127, 1, 1), Verdict::kCarrierAddress},
        std::pair{IpAddress::v4(0, 0, 0, 0), Verdict::kNoAddress}, std::pair{Home::kOwn, Verdict::kOwnAddress}}) {
    for (const bool only_upnp : {false, true}) {
      Home home;
      home.gateway.external = external;
      if (only_upnp) home.gateway.pcp = home.gateway.nat_pmp = false;
      home.connect();
      home.advance(1s);
      EXPECT_EQ(home.verdict(), verdict) << external.to_string();
      EXPECT_EQ(home.view().external, external);
    }
  }
}

TEST(PortMapper, TakesAGlobalAddressOfOurOwnForARouterThatOnlyGuards) {
  Home home;
  const IpAddress own = IpAddress::v4(198, 51, 100, 7);
  home.gateway.external = own;
  home.mapper.handle_network(home.now, {.v4 = Uplink{home.gateway.address, own}, .v6 = {}});
  home.pump();
  EXPECT_EQ(home.verdict(), Verdict::kMapped);
}

TEST(PortMapper, MovesTheWholeGroupWhenOnePortIsTaken) {
  for (const Protocol protocol : kAllProtocols) {
    for (const bool v2 : {false, true}) {
      Home home(MapperConfig{.protocols = {protocol}});
      home.gateway.upnp_v2 = v2;
      home.gateway.taken = {{Transport::kTcp, 5001}};
      home.connect();
      home.advance(1s);
      ASSERT_EQ(home.verdict(), Verdict::kMapped) << name_of(protocol);
      const Ports ports = home.external_ports();
      EXPECT_NE(ports[0], 4001);
      EXPECT_EQ(ports[2], ports[0] + 1000);
      EXPECT_EQ(ports[4], ports[0] + 2000);
      EXPECT_EQ(home.gateway.table.size(), 5U) << "something was left behind on the router";
    }
  }
}

TEST(PortMapper, SaysThatThereIsNoFreeGroupAndMapsWhatItCan) {
  Home home(MapperConfig{.protocols = {Protocol::kUpnp}});
  home.gateway.upnp_v2 = false;
  for (std::uint32_t port = 1; port <= 65535; ++port) {
    if (port != 4001) home.gateway.taken.insert({Transport::kTcp, static_cast<std::uint16_t>(port)});
  }
  home.connect();
  home.advance(1min);
  EXPECT_EQ(home.verdict(), Verdict::kMappedSingly);
  EXPECT_NE(home.view().reason.find("no free group"), std::string::npos) << home.view().reason;
  EXPECT_FALSE(home.mapper.mappings().empty());
  for (const Mapping& mapping : home.mapper.mappings()) EXPECT_FALSE(mapping.in_group);
}

TEST(PortMapper, RenewsAtHalfOfTheLeaseForAsLongAsTheNodeRuns) {
  for (const Protocol protocol : kAllProtocols) {
    Home home(MapperConfig{.protocols = {protocol}});
    home.connect();
    const std::size_t before = home.gateway.requests[kLast];
    home.advance(24h);
    EXPECT_EQ(home.verdict(), Verdict::kMapped);
    EXPECT_EQ(home.changes.size(), 1U);
    const std::size_t renewals = home.gateway.requests[kLast] - before;
    EXPECT_GE(renewals, 19U) << name_of(protocol);  // 24 h / (5/8 of 2 h)
    EXPECT_LE(renewals, 24U) << name_of(protocol);
  }
}

TEST(PortMapper, MapsAnewAtOnceWhenTheRouterHasRestarted) {
  for (const Protocol protocol : kAllProtocols) {
    Home home(MapperConfig{.protocols = {protocol}});
    home.connect();
    home.advance(5min);
    home.gateway.restart(home.now);
    home.advance(kCheckPeriod);
    EXPECT_EQ(home.gateway.table.size(), 5U) << name_of(protocol);
    EXPECT_EQ(home.external_ports(), kUsual);
  }
}

TEST(PortMapper, HearsTheRoutersOwnAnnouncementOfARestart) {
  Home home;
  home.connect();
  home.advance(70s);
  home.gateway.restart(home.now);
  const pcp::Response announce{.code = pcp::Code::kSuccess, .lifetime = 0, .epoch = 0, .body = pcp::Announce{}};
  home.mapper.handle_datagram(home.now, {home.gateway.address, pcp::kServerPort}, pcp::make_response(announce));
  home.pump();
  EXPECT_EQ(home.gateway.table.size(), 5U);
}

TEST(PortMapper, NoticesAChangedExternalAddress) {
  for (const Protocol protocol : kAllProtocols) {
    Home home(MapperConfig{.protocols = {protocol}});
    home.connect();
    home.advance(5min);
    const IpAddress other = IpAddress::v4(203, 0, 113, 99);
    home.gateway.restart(home.now);  // RFC 6887 §8.5 wants the epoch to start anew
    home.gateway.external = other;
    home.advance(kCheckPeriod);
    ASSERT_EQ(home.changes.size(), 2U) << name_of(protocol);
    EXPECT_EQ(home.changes[1].kind, Change::Kind::kChanged);
    EXPECT_EQ(home.changes[1].mappings[0].external, (Endpoint{other, 4001}));
  }
}

TEST(PortMapper, NoticesByPcpAnAddressThatChangesWithoutARestart) {
  Home home(MapperConfig{.protocols = {Protocol::kPcp}});
  home.connect();
  home.gateway.external = IpAddress::v4(203, 0, 113, 99);
  home.advance(kCheckPeriod);
  EXPECT_EQ(home.mapper.mappings()[0].external.address, home.gateway.external);
}

TEST(PortMapper, HearsOfAnotherAddressByAProtocolThatIsNotInUse) {
  Home home;
  home.connect();
  EXPECT_EQ(home.view().protocol, Protocol::kPcp);
  home.gateway.external = IpAddress::v4(203, 0, 113, 99);
  const nat_pmp::Response announcement{nat_pmp::Code::kSuccess, home.gateway.epoch(home.now),
                                       nat_pmp::AddressAnswer{home.gateway.external}};
  home.mapper.handle_datagram(home.now, {home.gateway.address, nat_pmp::kServerPort},
                              nat_pmp::make_response(announcement));
  home.pump();
  EXPECT_EQ(home.mapper.mappings()[0].external.address, home.gateway.external);
}

TEST(PortMapper, StopsBelievingInAnAddressThatChangesEveryMinute) {
  for (const Protocol protocol : kAllProtocols) {
    Home home(MapperConfig{.protocols = {protocol}});
    home.connect();
    const std::size_t before = home.gateway.requests[kLast];
    for (std::uint8_t minute = 1; minute <= 60; ++minute) {
      home.gateway.restart(home.now);
      home.gateway.external = IpAddress::v4(203, 0, 113, minute);
      home.advance(1min);
    }
    const auto most = kMaxReactions * 7;  // of an hour
    EXPECT_LE(home.gateway.requests[kLast] - before, most) << name_of(protocol);
    if (protocol != Protocol::kPcp) {  // which tells of an address only with a mapping
      const auto lost = std::ranges::count(home.changes, Change::Kind::kLost, &Change::kind);
      EXPECT_GE(lost, 1) << name_of(protocol);
    }
    home.advance(kReactionWindow + 1min);
    EXPECT_EQ(home.verdict(), Verdict::kMapped) << "it has settled";
  }
}

TEST(PortMapper, LivesWithARouterWhoseClockStandsStill) {
  Home home;
  home.gateway.pcp = home.gateway.upnp = false;
  home.connect();
  for (int i = 0; i < 240; ++i) {
    home.gateway.started = home.now;  // its epoch is always the same
    home.advance(30s);
  }
  EXPECT_EQ(home.verdict(), Verdict::kMapped);
  EXPECT_EQ(home.changes.size(), 1U);
  EXPECT_LE(home.gateway.requests[kLast], kMaxReactions * 13 + 3);  // in two hours
}

TEST(PortMapper, HoldsLeasesThatAreShortAndThoseThatAreEndless) {
  for (const std::uint32_t lease : {30U, 0xffffffffU}) {
    for (const Protocol protocol : {Protocol::kPcp, Protocol::kNatPmp}) {
      Home home(MapperConfig{.protocols = {protocol}});
      home.gateway.odd_lease = lease;
      home.connect();
      home.advance(2h);
      EXPECT_EQ(home.verdict(), Verdict::kMapped);
      EXPECT_EQ(home.changes.size(), 1U);
      EXPECT_LE(home.mapper.mappings()[0].expires, home.now + 24h);
    }
  }
}

TEST(PortMapper, GoesToTheNextProtocolWhereOneGrantsLeasesOfNoTime) {
  Home home;
  home.gateway.odd_lease = 0;
  home.connect();
  home.advance(2min);
  EXPECT_EQ(home.view().protocol, Protocol::kUpnp);
  EXPECT_EQ(home.verdict(), Verdict::kMapped);
}

TEST(PortMapper, IsNotMovedByAStrangersAnswers) {
  Home home;
  home.instead = [&](const Transmit& out) {
    const auto answer = home.gateway.answer(home.now, out.payload);
    if (!answer) return;
    home.mapper.handle_datagram(home.now, {IpAddress::v4(192, 168, 1, 66), out.to.port}, *answer);
    home.mapper.handle_datagram(home.now, {out.to.address, 1024}, *answer);
  };
  home.gateway.upnp = false;
  home.connect();
  home.advance(10s);
  EXPECT_EQ(home.verdict(), Verdict::kNoAnswer);
  EXPECT_TRUE(home.gateway.table.size() == 0);
}

TEST(PortMapper, ComesThroughWithARouterThatAnswersEverythingTwiceAndLate) {
  Home home;
  std::vector<std::pair<Endpoint, Bytes>> held;
  home.gateway.upnp = false;
  home.instead = [&](const Transmit& out) {
    if (auto answer = home.gateway.answer(home.now, out.payload)) held.emplace_back(out.to, *std::move(answer));
  };
  home.connect();
  for (int i = 0; i < 200 && home.verdict() != Verdict::kMapped; ++i) {
    home.advance(100ms);
    for (int copy = 0; copy < 2; ++copy) {
      for (const auto& [from, bytes] : held) home.mapper.handle_datagram(home.now, from, bytes);
    }
    held.clear();
    home.pump();
  }
  EXPECT_EQ(home.external_ports(), kUsual);
  EXPECT_EQ(home.gateway.table.size(), 5U);
}

TEST(PortMapper, SurvivesARouterThatAnswersGarbage) {
  Home home;
  home.gateway.upnp = false;
  SeededRandom noise(1);
  home.instead = [&](const Transmit& out) {
    Bytes garbage(noise.below(80));
    noise.fill(garbage);
    home.mapper.handle_datagram(home.now, out.to, garbage);
  };
  home.connect();
  home.advance(1h);
  EXPECT_TRUE(home.mapper.mappings().empty());
}

TEST(PortMapper, KeepsWhatIsMappedWhileTheRouterIsSilentUntilTheLeaseEnds) {
  Home home;
  home.gateway.lease = 600;
  home.connect();
  home.advance(10s);
  home.is_cut = true;
  home.advance(9min);
  EXPECT_EQ(home.external_ports(), kUsual);
  home.advance(2min);
  EXPECT_TRUE(home.mapper.mappings().empty());
  EXPECT_EQ(home.changes.back().kind, Change::Kind::kLost);
  home.is_cut = false;
  home.advance(5min);
  EXPECT_EQ(home.external_ports(), kUsual);
  EXPECT_EQ(home.changes.back().kind, Change::Kind::kMapped);
}

TEST(PortMapper, LeavesNothingOnTheRouterWhenItIsClosed) {
  for (const Protocol protocol : kAllProtocols) {
    Home home(MapperConfig{.protocols = {protocol}});
    home.connect();
    EXPECT_EQ(home.gateway.table.size(), 5U);
    home.mapper.close(home.now);
    home.pump();
    EXPECT_TRUE(home.gateway.table.empty()) << name_of(protocol);
    EXPECT_TRUE(home.mapper.is_closed());
    EXPECT_TRUE(home.mapper.mappings().empty());
    EXPECT_FALSE(home.mapper.poll_timeout());
  }
}

TEST(PortMapper, WaitsForASilentRouterOnlySoLongWhenItIsClosed) {
  Home home;
  home.connect();
  home.is_cut = true;
  home.mapper.close(home.now);
  home.pump();
  EXPECT_FALSE(home.mapper.is_closed());
  home.advance(kRemovalPatience);
  EXPECT_TRUE(home.mapper.is_closed());
}

TEST(PortMapper, IsClosedAtOnceWhereNothingIsMapped) {
  Home home;
  home.is_cut = true;
  home.connect();
  home.mapper.close(home.now);
  EXPECT_TRUE(home.mapper.is_closed());
}

TEST(PortMapper, StartsAnewOnAnotherNetworkAndNotOnTheSame) {
  Home home;
  home.connect();
  const std::size_t before = home.sent;
  home.mapper.handle_network(home.now, {.v4 = Uplink{home.gateway.address, Home::kOwn}, .v6 = {}});
  home.pump();
  EXPECT_EQ(home.sent, before);
  home.mapper.handle_network(home.now, {});
  home.pump();
  EXPECT_EQ(home.changes.back().kind, Change::Kind::kLost);
  EXPECT_EQ(home.verdict(), Verdict::kNoGateway);
}

TEST(PortMapper, AsksAtOnceWhenTheMachineWakesUp) {
  Home home;
  home.connect();
  home.gateway.restart(home.now);
  home.now += 8h;
  home.mapper.handle_wake_up(home.now);
  home.pump();
  EXPECT_EQ(home.gateway.table.size(), 5U);
}

struct HomeV6 : Home {
  using Home::Home;
  IpAddress own6 = *IpAddress::parse("2001:db8:1::2");
  IpAddress gateway6 = *IpAddress::parse("fe80::1");
  void connect_v6() {
    gateway.address = gateway6;
    gateway.started = now;
    mapper.handle_network(now, {.v4 = {}, .v6 = Uplink{gateway6, own6}});
    pump();
  }
};

TEST(PortMapper, OpensPinholesForTheMachinesOwnAddressInAnIpv6Firewall) {
  for (const Protocol protocol : {Protocol::kPcp, Protocol::kUpnp}) {
    HomeV6 home(MapperConfig{.protocols = {protocol}});
    home.connect_v6();
    const RouterView view = home.mapper.view()[1];
    EXPECT_EQ(view.verdict, Verdict::kMapped) << name_of(protocol);
    ASSERT_EQ(view.mappings.size(), 5U);
    EXPECT_EQ(view.mappings[2].external, (Endpoint{home.own6, 5001}));
    EXPECT_FALSE(view.mappings[2].in_group);
    EXPECT_EQ(home.gateway.pinholes.size(), 5U);
    home.advance(24h);
    home.mapper.close(home.now);
    home.pump();
    EXPECT_TRUE(home.gateway.pinholes.empty());
  }
}

}  // namespace
}  // namespace turnpike::portmap
