#include "core/host/connections.h"

#include <gmock/gmock.h>

namespace turnpike::host {
namespace {

using path::Found;

constexpr Instant kStart{std::chrono::seconds(1000)};
constexpr Limits kSmall{.pending = 4,
                        .pending_per_network = 2,
                        .begun_per_network = 8,
                        .connections = 4,
                        .per_network = 3,
                        .per_peer = 2,
                        .streams_per_peer = 3,
                        .streams_per_network = 4};

PeerId peer(std::uint8_t n) { return {Digest{n}}; }
Endpoint from(std::uint8_t network, std::uint8_t host = 1) { return {IpAddress::v4(10, 0, network, host), 1234}; }

class HostConnections : public testing::Test {
 protected:
  Result<ConnectionId, Refusal> accept(const Endpoint& remote, Instant now = kStart) {
    return table_.begin(now, Direction::kInbound, remote, Found::kInbound);
  }
  ConnectionId admitted(std::uint8_t n, const Endpoint& remote, Instant now = kStart) {
    const auto id = accept(remote, now);
    EXPECT_TRUE(id && table_.establish(now, *id, peer(n)));
    return *id;
  }
  std::vector<ConnectionId> closing() {
    std::vector<ConnectionId> out;
    while (const auto id = table_.poll_close()) out.push_back(*id);
    return out;
  }
  static Refusal refusal(const auto& result) { return result ? Refusal{99} : result.error(); }

  Connections table_{peer(0), kSmall};
};

TEST_F(HostConnections, CountsHandshakesUnderWayPerNetworkAndInAll) {
  ASSERT_TRUE(accept(from(1)));
  const auto second = accept(from(1, 2));
  ASSERT_TRUE(second);
  EXPECT_EQ(refusal(accept(from(1, 3))), Refusal::kNetworkPending);
  ASSERT_TRUE(accept(from(2)));
  ASSERT_TRUE(accept(from(3)));
  EXPECT_EQ(refusal(accept(from(4))), Refusal::kPending);
  table_.handle_closed(*second);
  EXPECT_TRUE(accept(from(4))) << "a handshake that failed gives its place back";
}

TEST_F(HostConnections, NamesThoseThatMayHaveToMakeRoomAndMostlyNobody) {
  const ConnectionId first = admitted(1, from(1));
  EXPECT_THAT(table_.rivals(peer(1)), testing::IsEmpty()) << "one more has room";
  const ConnectionId second = admitted(1, from(1, 2));
  EXPECT_THAT(table_.rivals(peer(1)), testing::ElementsAre(first, second));
  EXPECT_THAT(table_.rivals(peer(2)), testing::IsEmpty());
  admitted(2, from(2));
  admitted(3, from(3));
  EXPECT_THAT(table_.rivals(peer(4)), testing::SizeIs(4)) << "the table is full";
}

TEST_F(HostConnections, RefusesANetworkThatConnectsTooOften) {
  for (std::size_t i = 0; i < kSmall.begun_per_network; ++i) table_.handle_closed(*accept(from(1)));
  EXPECT_EQ(refusal(accept(from(1))), Refusal::kTooFast);
  EXPECT_TRUE(accept(from(2))) << "another network is not to blame";
  EXPECT_TRUE(accept(from(1), kStart + kRateWindow));
}

TEST_F(HostConnections, HoldsSoManyConnectionsOfOneNetworkAndNoMore) {
  for (std::uint8_t n = 1; n <= 3; ++n) admitted(n, from(1, n));
  EXPECT_EQ(refusal(accept(from(1, 9))), Refusal::kNetwork);
}

TEST_F(HostConnections, HoldsANetworkToItsLimitAlsoWhenItsHandshakesEndTogether) {
  for (std::uint8_t n = 1; n <= 2; ++n) admitted(n, from(1, n));
  const auto third = accept(from(1, 3));
  const auto fourth = accept(from(1, 4));
  ASSERT_TRUE(third && fourth) << "as long as neither has proved itself";
  EXPECT_TRUE(table_.establish(kStart, *third, peer(3)));
  EXPECT_EQ(refusal(table_.establish(kStart, *fourth, peer(4))), Refusal::kNetwork);
  const auto again = accept(from(2));
  ASSERT_TRUE(again);
}

TEST_F(HostConnections, TheNewestProvenIdentityReplacesTheStalestOfItsOwn) {
  const ConnectionId first = admitted(1, from(1));
  const ConnectionId second = admitted(1, from(2));
  table_.handle_heard(kStart + Duration(5), first);
  const ConnectionId third = admitted(1, from(3), kStart + Duration(9));
  EXPECT_THAT(closing(), testing::ElementsAre(second)) << "the one nothing was heard on";
  EXPECT_EQ(table_.find(peer(1)), third);
  EXPECT_EQ(table_.established(), 2U);
  EXPECT_FALSE(table_.handle_closed(second)) << "the peer is still connected";
}

TEST_F(HostConnections, NobodyPushesAnotherPeersLiveConnectionOut) {
  for (std::uint8_t n = 1; n <= 4; ++n) admitted(n, from(n));
  const auto more = accept(from(5));
  ASSERT_TRUE(more);
  EXPECT_EQ(refusal(table_.establish(kStart + kStale - Duration(1), *more, peer(5))), Refusal::kFull);
  EXPECT_THAT(closing(), testing::IsEmpty());
}

TEST_F(HostConnections, AStaleConnectionMakesRoomWhenTheTableIsFull) {
  const ConnectionId dead = admitted(1, from(1));
  for (std::uint8_t n = 2; n <= 4; ++n) table_.handle_heard(kStart + Duration(n), admitted(n, from(n)));
  const auto more = accept(from(5), kStart + kStale);
  ASSERT_TRUE(more);
  EXPECT_TRUE(table_.establish(kStart + kStale, *more, peer(5)));
  EXPECT_THAT(closing(), testing::ElementsAre(dead));
}

TEST_F(HostConnections, MakesNoRoomAtTheCostOfWhatWeDialled) {
  for (std::uint8_t n = 1; n <= 4; ++n) {
    const auto id = table_.begin(kStart, Direction::kOutbound, from(n), Found::kBootstrap);
    ASSERT_TRUE(table_.establish(kStart, *id, peer(n)));
  }
  const auto more = accept(from(5), kStart + 2 * kStale);
  EXPECT_EQ(refusal(table_.establish(kStart + 2 * kStale, *more, peer(5))), Refusal::kFull);
}

TEST_F(HostConnections, RefusesItself) {
  const auto id = accept(from(1));
  EXPECT_EQ(refusal(table_.establish(kStart, *id, peer(0))), Refusal::kSelf);
}

TEST_F(HostConnections, CountsStreamsPerProtocolPerPeerAndPerNetwork) {
  const ConnectionId one = admitted(1, from(1, 1));
  const ConnectionId two = admitted(1, from(1, 2));
  const ConnectionId other = admitted(2, from(1, 3));
  const ProtocolOptions two_each{.streams = 2};
  EXPECT_TRUE(table_.begin_stream(one, "/a", two_each));
  EXPECT_TRUE(table_.begin_stream(one, "/a", two_each));
  EXPECT_FALSE(table_.begin_stream(one, "/a", two_each)) << "of one protocol on one connection";
  EXPECT_TRUE(table_.begin_stream(two, "/a", two_each));
  EXPECT_FALSE(table_.begin_stream(two, "/b", two_each)) << "of one peer";
  EXPECT_TRUE(table_.begin_stream(other, "/b", two_each));
  EXPECT_FALSE(table_.begin_stream(other, "/b", two_each)) << "of one network";
  table_.end_stream(one, "/a");
  EXPECT_TRUE(table_.begin_stream(other, "/b", two_each));
}

TEST_F(HostConnections, GivesTheStreamsOfAClosedConnectionBack) {
  const ConnectionId one = admitted(1, from(1));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(table_.begin_stream(one, "/a", {}));
  EXPECT_TRUE(table_.handle_closed(one)) << "the peer's last";
  EXPECT_FALSE(table_.begin_stream(one, "/a", {}));
  table_.end_stream(one, "/a");
  const ConnectionId again = admitted(1, from(1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(table_.begin_stream(again, "/a", {}));
}

TEST_F(HostConnections, ShowsWhoIsConnectedFromWhereAndHowItWasFound) {
  const auto id = table_.begin(kStart, Direction::kOutbound, from(7), Found::kDht);
  ASSERT_TRUE(table_.establish(kStart, *id, peer(3)));
  ASSERT_TRUE(accept(from(8)));
  const auto rows = table_.view();
  ASSERT_EQ(rows.size(), 1U) << "one whose handshake is not done has no name yet";
  EXPECT_EQ(rows[0].peer, peer(3));
  EXPECT_EQ(rows[0].remote, from(7));
  EXPECT_EQ(rows[0].found, Found::kDht);
}

}  // namespace
}  // namespace turnpike::host
