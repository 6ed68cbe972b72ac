#include "core/mdns/responder.h"

#include <gtest/gtest.h>

namespace turnpike::mdns {
namespace {

constexpr Instant kStart{std::chrono::seconds(10)};
const Endpoint kNeighbour{IpAddress::v4(192, 168, 1, 7), kPort};
const IpNetwork kHome{IpAddress::v4(192, 168, 1, 2), 24};

identity::AnyPeerId id(std::uint16_t number) {
  Bytes multihash{0x12, 0x20};
  multihash.resize(34);
  multihash[2] = static_cast<std::uint8_t>(number >> 8U);
  multihash[3] = static_cast<std::uint8_t>(number);
  return *identity::AnyPeerId::from_bytes(multihash);
}

std::string text(std::uint16_t number, std::string_view address) {
  return "dnsaddr=" + std::string(address) + "/p2p/" + id(number).to_string();
}

struct Fixture : testing::Test {
  SeededRandom random{1};
  Responder node{kStart, id(1), {*multiaddr::Multiaddr::parse("/ip4/192.168.1.2/tcp/4001")}, {kHome}, random};

  std::optional<Found> hear(const std::string& said, const Endpoint& from = kNeighbour) {
    node.handle_datagram(kStart, from, make_response("i", {said}));
    return node.poll_event();
  }
};
using MdnsResponder = Fixture;

TEST_F(MdnsResponder, FindsANeighbourThatAnswersTheSameWay) {
  Responder neighbour(kStart, id(2), {*multiaddr::Multiaddr::parse("/ip4/192.168.1.7/tcp/4002")},
                      {IpNetwork{kNeighbour.address, 24}}, random);
  node.handle_timeout(kStart);
  const auto question = node.poll_transmit();
  ASSERT_TRUE(question);
  EXPECT_EQ(question->to, kGroup);
  neighbour.handle_datagram(kStart, {kHome.address, kPort}, question->payload);
  const auto answer = neighbour.poll_transmit();
  ASSERT_TRUE(answer);
  node.handle_datagram(kStart, kNeighbour, answer->payload);
  const auto found = node.poll_event();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->peer, id(2));
  EXPECT_EQ(found->tcp, (std::vector{Endpoint{kNeighbour.address, 4002}}));
}

TEST_F(MdnsResponder, TellsQuicAddressesApartFromThoseOverTcp) {
  node.handle_datagram(kStart, kNeighbour,
                       make_response("i", {text(2, "/ip4/192.168.1.7/tcp/1"), text(2, "/ip4/192.168.1.7/udp/2/quic-v1"),
                                           text(2, "/ip4/10.0.0.1/udp/2/quic-v1"), text(2, "/ip4/192.168.1.7/udp/3")}));
  const auto found = node.poll_event();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->tcp, (std::vector{Endpoint{kNeighbour.address, 1}}));
  EXPECT_EQ(found->quic, (std::vector{Endpoint{kNeighbour.address, 2}}));
  EXPECT_TRUE(hear(text(3, "/ip4/192.168.1.7/udp/2/quic-v1"))) << "one that speaks nothing else";
}

TEST_F(MdnsResponder, HearsNobodyOfAnotherNetworkNorAnotherPort) {
  EXPECT_FALSE(hear(text(2, "/ip4/192.168.1.7/tcp/1"), {IpAddress::v4(192, 168, 2, 7), kPort}));
  EXPECT_FALSE(hear(text(2, "/ip4/192.168.1.7/tcp/1"), {kNeighbour.address, 5354}));
  EXPECT_TRUE(hear(text(2, "/ip4/192.168.1.7/tcp/1")));
}

TEST_F(MdnsResponder, TellsNoAddressOfAnotherNetworkNorItself) {
  EXPECT_FALSE(hear(text(2, "/ip4/10.0.0.1/tcp/1")));
  EXPECT_FALSE(hear(text(2, "/ip4/8.8.8.8/tcp/1")));
  EXPECT_FALSE(hear(text(1, "/ip4/192.168.1.7/tcp/1")));
  EXPECT_FALSE(hear("dnsaddr=/ip4/192.168.1.7/tcp/1"));
  EXPECT_FALSE(hear("dnsaddr=nonsense"));
}

TEST_F(MdnsResponder, AsksForOldNodesTooAndAnswersNobodyWhoAsksForThem) {
  node.handle_timeout(kStart);
  (void)node.poll_transmit();
  const auto second = node.poll_transmit();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->payload, make_query(kOldService));
  node.handle_datagram(kStart, kNeighbour, second->payload);
  EXPECT_FALSE(node.poll_transmit());
}

TEST_F(MdnsResponder, TellsAPeerOnceInAWhile) {
  EXPECT_TRUE(hear(text(2, "/ip4/192.168.1.7/tcp/1")));
  EXPECT_FALSE(hear(text(2, "/ip4/192.168.1.7/tcp/1")));
  node.handle_timeout(kStart + kRepeat);
  node.handle_datagram(kStart + kRepeat, kNeighbour, make_response("i", {text(2, "/ip4/192.168.1.7/tcp/1")}));
  EXPECT_TRUE(node.poll_event());
}

TEST_F(MdnsResponder, RemembersSoManyPeers) {
  for (std::uint16_t i = 2; i < kMaxPeers + 2; ++i) EXPECT_TRUE(hear(text(i, "/ip4/192.168.1.7/tcp/1")));
  EXPECT_FALSE(hear(text(9999, "/ip4/192.168.1.7/tcp/1")));
}

TEST_F(MdnsResponder, HoldsSoManyAddressesOfAPeer) {
  std::vector<std::string> texts;
  for (std::size_t i = 1; i <= kMaxAddresses + 1; ++i) {
    texts.push_back(text(2, "/ip4/192.168.1.7/tcp/" + std::to_string(i)));
  }
  Bytes all = make_response("i", texts);
  node.handle_datagram(kStart, kNeighbour, all);
  const auto found = node.poll_event();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->tcp.size(), kMaxAddresses);
}

TEST_F(MdnsResponder, AnswersAFloodOfQuestionsOnceASecond) {
  for (int i = 0; i < 100; ++i) node.handle_datagram(kStart, kNeighbour, make_query());
  EXPECT_TRUE(node.poll_transmit());
  EXPECT_FALSE(node.poll_transmit());
  node.handle_datagram(kStart + kAnswerPause, kNeighbour, make_query());
  EXPECT_TRUE(node.poll_transmit());
}

TEST_F(MdnsResponder, AsksLessAndLessOften) {
  Instant now = kStart;
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    node.handle_timeout(now);
    EXPECT_TRUE(node.poll_transmit());
    EXPECT_EQ(node.poll_timeout(), now + std::chrono::seconds(seconds));
    now = *node.poll_timeout();
  }
}

TEST_F(MdnsResponder, AsksAtOnceInANewNetwork) {
  node.handle_timeout(kStart);
  ASSERT_TRUE(node.poll_transmit());
  node.moved(kStart, {{IpAddress::v4(10, 0, 0, 2), 8}}, {});
  EXPECT_EQ(node.poll_timeout(), kStart);
  EXPECT_FALSE(hear(text(2, "/ip4/192.168.1.7/tcp/1")));
  EXPECT_TRUE(hear(text(2, "/ip4/10.9.9.9/tcp/1"), {IpAddress::v4(10, 1, 1, 1), kPort}));
}

TEST_F(MdnsResponder, HearsALinkLocalNeighbourOverIpv6AndBelievesWhatItTellsOfBothFamilies) {
  const IpNetwork link{*IpAddress::parse("fe80::2"), 64};
  const IpNetwork home6{*IpAddress::parse("fd00:1::2"), 64};
  Responder over6(kStart, id(1), {}, {link, home6, kHome}, random, kGroup6);
  over6.handle_timeout(kStart);
  EXPECT_EQ(over6.poll_transmit()->to, kGroup6);
  const Endpoint neighbour{*IpAddress::parse("fe80::7"), kPort};
  const Bytes answer = make_response(
      "i", {text(2, "/ip4/192.168.1.7/tcp/1"), text(2, "/ip6/fd00:1::7/tcp/1"), text(2, "/ip6/2001:db8::7/tcp/1")});
  over6.handle_datagram(kStart, neighbour, answer);
  const auto found = over6.poll_event();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->tcp.size(), 2U) << "the third is not of this network";
}

}  // namespace
}  // namespace turnpike::mdns
