#include "core/path/paths.h"

#include <gmock/gmock.h>

namespace turnpike::path {
namespace {

using testing::SizeIs;

constexpr Now kStart{Instant(1000s), {1'700'000'000'000}};

PeerId peer(std::size_t n) {
  PeerId id;
  id.public_key[0] = static_cast<std::uint8_t>(n);
  id.public_key[1] = static_cast<std::uint8_t>(n >> 8U);
  return id;
}

Now after(Duration time) {
  return {kStart.mono + time, {kStart.wall.unix_ms + static_cast<std::uint64_t>(time / 1ms)}};
}

Contact contact(std::size_t n, std::uint64_t seq, std::vector<Endpoint> http, std::size_t bootstrap = 0) {
  return {.peer = peer(n), .seq = seq, .http = std::move(http), .bootstrap = bootstrap, .connected = true};
}

const Endpoint kHome{IpAddress::v4(203, 0, 113, 1), 5001};
const Endpoint kMoved{IpAddress::v4(203, 0, 113, 9), 5001};

class PathPaths : public testing::Test {
 protected:
  std::vector<PeerAction> drain() {
    std::vector<PeerAction> out;
    while (auto action = paths_.poll_action()) out.push_back(*action);
    return out;
  }
  SeededRandom random_{3};
  Paths paths_{rungs_of({Rung::kDirect, Rung::kHttp, Rung::kBootstrapRelay}), random_};
};

TEST_F(PathPaths, RemembersEveryWayAPeerWasFound) {
  EXPECT_TRUE(paths_.found(peer(1)).empty());
  paths_.learn(kStart, contact(1, 1, {kHome}));
  paths_.learn(kStart, peer(1), Found::kDht, {kMoved});
  EXPECT_TRUE(paths_.found(peer(1)).has(Found::kBootstrap));
  EXPECT_TRUE(paths_.found(peer(1)).has(Found::kDht));
  EXPECT_FALSE(paths_.found(peer(1)).has(Found::kInbound));
}

TEST_F(PathPaths, TriesTheNewestWordFirstAndForgetsNoEarlierOne) {
  paths_.learn(kStart, peer(1), Found::kKnown, {kHome});
  paths_.learn(kStart, peer(1), Found::kDht, {kMoved});
  EXPECT_THAT(paths_.ladder(peer(1))->direct_endpoints(), testing::ElementsAre(kMoved, kHome));
  std::vector<Endpoint> many;
  for (std::uint16_t port = 1; port <= kMaxDirectEndpoints; ++port) many.push_back({kHome.address, port});
  paths_.learn(kStart, peer(1), Found::kExchange, many);
  EXPECT_THAT(paths_.ladder(peer(1))->direct_endpoints(), testing::UnorderedElementsAreArray(many));
}

TEST_F(PathPaths, DialsWhatABootstrapAndWhatOthersTold) {
  Contact registered = contact(1, 1, {});
  registered.tcp = {kHome};
  paths_.learn(kStart, registered);
  paths_.learn(kStart, peer(1), Found::kLan, {kMoved});
  EXPECT_THAT(paths_.ladder(peer(1))->direct_endpoints(), testing::UnorderedElementsAre(kHome, kMoved));
  registered.seq = 2;
  registered.tcp = {};
  paths_.learn(kStart, registered);
  EXPECT_THAT(paths_.ladder(peer(1))->direct_endpoints(), testing::ElementsAre(kMoved));
}

TEST_F(PathPaths, TakesAConnectionOfItsOwnForNoNewsOfHowThePeerIsKnown) {
  paths_.learn(kStart, peer(1), Found::kLan, {kMoved});
  paths_.set_connected(kStart, peer(1), true, Found::kBootstrap);
  EXPECT_FALSE(paths_.found(peer(1)).has(Found::kBootstrap));
}

TEST_F(PathPaths, CanFetchFromAPeerThatConnectedAndThatNobodyToldOf) {
  paths_.set_connected(kStart, peer(1), true, Found::kInbound);
  paths_.want(kStart, {{peer(1), false}});
  const auto actions = drain();
  ASSERT_THAT(actions, SizeIs(1));
  EXPECT_EQ(std::get<Open>(actions[0].action).rung, Rung::kDirect);
}

const Endpoint kNear{IpAddress::v4(192, 168, 1, 7), 4001};
const IpNetwork kOurs{IpAddress::v4(192, 168, 1, 2), 24};

class PathPathsInANetwork : public PathPaths {
 protected:
  explicit PathPathsInANetwork(const RungSet& allowed = rungs_of({Rung::kLan, Rung::kDirect}))
      : paths_(allowed, random_) {
    paths_.set_networks(kStart, {kOurs});
  }
  /// What is opened once `peer(1)` is wanted.
  std::optional<Open> opened() {
    paths_.want(kStart, {{peer(1), false}});
    auto action = paths_.poll_action();
    return action ? std::optional(std::get<Open>(action->action)) : std::nullopt;
  }
  Paths paths_;
};

TEST_F(PathPathsInANetwork, TriesTheNearAddressFirstAndCallsWhatOpensByWhereItRuns) {
  Contact registered = contact(1, 1, {});
  registered.tcp = {kHome};
  paths_.learn(kStart, registered);
  paths_.learn(kStart, peer(1), Found::kLan, {kNear});
  const auto open = opened();
  ASSERT_TRUE(open);
  EXPECT_EQ(std::get<DirectTarget>(open->target).tcp, (std::vector{kNear, kHome}));
  paths_.handle_open(kStart, open->path, 1ms, kNear.address);
  EXPECT_EQ(paths_.ladder(peer(1))->best(kStart)->rung, Rung::kLan);
  paths_.handle_delivered(kStart, open->path, 100);
  EXPECT_EQ(paths_.ladder(peer(1))->view()[index_of(Rung::kLan)].bytes, 100U);
  EXPECT_EQ(paths_.ladder(peer(1))->view()[index_of(Rung::kDirect)].bytes, 0U);
}

TEST_F(PathPathsInANetwork, RacesQuicToANeighbourTheNearAddressFirst) {
  Contact registered = contact(1, 1, {});
  registered.quic = {kHome};
  paths_.learn(kStart, registered);
  paths_.learn(kStart, peer(1), Found::kLan, {}, {kNear});
  const auto open = opened();
  ASSERT_TRUE(open);
  EXPECT_EQ(std::get<DirectTarget>(open->target).quic, (std::vector{kNear, kHome}));
  EXPECT_EQ(open->rung, Rung::kLan);
}

TEST_F(PathPathsInANetwork, CallsTheSamePeerDirectWhereTheFarAddressAnswered) {
  paths_.learn(kStart, peer(1), Found::kLan, {kNear});
  const auto open = opened();
  paths_.handle_open(kStart, open->path, 1ms, kHome.address);
  EXPECT_EQ(paths_.ladder(peer(1))->best(kStart)->rung, Rung::kDirect);
}

TEST_F(PathPathsInANetwork, KnowsANearAddressAlsoWhenABootstrapTellsIt) {
  Contact registered = contact(1, 1, {});
  registered.tcp = {kHome, kNear};
  paths_.learn(kStart, registered);
  EXPECT_EQ(std::get<DirectTarget>(opened()->target).tcp.front(), kNear);
}

TEST_F(PathPathsInANetwork, JudgesAnewWhereItIsWhenItMoves) {
  paths_.learn(kStart, peer(1), Found::kLan, {kNear});
  paths_.set_networks(kStart, {{IpAddress::v4(10, 0, 0, 2), 8}});
  EXPECT_EQ(opened()->rung, Rung::kDirect);
}

class PathPathsWithoutLan : public PathPathsInANetwork {
 protected:
  PathPathsWithoutLan() : PathPathsInANetwork(rungs_of({Rung::kDirect})) {}
};

TEST_F(PathPathsWithoutLan, DialsNoNearAddressAndUsesNoNearConnection) {
  paths_.learn(kStart, peer(1), Found::kLan, {kNear});
  paths_.set_connected(kStart, peer(1), true, Found::kInbound, kNear.address);
  EXPECT_FALSE(opened());
  paths_.learn(kStart, peer(1), Found::kDht, {kHome});
  const auto open = paths_.poll_action();
  ASSERT_TRUE(open);
  EXPECT_EQ(std::get<DirectTarget>(std::get<Open>(open->action).target).tcp, (std::vector{kHome}));
  paths_.handle_open(kStart, std::get<Open>(open->action).path, 1ms, kNear.address);
  EXPECT_FALSE(paths_.ladder(peer(1))->best(kStart)) << "the host gave us the connection that stands";
}

TEST_F(PathPaths, ForgetsNoPeerThatIsConnectedToMakeRoom) {
  for (std::size_t n = 0; n < kMaxLadders; ++n) paths_.set_connected(kStart, peer(n), true, Found::kInbound);
  EXPECT_FALSE(paths_.learn(kStart, peer(kMaxLadders), Found::kDht, {kHome}));
  paths_.set_connected(kStart, peer(7), false, Found::kInbound);
  EXPECT_TRUE(paths_.learn(kStart, peer(kMaxLadders), Found::kDht, {kHome}));
  EXPECT_EQ(paths_.ladder(peer(7)), nullptr);
}

TEST_F(PathPaths, SendsWhatHappensToAPathToItsLadder) {
  paths_.learn(kStart, contact(1, 1, {kHome}));
  paths_.learn(kStart, contact(2, 1, {kMoved}));
  paths_.want(kStart, {{peer(1), false}, {peer(2), false}});
  const auto actions = drain();
  ASSERT_THAT(actions, SizeIs(2));
  paths_.handle_open(kStart, std::get<Open>(actions[1].action).path, 5ms);
  EXPECT_FALSE(paths_.ladder(peer(1))->best(kStart));
  EXPECT_TRUE(paths_.ladder(peer(2))->best(kStart));
}

TEST_F(PathPaths, GivesEveryPathItsOwnName) {
  std::set<PathId> names;
  for (std::size_t n = 1; n <= 20; ++n) {
    paths_.learn(kStart, contact(n, 1, {kHome, kMoved}));
    paths_.want(kStart, {{peer(n), false}});
    for (const PeerAction& action : drain()) {
      const auto* open = std::get_if<Open>(&action.action);
      ASSERT_TRUE(open == nullptr || names.insert(open->path).second);
    }
  }
}

TEST_F(PathPaths, ReleasesThoseThatAreNoLongerWanted) {
  paths_.learn(kStart, contact(1, 1, {kHome}));
  paths_.want(kStart, {{peer(1), false}});
  paths_.want(kStart, {});
  EXPECT_EQ(paths_.ladder(peer(1))->standing(), Standing::kIdle);
  EXPECT_TRUE(std::holds_alternative<Close>(drain().back().action));
}

TEST_F(PathPaths, BelievesTheLatestRegistrationAndJoinsEqualOnes) {
  paths_.learn(kStart, contact(1, 5, {kHome}));
  paths_.learn(kStart, contact(1, 4, {kMoved}, 1));
  EXPECT_THAT(paths_.ladder(peer(1))->endpoints(), testing::ElementsAre(kHome));
  paths_.learn(kStart, contact(1, 5, {kMoved}, 1));
  EXPECT_THAT(paths_.ladder(peer(1))->endpoints(), testing::ElementsAre(kHome, kMoved));
  paths_.learn(kStart, contact(1, 6, {kMoved}));
  EXPECT_THAT(paths_.ladder(peer(1))->endpoints(), testing::ElementsAre(kMoved));
}

TEST_F(PathPaths, MeetsNobodyAtABootstrapThatIsGone) {
  paths_.learn(kStart, contact(1, 1, {}));
  paths_.want(kStart, {{peer(1), true}});
  EXPECT_THAT(drain(), SizeIs(1));
  paths_.handle_bootstrap_gone(kStart, 0);
  EXPECT_EQ(paths_.ladder(peer(1))->standing(), Standing::kNoWay);
}

TEST_F(PathPaths, RemembersNoMorePeersThanItsLimit) {
  for (std::size_t n = 0; n < kMaxLadders + 10; ++n) EXPECT_TRUE(paths_.learn(kStart, contact(n, 1, {kHome})));
  EXPECT_EQ(paths_.ladders().size(), kMaxLadders);
}

TEST_F(PathPaths, MakesNoRoomAtTheCostOfAPeerInUse) {
  std::map<PeerId, bool> all;
  for (std::size_t n = 0; n < kMaxLadders; ++n) {
    paths_.learn(kStart, contact(n, 1, {kHome}));
    all[peer(n)] = false;
  }
  paths_.want(kStart, all);
  EXPECT_FALSE(paths_.learn(kStart, contact(kMaxLadders, 1, {kHome})));
}

TEST_F(PathPaths, ServesAPeerThatOffersASession) {
  RelayTarget target;
  target.role = Role::kResponder;
  EXPECT_TRUE(paths_.serve(kStart, peer(1), target));
  const auto actions = drain();
  ASSERT_THAT(actions, SizeIs(1));
  EXPECT_EQ(std::get<RelayTarget>(std::get<Open>(actions[0].action).target).role, Role::kResponder);
  EXPECT_EQ(paths_.serving(peer(1)), 1U);
  paths_.handle_closed(kStart, std::get<Open>(actions[0].action).path, {});
  EXPECT_EQ(paths_.serving(peer(1)), 0U);
}

TEST_F(PathPaths, ReplacesAPeersOldestSessionWhenItOffersTooMany) {
  RelayTarget target;
  target.role = Role::kResponder;
  for (std::size_t i = 0; i < 2 * kMaxServedPathsPerPeer; ++i) EXPECT_TRUE(paths_.serve(kStart, peer(1), target));
  EXPECT_EQ(paths_.serving(peer(1)), kMaxServedPathsPerPeer);
}

TEST_F(PathPaths, ServesNoMoreThanItsLimit) {
  RelayTarget target;
  target.role = Role::kResponder;
  for (std::size_t n = 0; n < kMaxServedPaths; ++n) EXPECT_TRUE(paths_.serve(kStart, peer(n), target));
  EXPECT_FALSE(paths_.serve(kStart, peer(kMaxServedPaths), target));
}

TEST_F(PathPaths, GivesUpASessionItsShellNeverOpened) {
  RelayTarget target;
  target.role = Role::kResponder;
  paths_.serve(kStart, peer(1), target);
  (void)drain();
  ASSERT_EQ(paths_.poll_timeout(), kStart.mono + kRelayAttemptLimit);
  paths_.handle_timeout(after(kRelayAttemptLimit));
  EXPECT_EQ(paths_.serving(), 0U);
  EXPECT_THAT(drain(), SizeIs(1));
}

TEST_F(PathPaths, IgnoresNewsOfPathsItDoesNotKnow) {
  paths_.handle_open(kStart, PathId{77}, 1ms);
  paths_.handle_closed(kStart, PathId{77}, {});
  paths_.handle_delivered(kStart, PathId{77}, 1);
  paths_.handle_fetch_ended(kStart, PathId{77}, 1);
  paths_.demote(kStart, PathId{77}, {});
  paths_.handle_grant(kStart, peer(5), {});
  EXPECT_FALSE(paths_.poll_action());
}

}  // namespace
}  // namespace turnpike::path
