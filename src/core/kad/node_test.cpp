#include "core/kad/node.h"

#include <gtest/gtest.h>

#include "core/kad/node_network.h"

namespace turnpike::kad {
namespace {

using namespace std::chrono_literals;

Digest store(std::uint32_t number) {
  Bytes bytes;
  ByteWriter(bytes).u32(number);
  return crypto::sha256(bytes);
}

NodeNetwork network_of_nodes(std::size_t count) {
  NodeNetwork network;
  network.add();
  for (std::size_t i = 1; i < count; ++i) network.add(i / 2);
  network.run(10s);
  return network;
}

std::vector<identity::AnyPeerId> found_by(NodeNetwork& network, std::size_t who, const Digest& what) {
  network[who].found.clear();
  network.tell(who, [&](Node& node, Instant now) { (void)node.find(now, what); });
  network.run(kLookupTime);
  std::vector<identity::AnyPeerId> out;
  for (const FoundProvider& found : network[who].found) {
    EXPECT_EQ(found.store, what);
    out.push_back(found.provider.id);
  }
  return out;
}

TEST(KadNode, FindsWhoOffersAStoreThroughPeersItNeverMet) {
  NodeNetwork network = network_of_nodes(30);
  network.tell(7, [](Node& node, Instant now) { node.offer(now, store(1)); });
  network.run(10s);
  const std::size_t newcomer = network.add(29);
  network.run(5s);
  EXPECT_EQ(found_by(network, newcomer, store(1)), std::vector{peer_id(7)});
  ASSERT_EQ(network[newcomer].ended.size(), 1U);
  EXPECT_EQ(network[newcomer].ended[0].providers, 1U);
}

TEST(KadNode, SaysSoWhenNobodyHasAStore) {
  NodeNetwork network = network_of_nodes(10);
  EXPECT_TRUE(found_by(network, 3, store(9)).empty());
  ASSERT_EQ(network[3].ended.size(), 1U);
  EXPECT_EQ(network[3].ended[0].providers, 0U);
  EXPECT_FALSE(network[3].ended[0].cut_short);
}

TEST(KadNode, ThreeHomesOfWhomTwoNeverMetFindEachOther) {
  NodeNetwork network;
  for (int i = 0; i < 3; ++i) network.add();
  network.meet(0, 1);
  network.meet(1, 2);
  network.run(1min);
  network.tell(0, [](Node& node, Instant now) { node.offer(now, store(1)); });
  network.run(1min);
  EXPECT_EQ(found_by(network, 2, store(1)), std::vector{peer_id(0)});
}

TEST(KadNode, FindsAStoreThoughHalfOfTheNetworkHasGone) {
  NodeNetwork network = network_of_nodes(30);
  network.tell(7, [](Node& node, Instant now) { node.offer(now, store(1)); });
  network.run(10s);
  for (std::size_t i = 0; i < 30; i += 2) network[i].alive = false;
  EXPECT_EQ(found_by(network, 17, store(1)), std::vector{peer_id(7)});
}

TEST(KadNode, LooksForNothingBeforeItKnowsAnybodyAndThenAtOnce) {
  NodeNetwork network = network_of_nodes(5);
  network.tell(2, [](Node& node, Instant now) { node.offer(now, store(1)); });
  network.run(1min);
  const std::size_t alone = network.add();
  network.tell(alone, [](Node& node, Instant now) { EXPECT_TRUE(node.find(now, store(1))); });
  network.run(1h);
  EXPECT_TRUE(network[alone].ended.empty());
  network.meet(alone, 4);
  network.run(5s);
  ASSERT_EQ(network[alone].found.size(), 1U);
  EXPECT_EQ(network[alone].found[0].provider, peer(2));
}

TEST(KadNode, TellsNobodyOfAStoreThatIsWithdrawn) {
  NodeNetwork network = network_of_nodes(10);
  const std::size_t there = network[3].node->records();
  network.tell(7, [](Node& node, Instant now) {
    node.offer(now, store(1));
    node.withdraw(store(1));
  });
  network.run(1h);
  EXPECT_EQ(network[3].node->records(), there);
}

TEST(KadNode, AnnouncesNothingWithoutAnAddress) {
  NodeNetwork network = network_of_nodes(10);
  network.tell(7, [](Node& node, Instant now) {
    node.set_addresses(now, {});
    node.offer(now, store(1));
  });
  network.run(1h);
  EXPECT_EQ(network.count().by_type[Type::kAddProvider], 0U);
  network.tell(7, [](Node& node, Instant now) { node.set_addresses(now, peer(7).addresses); });
  network.run(1min);
  EXPECT_EQ(network.count().by_type[Type::kAddProvider], 9U);
}

TEST(KadNode, TellsAllAnewWhenItsAddressHasChanged) {
  NodeNetwork network = network_of_nodes(10);
  network.tell(7, [](Node& node, Instant now) { node.offer(now, store(1)); });
  network.run(10s);
  network.tell(7, [](Node& node, Instant now) { node.set_addresses(now, peer(70).addresses); });
  network.run(1min);
  network.tell(3, [](Node& node, Instant now) { (void)node.find(now, store(1)); });
  network.run(1min);
  ASSERT_FALSE(network[3].found.empty());
  EXPECT_EQ(network[3].found[0].provider.addresses, peer(70).addresses);
}

TEST(KadNode, TellsAgainBeforeTheRecordsExpire) {
  NodeNetwork network = network_of_nodes(4);
  network.tell(2, [](Node& node, Instant now) { node.offer(now, store(1)); });
  network.run(kProviderExpiry + 1h);
  EXPECT_EQ(found_by(network, 3, store(1)), std::vector{peer_id(2)});
  network.tell(2, [](Node& node, Instant) { node.withdraw(store(1)); });
  network.run(kProviderExpiry + 1h);
  EXPECT_TRUE(found_by(network, 3, store(1)).empty());
}

TEST(KadNode, FloodsNobodyWithTenThousandStores) {
  NodeNetwork network = network_of_nodes(24);
  network.tell(7, [](Node& node, Instant now) {
    for (std::uint32_t i = 0; i < 10'000; ++i) node.offer(now, store(i));
  });
  network.count() = {};
  network.run(3min);
  const std::uint64_t announced = network.count().by_type[Type::kAddProvider];
  const std::uint64_t most = kReplication * (kTellBurst + 3min / kTellGap + 1);
  EXPECT_LE(announced, most);
  EXPECT_GE(announced, most / 2);
  EXPECT_LE(network.busiest(), kMaxAsks);
  EXPECT_GT(kReprovide / kTellGap, 20'000) << "the largest node there may be is done before it begins again";
}

TEST(KadNode, TellsEverybodyOfManyStoresAtOnceWhereTheNetworkIsSmall) {
  NodeNetwork network = network_of_nodes(6);
  network.tell(1, [](Node& node, Instant now) {
    for (std::uint32_t i = 0; i < 1'000; ++i) node.offer(now, store(i));
  });
  network.run(1min);
  for (const std::size_t who : {0U, 2U, 3U, 4U, 5U}) EXPECT_EQ(network[who].node->records(), 1'000U) << who;
}

TEST(KadNode, TakesSoManyLookupsAndNoMore) {
  NodeNetwork network;
  network.add();
  network.tell(0, [](Node& node, Instant now) {
    for (std::uint32_t i = 0; i < kMaxWaiting; ++i) ASSERT_TRUE(node.find(now, store(i)));
    EXPECT_FALSE(node.find(now, store(kMaxWaiting)));
    EXPECT_FALSE(node.find(now, store(0))) << "it waits already";
  });
}

TEST(KadNode, LooksAStoreUpAgainOnlyAfterAWhile) {
  NodeNetwork network = network_of_nodes(5);
  network.tell(1, [](Node& node, Instant now) { EXPECT_TRUE(node.find(now, store(1))); });
  network.run(kFindAgain - 1s);
  network.tell(1, [](Node& node, Instant now) { EXPECT_FALSE(node.find(now, store(1))); });
  network.run(2s);
  network.tell(1, [](Node& node, Instant now) { EXPECT_TRUE(node.find(now, store(1))); });
}

TEST(KadNode, LooksEverMoreRarelyForWhatNobodyHas) {
  NodeNetwork network = network_of_nodes(5);
  std::size_t looked = 0;
  for (Duration passed{}; passed < 2h; passed += 10s) {
    network.tell(1, [&](Node& node, Instant now) { looked += node.find(now, store(1)) ? 1U : 0U; });
    network.run(10s);
  }
  EXPECT_GE(looked, 2h / kFindAgainLimit);
  EXPECT_LE(looked, 2h / kFindAgainLimit + 8);
}

TEST(KadNode, HasNobodyInItsTableWhoDoesNotServe) {
  NodeNetwork network = network_of_nodes(5);
  const std::size_t client = network.add();
  network[client].serves = false;
  network.meet(client, 2);
  EXPECT_FALSE(network[2].node->table().contains(network[client].peer.id));
  network[client].serves = true;
  network.meet(client, 2);
  EXPECT_TRUE(network[2].node->table().contains(network[client].peer.id));
  network[client].serves = false;
  network.meet(client, 2);
  EXPECT_FALSE(network[2].node->table().contains(network[client].peer.id)) << "it said that it serves no longer";
}

TEST(KadNode, AsksSilentPeersWhetherTheyLiveAndTellsOthersOfThoseWhoDo) {
  NodeNetwork network = network_of_nodes(5);
  network[3].alive = false;
  network.run(kUnheard + kRefresh + 1min);
  EXPECT_GT(network.count().by_type[Type::kPing] + network.count().by_type[Type::kFindNode], 0U);
  const auto told = network[1].node->table().lively(Place::of(peer_id(3)), kReplication, peer_id(1));
  EXPECT_EQ(std::ranges::find(told, peer_id(3), &Peer::id), told.end());
  EXPECT_EQ(told.size(), 3U);
}

TEST(KadNode, GoesOnWhenNobodyEverAnswers) {
  SeededRandom random(1);
  Instant now(1h);
  Node node(now, peer_id(0), random);
  node.set_addresses(now, peer(0).addresses);
  node.handle_peer(now, peer(1), address_of(1), true);
  node.offer(now, store(1));
  ASSERT_TRUE(node.find(now, store(2)));
  std::size_t asked = 0;
  for (const Instant end = now + 2h; now < end;) {
    while (node.poll_ask(now)) ++asked;
    ASSERT_LE(node.asks(), kMaxAsks);
    const auto next = node.poll_timeout();
    ASSERT_TRUE(next);
    ASSERT_GE(*next, now) << "it would never sleep";
    now = std::max(*next, now + Duration(1));
    node.handle_timeout(now);
  }
  EXPECT_GT(asked, 30U) << "it goes on trying";
  EXPECT_LT(asked, 300U);
}

}  // namespace
}  // namespace turnpike::kad
