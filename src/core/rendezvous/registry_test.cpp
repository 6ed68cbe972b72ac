#include "core/rendezvous/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace turnpike::rendezvous {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

Now at(Duration since_start) {
  const auto ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(since_start).count());
  return {Instant{since_start}, WallTime{1'795'000'000'000 + ms}};
}

Digest digest(std::size_t n) {
  Digest out{};
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(n >> (8 * i));
  return out;
}
PeerId peer(std::size_t n) { return {digest(n)}; }
store::StoreId id(std::size_t n) { return {digest(n)}; }
Entry entry(std::size_t n, std::uint64_t size = 100) { return {id(n), {size, digest(n + size)}}; }
// Each in a /24 of its own.
IpAddress home(std::size_t n) {
  return IpAddress::v4(60, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n), 7);
}

struct RegistryTest : testing::Test {
  SeededRandom random{1};
  Registry registry{random};
  std::uint64_t seq = at(0s).wall.unix_ms;
  Asker stranger{home(50'000), std::nullopt};

  Status<RegistryError> put(std::size_t n, std::vector<Entry> stores, Duration when = 0s,
                            std::vector<Endpoint> http = {}) {
    return registry.put(at(when), peer(n), home(n), ++seq, {std::move(http), std::move(stores)});
  }
  std::vector<PeerId> holders(std::size_t store) {
    std::vector<PeerId> out;
    for (const Announcer& each : registry.lookup(id(store), stranger).announcers) out.push_back(each.peer);
    return out;
  }
};

TEST_F(RegistryTest, FindsWhoHoldsAStore) {
  ASSERT_TRUE(put(1, {entry(10), entry(11)}));
  ASSERT_TRUE(put(2, {entry(11)}));
  EXPECT_THAT(holders(10), ElementsAre(peer(1)));
  EXPECT_THAT(holders(11), UnorderedElementsAre(peer(1), peer(2)));
  EXPECT_THAT(holders(12), IsEmpty());
  const Announcer announcer = registry.lookup(id(10), stranger).announcers.front();
  EXPECT_EQ(announcer.content, entry(10).content);
  EXPECT_EQ(announcer.observed, home(1));
  EXPECT_EQ(announcer.seq, seq - 1);
  EXPECT_FALSE(announcer.connected);
}

TEST_F(RegistryTest, TellsWhatOnePeerHolds) {
  const Endpoint inside{IpAddress::v4(192, 168, 1, 2), 5001};
  const Endpoint outside{IpAddress::v4(60, 0, 1, 7), 5001};
  ASSERT_TRUE(put(1, {entry(10), entry(11)}, 0s, {inside, outside}));
  ASSERT_TRUE(put(2, {entry(11, 7)}));
  registry.set_connected(peer(2), true);
  EXPECT_THAT(registry.held_by(peer(1), id(11), stranger)->http, IsEmpty()) << "not proved yet";
  registry.prove(peer(1), {ServiceKind::kHttp, outside}, at(1h).mono);
  const auto first = registry.held_by(peer(1), id(11), stranger);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->content, entry(11).content);
  EXPECT_THAT(first->http, ElementsAre(outside)) << "as this asker may see it";
  EXPECT_FALSE(first->connected);
  const auto second = registry.held_by(peer(2), id(11), stranger);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->content, entry(11, 7).content) << "its own, not what others hold by that id";
  EXPECT_TRUE(second->connected);
  EXPECT_FALSE(registry.held_by(peer(2), id(10), stranger));
  EXPECT_FALSE(registry.held_by(peer(3), id(10), stranger));
  EXPECT_THAT(registry.stores_of(peer(1), 9), UnorderedElementsAre(id(10), id(11)));
  EXPECT_THAT(registry.stores_of(peer(1), 1), SizeIs(1));
  EXPECT_THAT(registry.stores_of(peer(3), 9), IsEmpty());
}

TEST_F(RegistryTest, ReplacesARegistrationByALaterOne) {
  ASSERT_TRUE(put(1, {entry(10), entry(11)}));
  ASSERT_TRUE(put(1, {entry(11), entry(12)}));
  EXPECT_THAT(holders(10), IsEmpty());
  EXPECT_THAT(holders(11), ElementsAre(peer(1)));
  EXPECT_THAT(holders(12), ElementsAre(peer(1)));
  EXPECT_EQ(registry.content_count(), 2U);
  EXPECT_EQ(registry.entry_count(), 2U);
}

TEST_F(RegistryTest, RefusesASequenceThatDoesNotRise) {
  ASSERT_TRUE(put(1, {entry(10)}));
  const Registration other{{}, {entry(11)}};
  for (const std::uint64_t stale : {seq, seq - 1}) {
    const auto result = registry.put(at(1s), peer(1), home(1), stale, other);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), RegistryError::kReplayed);
  }
  EXPECT_THAT(holders(10), ElementsAre(peer(1)));
}

TEST_F(RegistryTest, RefusesAReplayEvenAfterTheRegistrationLapsed) {
  ASSERT_TRUE(put(1, {entry(10)}));
  registry.handle_timeout(at(kRegistrationLifetime).mono);
  ASSERT_EQ(registry.peer_count(), 0U);
  EXPECT_EQ(registry.put(at(kRegistrationLifetime), peer(1), home(1), seq, {{}, {entry(10)}}).error(),
            RegistryError::kReplayed);
}

TEST_F(RegistryTest, ForgetsWhoIsNotHeardOf) {
  ASSERT_TRUE(put(1, {entry(10)}, 0s));
  ASSERT_TRUE(put(2, {entry(10)}, 1s));
  EXPECT_EQ(registry.poll_timeout(), at(kRegistrationLifetime).mono);
  EXPECT_TRUE(registry.refresh(at(2s).mono, peer(1)));
  EXPECT_EQ(registry.poll_timeout(), at(1s + kRegistrationLifetime).mono);
  registry.handle_timeout(at(1s + kRegistrationLifetime).mono);
  EXPECT_THAT(holders(10), ElementsAre(peer(1)));
  registry.handle_timeout(at(2s + kRegistrationLifetime).mono);
  EXPECT_THAT(holders(10), IsEmpty());
  EXPECT_FALSE(registry.refresh(at(2s + kRegistrationLifetime).mono, peer(1)));
  EXPECT_FALSE(registry.poll_timeout());
  EXPECT_EQ(registry.content_count(), 0U);
  EXPECT_EQ(registry.store_count(), 0U);
}

TEST_F(RegistryTest, AnswersDifferentContentsSideBySide) {
  ASSERT_TRUE(put(1, {entry(10, 100)}));
  ASSERT_TRUE(put(2, {entry(10, 200)}));
  std::vector<std::uint64_t> sizes;
  for (const Announcer& each : registry.lookup(id(10), stranger).announcers) sizes.push_back(each.content.size);
  EXPECT_THAT(sizes, UnorderedElementsAre(100U, 200U));
  EXPECT_EQ(registry.store_count(), 1U);
  EXPECT_EQ(registry.content_count(), 2U);
}

TEST_F(RegistryTest, ShowsAWellHeldContentThroughAFloodOfLoneOnes) {
  for (std::size_t n = 0; n < 50; ++n) ASSERT_TRUE(put(n, {entry(10, 1000 + n)}));
  ASSERT_TRUE(put(100, {entry(10, 1)}));
  for (std::size_t n = 200; n < 250; ++n) ASSERT_TRUE(put(n, {entry(10, 1000 + n)}));
  ASSERT_TRUE(put(101, {entry(10, 1)}));
  const auto found = registry.lookup(id(10), stranger);
  std::set<std::uint64_t> sizes;
  for (const Announcer& each : found.announcers) sizes.insert(each.content.size);
  EXPECT_TRUE(sizes.contains(1));
  EXPECT_LE(sizes.size(), kMaxContentsPerAnswer);
}

TEST_F(RegistryTest, GivesAFewOfManyAnnouncersAndOthersEachTime) {
  for (std::size_t n = 0; n < 1000; ++n) ASSERT_TRUE(put(n, {entry(10)}));
  std::set<PeerId> seen;
  for (int i = 0; i < 200; ++i) {
    const auto found = holders(10);
    ASSERT_THAT(found, SizeIs(kMaxAnnouncersPerStore));
    seen.insert(found.begin(), found.end());
  }
  EXPECT_GT(seen.size(), 800U);
}

TEST_F(RegistryTest, PutsConnectedAnnouncersFirst) {
  for (std::size_t n = 0; n < 5; ++n) ASSERT_TRUE(put(n, {entry(10)}));
  registry.set_connected(peer(3), true);
  registry.set_connected(peer(77), true);  // nobody registered under it
  const auto found = registry.lookup(id(10), stranger);
  EXPECT_EQ(found.announcers.front().peer, peer(3));
  EXPECT_TRUE(found.announcers.front().connected);
  EXPECT_FALSE(found.announcers.back().connected);
  ASSERT_TRUE(put(3, {entry(10), entry(11)}));
  EXPECT_TRUE(registry.lookup(id(11), stranger).announcers.front().connected) << "kept by a new registration";
}

TEST_F(RegistryTest, LetsNoNetworkFillAnAnswer) {
  for (std::size_t n = 0; n < 200; ++n) {
    const IpAddress crowd = IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(n));
    ASSERT_TRUE(registry.put(at(0s), peer(1000 + n), crowd, ++seq, {{}, {entry(10)}}));
  }
  for (std::size_t n = 0; n < 20; ++n) ASSERT_TRUE(put(n, {entry(10)}));
  const auto found = registry.lookup(id(10), stranger);
  EXPECT_THAT(found.announcers, SizeIs(kMaxAnnouncersPerStore));
  EXPECT_GE(
      std::ranges::count_if(found.announcers, [](const Announcer& each) { return each.observed.octets[0] == 60; }), 20);
}

TEST_F(RegistryTest, NeverShowsTheAskerToItself) {
  ASSERT_TRUE(put(1, {entry(10)}));
  EXPECT_THAT(registry.lookup(id(10), {home(1), peer(1)}).announcers, IsEmpty());
}

TEST_F(RegistryTest, ShowsPrivateAddressesBehindTheSameNatOnly) {
  const Endpoint inside{IpAddress::v4(192, 168, 1, 5), 5001};
  const Endpoint outside{IpAddress::v4(60, 0, 1, 7), 5001};
  const Endpoint itself{IpAddress::v4(127, 0, 0, 1), 5001};
  ASSERT_TRUE(put(1, {entry(10)}, 0s, {inside, outside, itself}));
  registry.prove(peer(1), {ServiceKind::kHttp, outside}, at(1min).mono);
  EXPECT_THAT(registry.lookup(id(10), stranger).announcers.front().http, ElementsAre(outside));
  EXPECT_THAT(registry.lookup(id(10), {home(1), {}}).announcers.front().http, ElementsAre(inside, outside));
}

TEST_F(RegistryTest, ShowsAGlobalEndpointWhileItIsProvedAndToNobodyElse) {
  const Service http{ServiceKind::kHttp, {IpAddress::v4(60, 0, 1, 7), 5001}};
  const Service quic{ServiceKind::kQuic, {IpAddress::v4(60, 0, 1, 7), 4001}};
  const Registration registration{{http.endpoint}, {entry(10)}, {quic}};
  ASSERT_TRUE(registry.put(at(0s), peer(1), home(1), ++seq, registration));
  const auto shown = [&](const Asker& asker) {
    const auto found = registry.lookup(id(10), asker).announcers.front();
    return found.http.size() + found.services.size();
  };
  EXPECT_EQ(shown(stranger), 0U);
  EXPECT_EQ(shown({home(1), {}}), 0U) << "not even behind the same NAT: it is no private one";
  registry.prove(peer(1), http, at(10s).mono);
  registry.prove(peer(1), {ServiceKind::kTcp, quic.endpoint}, at(10s).mono);
  EXPECT_EQ(shown(stranger), 1U) << "a proof is of one kind of service";
  EXPECT_TRUE(registry.list(std::nullopt, 9, stranger).front().services.empty());
  ASSERT_TRUE(registry.put(at(5s), peer(1), home(1), ++seq, registration));
  EXPECT_EQ(shown(stranger), 1U) << "a new registration keeps what was proved";
  registry.handle_timeout(at(10s).mono);
  EXPECT_EQ(shown(stranger), 0U);
}

TEST_F(RegistryTest, ShowsPrivateAddressesToWhomItSeesOnPrivateAddresses) {
  const Endpoint inside{IpAddress::v4(10, 0, 0, 5), 5001};
  const Endpoint itself{IpAddress::v4(127, 0, 0, 1), 5001};
  const IpAddress lan = IpAddress::v4(10, 0, 0, 5);
  ASSERT_TRUE(registry.put(at(0s), peer(1), lan, ++seq, {{inside, itself}, {entry(10)}}));
  const auto shown_to = [&](const IpAddress& asker) {
    return registry.lookup(id(10), {asker, {}}).announcers.front().http;
  };
  EXPECT_THAT(shown_to(IpAddress::v4(10, 9, 9, 9)), ElementsAre(inside));
  EXPECT_THAT(shown_to(IpAddress::v4(127, 0, 0, 1)), ElementsAre(inside));
  EXPECT_THAT(shown_to(home(1)), IsEmpty());
  ASSERT_TRUE(registry.put(at(0s), peer(1), IpAddress::v4(127, 0, 0, 1), ++seq, {{inside, itself}, {entry(10)}}));
  EXPECT_THAT(shown_to(IpAddress::v4(127, 0, 0, 1)), ElementsAre(inside, itself));
}

TEST_F(RegistryTest, StaysSmallUnderAMillionRegistrationsFromOneNetwork) {
  const Registration registration{{}, {entry(1)}};
  std::size_t taken = 0;
  for (std::size_t n = 0; n < 1'000'000; ++n) {
    const IpAddress from = IpAddress::v4(60, 1, 2, static_cast<std::uint8_t>(n));
    if (registry.put(at(0s), peer(n), from, ++seq, registration)) ++taken;
  }
  EXPECT_EQ(taken, RegistryLimits().peers_per_network);
  EXPECT_EQ(registry.peer_count(), RegistryLimits().peers_per_network);
  EXPECT_TRUE(put(2'000'000, {entry(2)})) << "others are let in as before";
}

TEST_F(RegistryTest, TakesAWholeV6NetworkForOneHome) {
  const auto v6 = [](const char* text) { return *IpAddress::parse(text); };
  EXPECT_TRUE(may_share_network(v6("2001:db8:1:2::5"), v6("2001:db8:1:2::6")));
  EXPECT_FALSE(may_share_network(v6("2001:db8:1:2::5"), v6("2001:db8:1:3::5")));
  EXPECT_TRUE(may_share_network(v6("::ffff:198.51.100.1"), v6("198.51.100.1")));
  EXPECT_FALSE(may_share_network(v6("192.168.1.1"), v6("198.51.100.1")));
}

TEST_F(RegistryTest, TellsTheInventoryPageByPage) {
  ASSERT_TRUE(put(1, {entry(10), entry(11), entry(12)}));
  const auto first = registry.inventory({}, 2);
  EXPECT_THAT(first.entries, ElementsAre(entry(10), entry(11)));
  EXPECT_TRUE(first.more);
  const auto second = registry.inventory(first.cursor, 2);
  EXPECT_THAT(second.entries, ElementsAre(entry(12)));
  EXPECT_FALSE(second.more);
  EXPECT_EQ(second.cursor, registry.head());
  EXPECT_THAT(registry.inventory(second.cursor, 2).entries, IsEmpty());
}

TEST_F(RegistryTest, TellsOfAContentOnceHoweverManyHoldIt) {
  ASSERT_TRUE(put(1, {entry(10)}));
  const Cursor known = registry.head();
  ASSERT_TRUE(put(2, {entry(10)}));
  EXPECT_EQ(registry.head(), known);
  ASSERT_TRUE(put(2, {entry(10), entry(11)}));
  EXPECT_THAT(registry.inventory(known).entries, ElementsAre(entry(11)));
}

TEST_F(RegistryTest, TellsOfAContentAgainThatWasGoneAndCameBack) {
  ASSERT_TRUE(put(1, {entry(10), entry(11)}));
  const Cursor known = registry.head();
  ASSERT_TRUE(put(1, {entry(11)}));
  ASSERT_TRUE(put(1, {entry(10), entry(11)}));
  EXPECT_THAT(registry.inventory(known).entries, ElementsAre(entry(10)));
  EXPECT_THAT(registry.inventory({}).entries, ElementsAre(entry(11), entry(10)));
}

TEST_F(RegistryTest, StartsAnewForACursorOfAnotherRun) {
  ASSERT_TRUE(put(1, {entry(10)}));
  Registry restarted(random);
  ASSERT_TRUE(restarted.put(at(0s), peer(1), home(1), ++seq, {{}, {entry(10)}}));
  EXPECT_THAT(restarted.inventory(registry.head()).entries, ElementsAre(entry(10)));
}

TEST_F(RegistryTest, KeepsNoTraceOfStoresThatComeAndGo) {
  for (std::size_t n = 0; n < 20'000; ++n) ASSERT_TRUE(put(1, {entry(n)}));
  EXPECT_EQ(registry.content_count(), 1U);
  EXPECT_EQ(registry.peer_count(), 1U);
  EXPECT_THAT(registry.inventory({}).entries, ElementsAre(entry(19'999)));
}

TEST_F(RegistryTest, ListsPeersPageByPage) {
  for (std::size_t n = 1; n <= 3; ++n) ASSERT_TRUE(put(n, {entry(n), entry(10 + n)}));
  const auto first = registry.list(std::nullopt, 2, stranger);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].peer, peer(1));
  EXPECT_EQ(first[0].stores, 2U);
  EXPECT_EQ(first[0].expires, at(kRegistrationLifetime).mono);
  const auto second = registry.list(first[1].peer, 2, stranger);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].peer, peer(3));
}

struct SmallRegistry : testing::Test {
  SeededRandom random{1};
  Registry registry{random, {.peers = 4, .peers_per_address = 2, .peers_per_network = 3, .entries = 6, .contents = 5}};
  std::uint64_t seq = at(0s).wall.unix_ms;

  Status<RegistryError> put(std::size_t n, const IpAddress& from, std::vector<Entry> stores = {}) {
    return registry.put(at(0s), peer(n), from, ++seq, {{}, std::move(stores)});
  }
};

TEST_F(SmallRegistry, IsFullAtItsLimitOfPeers) {
  for (std::size_t n = 0; n < 4; ++n) ASSERT_TRUE(put(n, home(n)));
  EXPECT_EQ(put(4, home(4)).error(), RegistryError::kFull);
  EXPECT_TRUE(put(3, home(3))) << "who is registered may register again";
}

TEST_F(SmallRegistry, LimitsAnAddress) {
  ASSERT_TRUE(put(1, home(1)));
  ASSERT_TRUE(put(2, home(1)));
  EXPECT_EQ(put(3, home(1)).error(), RegistryError::kAddressFull);
  ASSERT_TRUE(put(3, home(2)));
  EXPECT_EQ(put(3, home(1)).error(), RegistryError::kAddressFull) << "nor may one move in";
  ASSERT_TRUE(put(2, home(2)));
  EXPECT_TRUE(put(4, home(1))) << "who moves out makes room";
}

TEST_F(SmallRegistry, LimitsANetwork) {
  for (std::uint8_t n = 1; n <= 3; ++n) ASSERT_TRUE(put(n, IpAddress::v4(203, 0, 113, n)));
  EXPECT_EQ(put(4, IpAddress::v4(203, 0, 113, 4)).error(), RegistryError::kNetworkFull);
}

TEST_F(SmallRegistry, LimitsAllEntriesTogetherAndChangesNothingThen) {
  ASSERT_TRUE(put(1, home(1), {entry(1), entry(2), entry(3)}));
  ASSERT_TRUE(put(2, home(2), {entry(1), entry(2)}));
  EXPECT_EQ(put(2, home(2), {entry(1), entry(2), entry(3), entry(4)}).error(), RegistryError::kTooManyEntries);
  EXPECT_EQ(registry.entry_count(), 5U);
  EXPECT_TRUE(put(2, home(2), {entry(1), entry(2), entry(3)}));
}

TEST_F(SmallRegistry, LimitsDistinctContents) {
  ASSERT_TRUE(put(1, home(1), {entry(1), entry(2), entry(3), entry(4)}));
  EXPECT_EQ(put(2, home(2), {entry(5), entry(6)}).error(), RegistryError::kTooManyContents);
  EXPECT_TRUE(put(2, home(2), {entry(4), entry(5)}));
}

// The registry against the plainest description of what it is.
TEST(RegistryModel, AgreesWithAMapOfMaps) {
  SeededRandom random(1);
  Registry registry(random);
  std::map<std::size_t, std::set<Entry>> model;
  std::map<std::size_t, Duration> heard;
  std::uint64_t seq = at(0s).wall.unix_ms;
  Duration now = 0s;
  for (int step = 0; step < 3000; ++step) {
    now += std::chrono::seconds(random.below(40));
    const std::size_t n = random.below(12);
    std::set<Entry> stores;
    for (std::size_t i = 0; i < 8; ++i) {
      if (random.below(2) == 0) stores.insert(entry(i, 1 + random.below(3)));
    }
    ASSERT_TRUE(registry.put(at(now), peer(n), home(n), ++seq, {{}, {stores.begin(), stores.end()}}));
    model[n] = stores;
    heard[n] = now;
    std::erase_if(model, [&](const auto& each) { return heard[each.first] + kRegistrationLifetime <= now; });

    std::size_t entries = 0;
    std::set<Entry> contents;
    for (const auto& [peer, held] : model) {
      entries += held.size();
      contents.insert(held.begin(), held.end());
    }
    ASSERT_EQ(registry.peer_count(), model.size());
    ASSERT_EQ(registry.entry_count(), entries);
    ASSERT_EQ(registry.content_count(), contents.size());
    const auto told = registry.inventory({}).entries;
    ASSERT_EQ(std::set<Entry>(told.begin(), told.end()), contents);
    ASSERT_EQ(told.size(), contents.size());

    const std::size_t probe = random.below(8);
    std::set<std::pair<PeerId, store::Content>> expected;
    for (const auto& [holder, held] : model) {
      for (const Entry& each : held) {
        if (each.id == id(probe)) expected.emplace(peer(holder), each.content);
      }
    }
    std::set<std::pair<PeerId, store::Content>> found;
    for (const Announcer& each : registry.lookup(id(probe), {home(9999), {}}).announcers)
      found.emplace(each.peer, each.content);
    ASSERT_EQ(found, expected) << "at step " << step;
  }
}

}  // namespace
}  // namespace turnpike::rendezvous
