#include "core/kad/table.h"

#include <gtest/gtest.h>

#include "core/kad/kad_test_support.h"

namespace turnpike::kad {
namespace {

constexpr Instant kStart{std::chrono::seconds(10)};

Contact contact(std::uint32_t number) { return {peer(number), address_of(number)}; }
Contact contact_in(std::uint32_t number, std::uint32_t network) { return {peer(number), address_of(network)}; }

// Peers whose place shares exactly `bits` with the first one's.
std::vector<std::uint32_t> peers_sharing(std::size_t bits, std::size_t count) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 1; out.size() < count; ++i) {
    if (shared_bits(Place::of(peer_id(0)), Place::of(peer_id(i))) == bits) out.push_back(i);
  }
  return out;
}

TEST(KadTable, GivesTheClosestFirstAndNotTheAsker) {
  Table table(peer_id(0));
  for (std::uint32_t i = 1; i <= 15; ++i) EXPECT_EQ(table.add(kStart, contact(i)), Added::kNew);
  const Place target = Place::of(peer_id(99));
  const auto asker = table.closest(target, 1).front().id;
  const auto closest = table.closest(target, 20, &asker);
  ASSERT_EQ(closest.size(), 14U);
  for (std::size_t i = 1; i < closest.size(); ++i) {
    EXPECT_TRUE(is_closer(target, Place::of(closest[i - 1].id), Place::of(closest[i].id)));
    EXPECT_NE(closest[i].id, asker);
  }
}

TEST(KadTable, KeepsThoseWhoAnswerWhenABucketIsFull) {
  Table table(peer_id(0));
  const auto peers = peers_sharing(0, kReplication + 2);
  for (std::size_t i = 0; i < kReplication; ++i) EXPECT_EQ(table.add(kStart, contact(peers[i])), Added::kNew);
  EXPECT_EQ(table.add(kStart, contact(peers[kReplication])), Added::kFull);
  EXPECT_EQ(table.size(), kReplication);

  for (std::size_t i = 0; i < kMaxFailures; ++i) table.failed(peer_id(peers[3]));
  EXPECT_EQ(table.add(kStart, contact(peers[kReplication])), Added::kNew);
  EXPECT_FALSE(table.contains(peer_id(peers[3])));
  EXPECT_EQ(table.add(kStart, contact(peers[kReplication + 1])), Added::kFull);
  EXPECT_EQ(table.add(kStart + kSilent, contact(peers[kReplication + 1])), Added::kNew);
  EXPECT_EQ(table.size(), kReplication);
}

TEST(KadTable, ForgivesAPeerThatIsHeardOfAgain) {
  Table table(peer_id(0));
  const auto peers = peers_sharing(0, kReplication + 1);
  for (std::size_t i = 0; i < kReplication; ++i) table.add(kStart, contact(peers[i]));
  table.failed(peer_id(peers[0]));
  table.failed(peer_id(peers[0]));
  EXPECT_EQ(table.add(kStart, contact(peers[0])), Added::kKnown);
  EXPECT_EQ(table.add(kStart, contact(peers[kReplication])), Added::kFull);
}

TEST(KadTable, HasRoomForFewOfOneNetworkInABucket) {
  Table table(peer_id(0));
  const auto peers = peers_sharing(0, kMaxPerNetworkInBucket + 1);
  for (std::size_t i = 0; i < kMaxPerNetworkInBucket; ++i) {
    EXPECT_EQ(table.add(kStart, contact_in(peers[i], 5)), Added::kNew);
  }
  EXPECT_EQ(table.add(kStart, contact_in(peers.back(), 5)), Added::kNetworkFull);
}

TEST(KadTable, HasRoomForFewOfOneNetworkInAll) {
  Table table(peer_id(0));
  for (std::uint32_t i = 1; i < 5000; ++i) table.add(kStart, contact_in(i, 5));
  EXPECT_EQ(table.size(), kMaxPerNetwork);
  table.remove(table.closest(Place::of(peer_id(0)), 1).front().id);
  EXPECT_EQ(table.size(), kMaxPerNetwork - 1);
  for (std::uint32_t i = 1; i < 5000; ++i) table.add(kStart, contact_in(i, 5));
  EXPECT_EQ(table.size(), kMaxPerNetwork);
}

TEST(KadTable, RationsNobodyOfOurOwnHouse) {
  Table table(peer_id(0));
  for (std::uint32_t i = 1; i <= 15; ++i) {
    EXPECT_EQ(table.add(kStart, {peer(i), IpAddress::v4(192, 168, 1, static_cast<std::uint8_t>(i))}), Added::kNew);
  }
}

TEST(KadTable, TakesNoAddressNearerThanWhereThePeerWasMet) {
  Table table(peer_id(0));
  const auto inside = multiaddr::Multiaddr::tcp({IpAddress::v4(192, 168, 1, 1), 80});
  Peer both = peer(1);
  both.addresses.push_back(inside);
  table.add(kStart, {both, address_of(1)});
  EXPECT_EQ(table.all().front().peer, peer(1));
}

TEST(KadTable, TellsOthersOnlyOfThoseWhoAnswered) {
  Table table(peer_id(0));
  for (std::uint32_t i = 1; i <= 3; ++i) table.add(kStart, contact(i));
  table.failed(peer_id(2));
  const auto told = table.lively(Place::of(peer_id(2)), 20, peer_id(1));
  EXPECT_EQ(told, std::vector{peer(3)});
  EXPECT_EQ(table.closest(Place::of(peer_id(2)), 20).size(), 3U);
}

TEST(KadTable, NamesTheLongestSilentFirst) {
  Table table(peer_id(0));
  for (std::uint32_t i = 1; i <= 3; ++i) table.add(kStart + std::chrono::seconds(i), contact(i));
  EXPECT_EQ(table.silent(kStart + std::chrono::seconds(3), 5), (std::vector{peer(1), peer(2)}));
  EXPECT_EQ(table.silent(kStart + std::chrono::seconds(3), 1), std::vector{peer(1)});
}

TEST(KadTable, DoesNotHoldItself) {
  Table table(peer_id(0));
  EXPECT_EQ(table.add(kStart, contact(0)), Added::kSelf);
  EXPECT_EQ(table.size(), 0U);
}

TEST(KadTable, StaysSmallHoweverManyCome) {
  Table table(peer_id(0));
  for (std::uint32_t i = 1; i < 20000; ++i) table.add(kStart, contact(i));
  EXPECT_LE(table.size(), 16 * kReplication);  // log2(20,000) buckets are not empty, and few of them half full
  EXPECT_GE(table.size(), 8 * kReplication);
}

}  // namespace
}  // namespace turnpike::kad
