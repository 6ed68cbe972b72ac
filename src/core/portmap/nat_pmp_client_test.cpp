#include "core/portmap/nat_pmp_client.h"

#include <gtest/gtest.h>

namespace turnpike::portmap {
namespace {

using namespace std::chrono_literals;
static_assert(DatagramMachine<NatPmpClient>);

constexpr Instant kStart{1000s};
const IpAddress kGateway = IpAddress::v4(192, 168, 1, 1);
const Endpoint kServer{kGateway, nat_pmp::kServerPort};
const Ask kAsk{.transport = Transport::kTcp, .internal_port = 5001, .external_port = 5001};

Bytes map_answer(std::uint16_t internal, std::uint16_t external, std::uint32_t lifetime, std::uint32_t epoch = 100) {
  return nat_pmp::make_response(
      {nat_pmp::Code::kSuccess, epoch, nat_pmp::MapAnswer{Transport::kTcp, internal, external, lifetime}});
}
Bytes address_answer(std::uint32_t epoch = 100, IpAddress external = IpAddress::v4(203, 0, 113, 7)) {
  return nat_pmp::make_response({nat_pmp::Code::kSuccess, epoch, nat_pmp::AddressAnswer{external}});
}
template <class T>
std::optional<T> event_of(NatPmpClient& client) {
  const auto event = client.poll_event();
  if (!event || !std::holds_alternative<T>(*event)) return std::nullopt;
  return std::get<T>(*event);
}

TEST(NatPmpClient, AsksNineTimesWithDoublingWaitsAndThenGivesUp) {
  NatPmpClient client(kGateway);
  client.probe(kStart);
  std::vector<Duration> sent;
  Instant now = kStart;
  for (;;) {
    while (client.poll_transmit()) sent.push_back(now - kStart);
    const auto next = client.poll_timeout();
    if (!next) break;
    now = *next;
    client.handle_timeout(now);
  }
  EXPECT_EQ(sent, (std::vector<Duration>{0ms, 250ms, 750ms, 1750ms, 3750ms, 7750ms, 15750ms, 31750ms, 63750ms}));
  EXPECT_EQ(now - kStart, 127750ms);
  const auto refused = event_of<Refused>(client);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->why, Refusal::kNoAnswer);
}

TEST(NatPmpClient, BelievesOnlyTheRoutersOwnPort) {
  NatPmpClient client(kGateway);
  client.probe(kStart);
  client.handle_datagram(kStart, {IpAddress::v4(192, 168, 1, 9), nat_pmp::kServerPort}, address_answer());
  client.handle_datagram(kStart, {kGateway, 5350}, address_answer());
  EXPECT_FALSE(client.poll_event());
  client.handle_datagram(kStart, kServer, address_answer());
  EXPECT_TRUE(event_of<Present>(client));
}

TEST(NatPmpClient, TakesNoAnswerForAnotherPortOrAnotherTransport) {
  NatPmpClient client(kGateway);
  client.ask(kStart, kAsk);
  client.handle_datagram(kStart, kServer, map_answer(5002, 5002, 7200));
  client.handle_datagram(
      kStart, kServer,
      nat_pmp::make_response({nat_pmp::Code::kSuccess, 100, nat_pmp::MapAnswer{Transport::kUdp, 5001, 5001, 7200}}));
  client.handle_datagram(kStart, kServer,
                         nat_pmp::make_response({nat_pmp::Code::kNotAuthorised, 100, nat_pmp::ErrorAnswer{1, 5001}}));
  EXPECT_FALSE(client.poll_event());
  client.handle_datagram(kStart, kServer, map_answer(5001, 5007, 7200));
  const auto granted = event_of<Granted>(client);
  ASSERT_TRUE(granted);
  EXPECT_EQ(granted->external_port, 5007);
  EXPECT_EQ(granted->lease, 7200s);
}

TEST(NatPmpClient, TakesTheSecondOfTwoEqualAnswersForNothing) {
  NatPmpClient client(kGateway);
  client.ask(kStart, kAsk);
  client.handle_datagram(kStart, kServer, map_answer(5001, 5001, 7200));
  client.handle_datagram(kStart, kServer, map_answer(5001, 5001, 7200));
  EXPECT_TRUE(event_of<Granted>(client));
  EXPECT_FALSE(client.poll_event());
}

TEST(NatPmpClient, GivesAMappingBackByItsInternalPortAndALifetimeOfZero) {
  NatPmpClient client(kGateway);
  Ask back = kAsk;
  back.lease = Seconds(0);
  client.ask(kStart, back);
  EXPECT_EQ(client.poll_transmit()->payload, (Bytes{0, 2, 0, 0, 0x13, 0x89, 0, 0, 0, 0, 0, 0}));
  client.handle_datagram(kStart, kServer, map_answer(5001, 5001, 7200));  // late: to the question before
  EXPECT_FALSE(client.poll_event());
  client.handle_datagram(kStart, kServer, map_answer(5001, 0, 0));
  EXPECT_TRUE(event_of<Granted>(client));
}

TEST(NatPmpClient, CallsARouterBrokenThatGrantsNothingTwice) {
  NatPmpClient client(kGateway);
  client.ask(kStart, kAsk);
  for (unsigned i = 0; i + 1 < kMaxEmptyGrants; ++i) client.handle_datagram(kStart, kServer, map_answer(5001, 5001, 0));
  EXPECT_FALSE(client.poll_event());
  client.handle_datagram(kStart, kServer, map_answer(5001, 5001, 0));
  const auto refused = event_of<Refused>(client);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->why, Refusal::kBroken);
}

TEST(NatPmpClient, CallsARouterBrokenThatAnswersOnlyGarbage) {
  NatPmpClient client(kGateway);
  client.probe(kStart);
  client.handle_datagram(kStart, kServer, Bytes{0, 128, 0, 0, 1});
  while (const auto next = client.poll_timeout()) client.handle_timeout(*next);
  const auto refused = event_of<Refused>(client);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->why, Refusal::kBroken);
}

TEST(NatPmpClient, SaysWhyTheRouterRefuses) {
  for (const auto& [code, why] : {std::pair{nat_pmp::Code::kNotAuthorised, Refusal::kNotAuthorised},
                                  std::pair{nat_pmp::Code::kNetworkFailure, Refusal::kNoAddress},
                                  std::pair{nat_pmp::Code::kOutOfResources, Refusal::kOutOfResources},
                                  std::pair{nat_pmp::Code::kUnsupportedOpcode, Refusal::kUnsupported},
                                  std::pair{static_cast<nat_pmp::Code>(77), Refusal::kBroken}}) {
    NatPmpClient client(kGateway);
    client.ask(kStart, kAsk);
    client.handle_datagram(kStart, kServer, nat_pmp::make_response({code, 100, nat_pmp::ErrorAnswer{2, 5001}}));
    const auto refused = event_of<Refused>(client);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->why, why);
    EXPECT_EQ(refused->ask, kAsk);
  }
}

TEST(NatPmpClient, TellsOfARestartBeforeTheAnswerThatShowedIt) {
  NatPmpClient client(kGateway);
  client.probe(kStart);
  client.handle_datagram(kStart, kServer, address_answer(5000));
  EXPECT_TRUE(event_of<Present>(client));
  client.ask(kStart + 10s, kAsk);
  client.handle_datagram(kStart + 10s, kServer, map_answer(5001, 5001, 7200, 2));
  EXPECT_TRUE(event_of<Restarted>(client));
  EXPECT_TRUE(event_of<Granted>(client));
}

TEST(NatPmpClient, HearsAnAnnouncementThatItDidNotAskFor) {
  NatPmpClient client(kGateway);
  client.handle_datagram(kStart, kServer, address_answer());
  EXPECT_TRUE(event_of<Present>(client));
  client.handle_datagram(kStart + 1s, kServer, address_answer(101));  // the second of ten equal ones
  EXPECT_FALSE(client.poll_event());
}

TEST(NatPmpClient, KnowsTheAnswersToPcpQuestionsFromItsOwn) {
  NatPmpClient client(kGateway);
  client.probe(kStart);
  client.handle_datagram(kStart, kServer, Bytes{0, 128, 0, 1, 0, 0, 0, 9});  // a NAT-PMP router, to a PCP question
  EXPECT_FALSE(client.poll_event());
  Bytes pcp_only(24, 0);
  pcp_only[0] = 2, pcp_only[1] = 0x80, pcp_only[3] = 1;
  client.handle_datagram(kStart, kServer, pcp_only);
  const auto refused = event_of<Refused>(client);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->why, Refusal::kUnsupported);
}

}  // namespace
}  // namespace turnpike::portmap
