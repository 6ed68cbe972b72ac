#include "core/kad/lookup.h"

#include <gtest/gtest.h>

#include "core/kad/kad_test_support.h"
#include "core/kad/table.h"

namespace turnpike::kad {
namespace {

constexpr Instant kStart{std::chrono::seconds(10)};
const Bytes kKey = provider_key(Digest{42});
const IpAddress kWorld = IpAddress::v4(8, 8, 8, 8);
const IpAddress kNextDoor = IpAddress::v4(192, 168, 1, 9);

std::vector<Peer> peers_by_distance(std::uint32_t count) {
  std::vector<Peer> out;
  for (std::uint32_t i = 1; i <= count; ++i) out.push_back(peer(i));
  std::ranges::sort(
      out, [](const Peer& a, const Peer& b) { return is_closer(Place::of(kKey), Place::of(a.id), Place::of(b.id)); });
  return out;
}

Message answer(std::vector<Peer> closer, std::vector<Peer> providers = {}) {
  return {Type::kGetProviders, kKey, std::move(closer), std::move(providers)};
}

TEST(KadLookup, FindsTheClosestOfAWholeNetworkAndTheProviderThere) {
  constexpr std::uint32_t kNodes = 200;
  const auto order = peers_by_distance(kNodes);
  std::map<identity::AnyPeerId, Table> network;
  for (const Peer& node : order) {
    Table table(node.id);
    for (std::uint32_t i = 1; i <= kNodes; ++i) table.add(kStart, {peer(i), network_of(address_of(i))});
    network.emplace(node.id, std::move(table));
  }
  Lookup lookup(kStart, peer_id(0), kKey, {order.back()});
  while (!lookup.is_over()) {
    const auto question = lookup.poll_question(kStart);
    ASSERT_TRUE(question);
    const bool holder = question->peer.id == order[0].id;
    lookup.handle_answer(kStart, question->peer.id, kWorld,
                         answer(network.at(question->peer.id).closest(Place::of(kKey), kReplication),
                                holder ? std::vector{peer(9000)} : std::vector<Peer>{}));
  }
  EXPECT_EQ(lookup.closest(), std::vector(order.begin(), order.begin() + kReplication));
  EXPECT_EQ(lookup.poll_found(), peer(9000));
  EXPECT_FALSE(lookup.poll_found());
  EXPECT_FALSE(lookup.is_cut_short());
  EXPECT_LE(lookup.questions(), 40U);
}

TEST(KadLookup, AsksThreeAtOnce) {
  const auto order = peers_by_distance(10);
  Lookup lookup(kStart, peer_id(0), kKey, order);
  for (std::size_t i = 0; i < kParallel; ++i) EXPECT_EQ(lookup.poll_question(kStart)->peer, order[i]);
  EXPECT_FALSE(lookup.poll_question(kStart));
  lookup.handle_failure(kStart, order[1].id);
  EXPECT_EQ(lookup.poll_question(kStart)->peer, order[3]);
}

TEST(KadLookup, LeavesASilentPeerAfterItsTime) {
  const auto order = peers_by_distance(4);
  Lookup lookup(kStart, peer_id(0), kKey, order);
  for (std::size_t i = 0; i < kParallel; ++i) ASSERT_TRUE(lookup.poll_question(kStart));
  EXPECT_EQ(lookup.poll_timeout(), kStart + kQuestionTime);
  lookup.handle_timeout(kStart + kQuestionTime);
  EXPECT_EQ(lookup.poll_question(kStart + kQuestionTime)->peer, order[3]);
  lookup.handle_answer(kStart + kQuestionTime, order[0].id, kWorld, answer({}, {peer(77)}));
  EXPECT_FALSE(lookup.poll_found()) << "its time was up";
}

TEST(KadLookup, TakesNoAnswerThatComesLateThoughNobodyHasSaidThatTimeIsUp) {
  const auto order = peers_by_distance(2);
  Lookup lookup(kStart, peer_id(0), kKey, order);
  ASSERT_TRUE(lookup.poll_question(kStart));
  lookup.handle_answer(kStart + kQuestionTime, order[0].id, kWorld, answer({}, {peer(77)}));
  EXPECT_FALSE(lookup.poll_found());
  EXPECT_TRUE(lookup.closest().empty());
}

TEST(KadLookup, EndsAtItsDeadlineWithWhatItHas) {
  const auto order = peers_by_distance(40);
  Lookup lookup(kStart, peer_id(0), kKey, order);
  ASSERT_TRUE(lookup.poll_question(kStart));
  lookup.handle_answer(kStart, order[0].id, kWorld, answer({}, {peer(77)}));
  lookup.handle_timeout(kStart + kLookupTime);
  EXPECT_TRUE(lookup.is_over());
  EXPECT_TRUE(lookup.is_cut_short());
  EXPECT_EQ(lookup.found(), std::vector{peer(77)});
  EXPECT_FALSE(lookup.poll_question(kStart + kLookupTime));
  EXPECT_FALSE(lookup.poll_timeout());
}

TEST(KadLookup, EndsAtOnceWithNobodyToAsk) {
  Lookup lookup(kStart, peer_id(0), kKey, {peer(0)});
  EXPECT_TRUE(lookup.is_over()) << "it does not ask itself";
}

TEST(KadLookup, IgnoresPeersFartherThanTheOneThatNamesThem) {
  const auto order = peers_by_distance(60);
  Lookup lookup(kStart, peer_id(0), kKey, {order.begin() + 30, order.begin() + 50});  // 20 known
  const auto question = lookup.poll_question(kStart);
  ASSERT_EQ(question->peer, order[30]);
  lookup.handle_answer(kStart, order[30].id, kWorld, answer({order[55], order[56], order[0]}));
  std::vector<Peer> asked;
  while (auto next = lookup.poll_question(kStart)) {
    asked.push_back(next->peer);
    lookup.handle_failure(kStart, next->peer.id);
  }
  EXPECT_NE(std::ranges::find(asked, order[0]), asked.end());
  EXPECT_EQ(std::ranges::find(asked, order[55]), asked.end());
  EXPECT_EQ(std::ranges::find(asked, order[56]), asked.end());
}

TEST(KadLookup, TakesNoMoreProvidersOfAnAnswerThanTheLimit) {
  Lookup lookup(kStart, peer_id(0), kKey, {peer(1)});
  ASSERT_TRUE(lookup.poll_question(kStart));
  std::vector<Peer> many;
  for (std::uint32_t i = 0; i < 10'000; ++i) many.push_back(peer(100 + i));
  lookup.handle_answer(kStart, peer_id(1), kWorld, answer({}, many));
  EXPECT_EQ(lookup.found().size(), kMaxPeers);
}

TEST(KadLookup, TakesNoMorePeersOfAnAnswerThanTheLimit) {
  const auto order = peers_by_distance(1000);
  Lookup lookup(kStart, peer_id(0), kKey, {order.back()});
  ASSERT_TRUE(lookup.poll_question(kStart));
  lookup.handle_answer(kStart, order.back().id, kWorld, answer({order.begin(), order.end() - 1}));
  std::size_t asked = 0;
  while (auto next = lookup.poll_question(kStart)) {
    ++asked;
    lookup.handle_failure(kStart, next->peer.id);
  }
  EXPECT_EQ(asked, kMaxPeers);
}

TEST(KadLookup, DialsNoPrivateAddressOnAStrangersWord) {
  const auto order = peers_by_distance(3);
  Peer inside = order[0];
  inside.addresses = {multiaddr::Multiaddr::tcp({IpAddress::v4(192, 168, 1, 1), 80})};
  Lookup lookup(kStart, peer_id(0), kKey, {order[2]});
  ASSERT_TRUE(lookup.poll_question(kStart));
  lookup.handle_answer(kStart, order[2].id, kWorld, answer({inside}, {inside}));
  EXPECT_TRUE(lookup.is_over()) << "nobody was worth asking";
  EXPECT_TRUE(lookup.poll_found()->addresses.empty());

  Lookup at_home(kStart, peer_id(0), kKey, {order[2]});
  ASSERT_TRUE(at_home.poll_question(kStart));
  at_home.handle_answer(kStart, order[2].id, kNextDoor, answer({inside}));
  EXPECT_EQ(at_home.poll_question(kStart)->peer, inside) << "a neighbour tells of neighbours";
}

TEST(KadLookup, FollowsFewOfOneNetworkHoweverManyIdsItHas) {
  const auto order = peers_by_distance(40);
  std::vector<Peer> sybils;
  for (std::size_t i = 0; i < kMaxPeers; ++i) {
    sybils.push_back({order[i].id, {multiaddr::Multiaddr::tcp({IpAddress::v4(44, 1, 1, 1), 4001})}});
  }
  Lookup lookup(kStart, peer_id(0), kKey, {order.back()});
  ASSERT_TRUE(lookup.poll_question(kStart));
  lookup.handle_answer(kStart, order.back().id, kWorld, answer(sybils));
  std::size_t asked = 0;
  while (auto next = lookup.poll_question(kStart)) {
    ++asked;
    lookup.handle_failure(kStart, next->peer.id);
  }
  EXPECT_EQ(asked, kMaxCandidatesPerNetwork);
}

TEST(KadLookup, DoesNotFollowALiarForEver) {
  Lookup lookup(kStart, peer_id(0), kKey, {peer(1)});
  std::uint32_t next = 2;
  while (auto question = lookup.poll_question(kStart)) {
    std::vector<Peer> invented;
    for (std::size_t i = 0; i < kMaxPeers; ++i) invented.push_back(peer(next++));
    lookup.handle_answer(kStart, question->peer.id, kWorld, answer(invented));
    ASSERT_LE(lookup.questions(), kMaxQuestions);
  }
  EXPECT_TRUE(lookup.is_over());
}

TEST(KadLookup, HoldsSoManyProviders) {
  const auto order = peers_by_distance(20);
  Lookup lookup(kStart, peer_id(0), kKey, order);
  std::uint32_t next = 1000;
  while (auto question = lookup.poll_question(kStart)) {
    std::vector<Peer> invented;
    for (std::size_t i = 0; i < kMaxPeers; ++i) invented.push_back(peer(next++));
    lookup.handle_answer(kStart, question->peer.id, kWorld, answer({}, invented));
  }
  EXPECT_EQ(lookup.found().size(), kMaxFound);
}

TEST(KadLookup, TakesNothingFromWhoWasNotAskedOrAnswersSomethingElse) {
  const auto order = peers_by_distance(2);
  Lookup lookup(kStart, peer_id(0), kKey, order);
  ASSERT_TRUE(lookup.poll_question(kStart));
  lookup.handle_answer(kStart, peer_id(500), kWorld, answer({}, {peer(77)}));
  Message other = answer({}, {peer(78)});
  other.type = Type::kFindNode;
  lookup.handle_answer(kStart, order[0].id, kWorld, other);
  lookup.handle_answer(kStart, order[0].id, kWorld, answer({}, {peer(79)}));
  EXPECT_FALSE(lookup.poll_found());
  EXPECT_TRUE(lookup.closest().empty());
}

}  // namespace
}  // namespace turnpike::kad
