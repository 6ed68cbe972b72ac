#include "core/turn/sessions.h"

#include <gtest/gtest.h>

#include "core/turn/turn_test_support.h"

namespace turnpike::turn {
namespace {

using namespace turnpike::turn::testing;

struct Table {
  SeededRandom random{1};
  VirtualPorts ports{{kExternal, kExternalV6}};
  Sessions sessions;

  explicit Table(const SessionsPolicy& policy = {}) : sessions(policy, ports, random) {}
  Result<Opened, RefusalReason> open(std::uint8_t requester, std::uint8_t responder, std::uint8_t network = 1,
                                     Now now = kNow) {
    return sessions.open(now, peer(requester), IpAddress::v4(203, 0, network, 7), peer(responder),
                         IpAddress::Family::kV4);
  }
};

TEST(TurnSessions, PinTwoPeersToTwoAddressesOfTheServer) {
  Table t;
  const auto opened = t.open(1, 2);
  ASSERT_TRUE(opened);
  const Grant& grant = opened->grant;
  EXPECT_EQ(grant.requester, peer(1));
  EXPECT_EQ(grant.responder, peer(2));
  EXPECT_EQ(grant.requester_relayed.address, kExternal);
  EXPECT_EQ(grant.responder_relayed.address, kExternal);
  EXPECT_NE(grant.requester_relayed, grant.responder_relayed);
  EXPECT_EQ(t.sessions.find(opened->requester.username), (Sessions::End{0, Side::kRequester}));
  EXPECT_EQ(t.sessions.find(opened->responder.username), (Sessions::End{0, Side::kResponder}));
  EXPECT_NE(opened->requester.password, opened->responder.password);
}

TEST(TurnSessions, KnowNoCredentialTheyDidNotGive) {
  Table t;
  const auto opened = t.open(1, 2);
  const Grant& grant = opened->grant;
  const std::uint64_t expiry = grant.until.unix_ms / 1000;
  EXPECT_FALSE(t.sessions.find(SessionUsername{expiry + 3600, grant.session, peer(1)}.to_string()));
  EXPECT_FALSE(t.sessions.find(SessionUsername{expiry, grant.session, peer(3)}.to_string()));
  EXPECT_FALSE(t.sessions.find(SessionUsername{expiry, {}, peer(1)}.to_string()));
  for (const char* text : {"", ":", "::", "1:2:3", "alice"}) EXPECT_FALSE(t.sessions.find(text)) << text;
}

TEST(TurnSessions, LimitThemselvesInAllByPeerAndByNetwork) {
  Table t({.max_sessions = 6, .max_per_peer = 2, .max_per_network = 4});
  EXPECT_EQ(t.open(1, 1).error(), RefusalReason::kSelf);
  EXPECT_TRUE(t.open(1, 10) && t.open(1, 11));
  EXPECT_EQ(t.open(1, 12).error(), RefusalReason::kPeerLimit);
  EXPECT_TRUE(t.open(2, 10) && t.open(2, 11));
  EXPECT_EQ(t.open(3, 10).error(), RefusalReason::kNetworkLimit);
  EXPECT_TRUE(t.open(3, 10, 2) && t.open(3, 11, 2));
  EXPECT_EQ(t.open(4, 10, 3).error(), RefusalReason::kFull);
  EXPECT_TRUE(t.open(1, 10)) << "again with the same partner takes the place of the first";
  EXPECT_EQ(t.sessions.size(), 6U);
}

TEST(TurnSessions, CountAnIpv6NetworkByItsSlash64) {
  Table t({.max_per_network = 1});
  const auto open = [&](std::uint8_t requester, const char* from) {
    return t.sessions.open(kNow, peer(requester), *IpAddress::parse(from), peer(9), IpAddress::Family::kV6);
  };
  EXPECT_TRUE(open(1, "2001:db8:1:1::1"));
  EXPECT_EQ(open(2, "2001:db8:1:1:ffff::9").error(), RefusalReason::kNetworkLimit);
  EXPECT_TRUE(open(2, "2001:db8:1:2::1"));
}

TEST(TurnSessions, EndWhenNobodyJoinsAndGiveTheirAddressesBack) {
  Table t;
  const auto opened = t.open(1, 2);
  EXPECT_EQ(t.sessions.poll_timeout(), kStart + kJoinLimit);
  t.sessions.handle_timeout(kStart + kJoinLimit);
  const auto ended = t.sessions.poll_event();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->reason, EndReason::kNotJoined);
  EXPECT_FALSE(t.sessions.find(opened->requester.username));
  EXPECT_FALSE(t.ports.owner_of(opened->grant.requester_relayed));
  EXPECT_FALSE(t.sessions.poll_timeout());
}

TEST(TurnSessions, EndAtOnceWhenBothEndsHaveBeenThereAndBothHaveLeft) {
  Table t;
  (void)t.open(1, 2);
  t.sessions.set_allocation(kStart, {0, Side::kRequester}, 1);
  t.sessions.set_allocation(kStart, {0, Side::kRequester}, std::nullopt);
  t.sessions.handle_released(0);
  EXPECT_FALSE(t.sessions.poll_event()) << "the other end may yet come";
  t.sessions.set_allocation(kStart, {0, Side::kRequester}, 1);
  t.sessions.set_allocation(kStart, {0, Side::kResponder}, 2);
  t.sessions.set_allocation(kStart, {0, Side::kRequester}, std::nullopt);
  t.sessions.handle_released(0);
  EXPECT_FALSE(t.sessions.poll_event()) << "one end may come back";
  t.sessions.set_allocation(kStart, {0, Side::kResponder}, std::nullopt);
  t.sessions.handle_released(0);
  EXPECT_EQ(t.sessions.poll_event()->reason, EndReason::kReleased);
  EXPECT_EQ(t.sessions.size(), 0U);
}

TEST(TurnSessions, EndAfterALongSilence) {
  Table t;
  (void)t.open(1, 2);
  t.sessions.set_allocation(kStart, {0, Side::kRequester}, 1);
  t.sessions.set_allocation(kStart, {0, Side::kResponder}, 2);
  EXPECT_TRUE(t.sessions.take(kStart + 100s, 0, 1000).allowed);
  t.sessions.handle_timeout(kStart + kIdleLimit);
  EXPECT_FALSE(t.sessions.poll_event());
  t.sessions.handle_timeout(kStart + 100s + kIdleLimit);
  EXPECT_EQ(t.sessions.poll_event()->reason, EndReason::kIdle);
}

TEST(TurnSessions, EndAtTheGrantedBytesAndNotOneLater) {
  Table t({.limits = {.bytes = 1000, .bytes_per_second = 0}});
  (void)t.open(1, 2);
  EXPECT_TRUE(t.sessions.take(kStart, 0, 1000).allowed);
  EXPECT_FALSE(t.sessions.take(kStart, 0, 1).allowed);
  const auto ended = t.sessions.poll_event();
  EXPECT_EQ(ended->reason, EndReason::kLimitReached);
  EXPECT_EQ(ended->bytes, 1000U);
}

TEST(TurnSessions, HoldTheGrantedRate) {
  Table t({.limits = {.bytes = 1U << 30U, .bytes_per_second = 100'000}});
  (void)t.open(1, 2);
  std::uint64_t carried = 0;
  for (Duration at{}; at < 10s; at += 1ms) {
    if (t.sessions.take(kStart + at, 0, 1000).allowed) carried += 1000;
  }
  EXPECT_GE(carried, 1'000'000U);
  EXPECT_LE(carried, 1'000'000U + 100'000 / 5 + 2000);
}

TEST(TurnSessions, EndByBootTimeWhateverTheWallClockDoes) {
  Table t({.lifetime = 1h});
  const auto opened = t.open(1, 2);
  t.sessions.set_allocation(kStart, {0, Side::kRequester}, 1);
  t.sessions.set_allocation(kStart, {0, Side::kResponder}, 2);
  for (Duration at{}; at < 1h; at += 1min) {
    (void)t.sessions.take(kStart + at, 0, 1);
    t.sessions.handle_timeout(kStart + at);
  }
  EXPECT_TRUE(t.sessions.find(opened->requester.username));
  t.sessions.handle_timeout(kStart + 1h);
  EXPECT_EQ(t.sessions.poll_event()->reason, EndReason::kExpired);
}

// --- the server with pinned sessions ---

TEST(TurnPinnedSession, CarriesDataBothWaysOnChannels) {
  Pair p;
  ASSERT_TRUE(p.requester.bind(kNow, 0x4001, p.responder_relayed()).ok());
  ASSERT_TRUE(p.responder.bind(kNow, 0x4abc, p.requester_relayed()).ok());
  p.requester.send_channel(kNow, 0x4001, bytes_of("ping"));
  ASSERT_EQ(p.requester.others.size(), 1U);
  EXPECT_EQ(p.requester.others[0].to, p.responder.at());
  EXPECT_EQ(p.requester.others[0].payload, (Bytes{0x4a, 0xbc, 0, 4, 'p', 'i', 'n', 'g'}));
  p.responder.send_channel(kNow, 0x4abc, bytes_of("pong"));
  ASSERT_EQ(p.responder.others.size(), 1U);
  EXPECT_EQ(p.responder.others[0].payload, (Bytes{0x40, 0x01, 0, 4, 'p', 'o', 'n', 'g'}));
}

TEST(TurnPinnedSession, CarriesSendAsDataWhereThereIsNoChannel) {
  Pair p;
  ASSERT_TRUE(p.requester.permit(kNow, p.responder_relayed()).ok());
  ASSERT_TRUE(p.responder.permit(kNow, p.requester_relayed()).ok());
  p.requester.send_indication(kNow, p.responder_relayed(), bytes_of("hello"));
  ASSERT_EQ(p.requester.others.size(), 1U);
  const Answer data{p.requester.others[0].payload};
  EXPECT_EQ(data.view().method(), Method::kData);
  EXPECT_EQ(data.view().message_class(), Class::kIndication);
  EXPECT_EQ(data.address(AttributeType::kXorPeerAddress), p.requester_relayed());
  EXPECT_EQ(data.text(AttributeType::kData), "hello");
}

TEST(TurnPinnedSession, PadsChannelDataInAStreamOnly) {
  Pair p(config(), udp_client(1), tcp_client(2, 7));
  ASSERT_TRUE(p.requester.bind(kNow, 0x4001, p.responder_relayed()).ok());
  ASSERT_TRUE(p.responder.bind(kNow, 0x4001, p.requester_relayed()).ok());
  p.requester.send_channel(kNow, 0x4001, bytes_of("12345"));
  EXPECT_EQ(p.requester.others.at(0).payload, (Bytes{0x40, 1, 0, 5, '1', '2', '3', '4', '5', 0, 0, 0}));
  const Bytes padded{0x40, 1, 0, 5, 'a', 'b', 'c', 'd', 'e', 0, 0, 0};
  (void)p.responder.send(kNow, padded);
  EXPECT_EQ(p.responder.others.at(0).payload, (Bytes{0x40, 1, 0, 5, 'a', 'b', 'c', 'd', 'e'}));
}

TEST(TurnPinnedSession, ReachesItsPartnerOnlyInEverySpelling) {
  Pair p;
  const Endpoint partner = p.responder_relayed();
  const auto other_port = static_cast<std::uint16_t>(partner.port ^ 1U);
  EXPECT_EQ(p.requester.bind(kNow, 0x4001, {partner.address, other_port}).error(), ErrorCode::kForbidden);
  EXPECT_EQ(p.requester.bind(kNow, 0x4001, {partner.address, 0}).error(), ErrorCode::kForbidden);
  EXPECT_EQ(p.requester.bind(kNow, 0x4001, p.requester_relayed()).error(), ErrorCode::kForbidden) << "itself";
  EXPECT_EQ(p.requester.bind(kNow, 0x4001, p.responder.at().client).error(), ErrorCode::kForbidden)
      << "the partner's own address";
  for (const char* host : {"127.0.0.1", "0.0.0.0", "10.0.0.1", "192.168.1.1", "169.254.169.254", "198.51.100.2",
                           "255.255.255.255", "224.0.0.1"}) {
    const Endpoint third{*IpAddress::parse(host), partner.port};
    EXPECT_EQ(p.requester.permit(kNow, third).error(), ErrorCode::kForbidden) << host;
    EXPECT_EQ(p.requester.bind(kNow, 0x4001, third).error(), ErrorCode::kForbidden) << host;
  }
  for (const char* host : {"::ffff:198.51.100.1", "::198.51.100.1", "::1", "::", "64:ff9b::c633:6401"}) {
    const Endpoint third{*IpAddress::parse(host), partner.port};
    EXPECT_EQ(p.requester.permit(kNow, third).error(), ErrorCode::kPeerAddressFamilyMismatch) << host;
  }
  // A permission is by address, so this one passes; data to another port than the partner's does not.
  ASSERT_TRUE(p.requester.permit(kNow, {partner.address, other_port}).ok());
  ASSERT_TRUE(p.responder.permit(kNow, p.requester_relayed()).ok());
  p.requester.send_indication(kNow, {partner.address, other_port}, bytes_of("x"));
  EXPECT_TRUE(p.requester.others.empty());
  EXPECT_EQ(p.server.counters().dropped, 1U);
}

TEST(TurnPinnedSession, InstallsNoPermissionWhenOneOfSeveralIsForbidden) {
  Pair p;
  const Answer answer = p.requester.ask(kNow, Method::kCreatePermission, [&](MessageWriter& out) {
    stun::add_xor_address(out, AttributeType::kXorPeerAddress, p.responder_relayed());
    stun::add_xor_address(out, AttributeType::kXorPeerAddress, {IpAddress::v4(192, 0, 2, 1), 1});
  });
  EXPECT_EQ(answer.error(), ErrorCode::kForbidden);
  ASSERT_TRUE(p.responder.permit(kNow, p.requester_relayed()).ok());
  p.responder.send_indication(kNow, p.requester_relayed(), bytes_of("x"));
  EXPECT_TRUE(p.responder.others.empty());
}

TEST(TurnPinnedSession, DropsDataWithoutAPermissionAndAfterItHasExpired) {
  Pair p;
  ASSERT_TRUE(p.requester.bind(kNow, 0x4001, p.responder_relayed()).ok());
  p.requester.send_channel(kNow, 0x4001, bytes_of("x"));
  EXPECT_TRUE(p.requester.others.empty()) << "the responder has none yet";
  ASSERT_TRUE(p.responder.permit(kNow, p.requester_relayed()).ok());
  p.requester.send_channel(later(kPermissionLifetime - 1s), 0x4001, bytes_of("x"));
  EXPECT_EQ(p.requester.others.size(), 1U);
  p.requester.send_channel(later(kPermissionLifetime), 0x4001, bytes_of("x"));
  EXPECT_EQ(p.requester.others.size(), 1U);
}

TEST(TurnPinnedSession, PublishesARouteAndWithdrawsItWithEitherEnd) {
  Pair p;
  ASSERT_TRUE(p.requester.bind(kNow, 0x4001, p.responder_relayed()).ok());
  ASSERT_TRUE(p.responder.bind(kNow, 0x4002, p.requester_relayed()).ok());
  EXPECT_EQ(p.server.route(kStart, p.requester.at(), 0x4001), nullptr) << "no packet has asked yet";
  p.requester.send_channel(kNow, 0x4001, bytes_of("x"));
  const Route* const route = p.server.route(kStart, p.requester.at(), 0x4001);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->to, p.responder.at());
  EXPECT_EQ(route->channel, 0x4002);
  EXPECT_TRUE(p.server.charge(kNow, *route, 100).allowed);
  EXPECT_EQ(p.server.counters().bytes, 101U);
  EXPECT_EQ(p.server.route(kStart + kPermissionLifetime, p.requester.at(), 0x4001), nullptr);
  ASSERT_TRUE(p.responder.refresh(kNow, 0s).ok());
  EXPECT_EQ(p.server.route(kStart, p.requester.at(), 0x4001), nullptr);
}

TEST(TurnPinnedSession, LetsACredentialMoveToAnotherAddressAndHoldOneAllocationOnly) {
  Pair p;
  ASSERT_TRUE(p.requester.bind(kNow, 0x4001, p.responder_relayed()).ok());
  Talker moved(p.server, udp_client(7), p.opened.requester);
  const Answer answer = moved.allocate(kNow);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer.address(AttributeType::kXorRelayedAddress), p.requester_relayed());
  EXPECT_EQ(p.server.allocations(), 2U);
  EXPECT_EQ(p.requester.refresh(kNow, 600s).error(), ErrorCode::kAllocationMismatch);
}

TEST(TurnPinnedSession, EndsWithItsAllocationsAndItsCredentialsHoldNoMore) {
  Pair p;
  p.server.handle_timeout(later(kIdleLimit));
  const auto ended = p.server.poll_event();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->reason, EndReason::kIdle);
  EXPECT_EQ(p.server.allocations(), 0U);
  EXPECT_EQ(p.requester.allocate(later(kIdleLimit)).error(), ErrorCode::kUnauthenticated);
}

TEST(TurnPinnedSession, LivesOnWhenTheWallClockIsSet) {
  Pair p;
  for (const std::uint64_t wall : {std::uint64_t{0}, kWall.unix_ms + std::uint64_t{400} * 24 * 3600 * 1000}) {
    EXPECT_TRUE(p.requester.refresh({kStart, {wall}}, 600s).ok());
    p.server.handle_timeout({kStart, {wall}});
    EXPECT_EQ(p.server.allocations(), 2U);
  }
}

TEST(TurnPinnedSession, StopsADonorAtItsMonthsBytes) {
  ServerConfig donor = config();
  donor.donation = DonationCaps{.bytes_per_month = 1000, .bytes_per_second = 0};
  Pair p(donor);
  ASSERT_TRUE(p.requester.bind(kNow, 0x4001, p.responder_relayed()).ok());
  ASSERT_TRUE(p.responder.bind(kNow, 0x4001, p.requester_relayed()).ok());
  EXPECT_TRUE(p.server.accepts_sessions(kWall));
  p.requester.send_channel(kNow, 0x4001, Bytes(1000));
  p.requester.send_channel(kNow, 0x4001, Bytes(1));
  EXPECT_EQ(p.requester.others.size(), 1U);
  EXPECT_FALSE(p.server.accepts_sessions(kWall));
  EXPECT_EQ(p.server.open_session(kNow, peer(5), kExternal, peer(6), IpAddress::Family::kV4).error(),
            RefusalReason::kSpent);
}

/// Has money for so many bytes, once the disk is ready.
struct Purse final : Payer {
  std::uint64_t left = 1000;
  bool is_ready = true;

  Answer pay(Now /*now*/, std::uint64_t bytes) override {
    if (!is_ready) return {false, 2ms};
    if (bytes > left) return {};
    left -= bytes;
    return {true, {}};
  }
  bool is_spent(Now /*now*/) override { return left == 0; }
};

TEST(TurnPinnedSession, AsksWhoPaysBeforeDataFlows) {
  Purse purse;
  ServerConfig paid = config();
  paid.payer = &purse;
  Pair p(paid);
  ASSERT_TRUE(p.requester.bind(kNow, 0x4001, p.responder_relayed()).ok());
  ASSERT_TRUE(p.responder.bind(kNow, 0x4001, p.requester_relayed()).ok());
  purse.is_ready = false;
  p.requester.send_channel(kNow, 0x4001, Bytes(10));
  EXPECT_EQ(p.requester.others.size(), 0U) << "not before it is written down";
  purse.is_ready = true;
  p.requester.send_channel(kNow, 0x4001, Bytes(1000));
  p.requester.send_channel(kNow, 0x4001, Bytes(1));
  EXPECT_EQ(p.requester.others.size(), 1U);
  EXPECT_EQ(p.server.counters().bytes, 1000U);
  EXPECT_EQ(p.server.open_session(kNow, peer(5), kExternal, peer(6), IpAddress::Family::kV4).error(),
            RefusalReason::kSpent);
}

TEST(TurnPinnedSession, StaysWithinTheAddressFamilyOfItsGrant) {
  Pair p;
  (void)p.requester.refresh(kNow, 0s);
  const Answer answer = p.requester.allocate(kNow, [](MessageWriter& out) {
    add_address_family(out, AttributeType::kRequestedAddressFamily, IpAddress::Family::kV6);
  });
  EXPECT_EQ(answer.error(), ErrorCode::kAddressFamilyNotSupported);
}

}  // namespace
}  // namespace turnpike::turn
