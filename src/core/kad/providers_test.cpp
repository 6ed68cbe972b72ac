#include "core/kad/providers.h"

#include <gtest/gtest.h>

#include "core/kad/kad_test_support.h"
#include "core/kad/key.h"

namespace turnpike::kad {
namespace {

constexpr Instant kStart{std::chrono::seconds(10)};

Digest store(std::uint32_t number) {
  Bytes bytes;
  ByteWriter(bytes).u32(number);
  return crypto::sha256(bytes);
}
Bytes key(std::uint32_t number) { return provider_key(store(number)); }
IpAddress network(std::uint32_t number) { return address_of(number); }

TEST(KadProviders, AreForgottenAfter48Hours) {
  Providers providers;
  EXPECT_EQ(providers.add(kStart, key(1), peer(1), network(1)), Recorded::kNew);
  EXPECT_EQ(providers.poll_timeout(), kStart + kProviderExpiry);
  EXPECT_EQ(providers.of(kStart + kProviderExpiry - Duration(1), key(1)), std::vector{peer(1)});
  EXPECT_TRUE(providers.of(kStart + kProviderExpiry, key(1)).empty());
  providers.handle_timeout(kStart + kProviderExpiry);
  EXPECT_EQ(providers.size(), 0U);
}

TEST(KadProviders, LiveOnWhenTheyAreToldAgain) {
  Providers providers;
  providers.add(kStart, key(1), peer(1), network(1));
  EXPECT_EQ(providers.add(kStart + kReprovide, key(1), peer(1), network(1)), Recorded::kRenewed);
  EXPECT_EQ(providers.of(kStart + kProviderExpiry, key(1)).size(), 1U);
  EXPECT_EQ(providers.size(), 1U);
}

TEST(KadProviders, TakeNoKeyThatNamesNoStore) {
  Providers providers;
  EXPECT_EQ(providers.add(kStart, Bytes(34, 0), peer(1), network(1)), Recorded::kBadKey);
  EXPECT_EQ(providers.add(kStart, {}, peer(1), network(1)), Recorded::kBadKey);
}

TEST(KadProviders, KeepWhoCameFirstToAStore) {
  Providers providers;
  for (std::uint32_t i = 0; i < kMaxProvidersPerKey; ++i) providers.add(kStart, key(1), peer(i), network(i));
  EXPECT_EQ(providers.add(kStart, key(1), peer(999), network(999)), Recorded::kKeyFull);
  EXPECT_EQ(providers.of(kStart, key(1)).size(), kMaxProvidersPerKey);
}

TEST(KadProviders, LetOnePeerNameSoManyStores) {
  Providers providers;
  for (std::uint32_t i = 0; i < kMaxKeysPerPeer; ++i) providers.add(kStart, key(i), peer(1), network(1));
  EXPECT_EQ(providers.add(kStart, key(kMaxKeysPerPeer), peer(1), network(1)), Recorded::kPeerFull);
  EXPECT_EQ(providers.add(kStart, key(0), peer(1), network(1)), Recorded::kRenewed);
}

TEST(KadProviders, LetOneNetworkNameSoManyWhateverItCallsItself) {
  Providers providers;
  for (std::uint32_t i = 0; i < kMaxRecordsPerNetwork; ++i) {
    providers.add(kStart, key(i % 1024), peer(i / 512), network(1));
  }
  EXPECT_EQ(providers.size(), kMaxRecordsPerNetwork);
  EXPECT_EQ(providers.add(kStart, key(5000), peer(9999), network(1)), Recorded::kPeerFull);
  EXPECT_EQ(providers.add(kStart, key(5000), peer(9999), network(2)), Recorded::kNew);
}

TEST(KadProviders, HoldSoManyKeys) {
  Providers providers;
  for (std::uint32_t i = 0; i < kMaxKeys; ++i) providers.add(kStart, key(i), peer(i / 512), network(i / 512));
  EXPECT_EQ(providers.add(kStart, key(kMaxKeys), peer(9999), network(9999)), Recorded::kTableFull);
  EXPECT_EQ(providers.add(kStart + kProviderExpiry, key(kMaxKeys), peer(9999), network(9999)), Recorded::kNew);
  EXPECT_EQ(providers.size(), 1U) << "the expired made room";
}

TEST(KadProviders, HoldSoManyRecords) {
  Providers providers;
  for (std::uint32_t i = 0; i < kMaxRecords; ++i) {
    const std::uint32_t who = i % kMaxProvidersPerKey + 20 * (i / 40000);
    providers.add(kStart, key(i / kMaxProvidersPerKey), peer(who), network(who));
  }
  EXPECT_EQ(providers.size(), kMaxRecords);
  EXPECT_EQ(providers.add(kStart, key(9), peer(999), network(999)), Recorded::kKeyFull);
  EXPECT_EQ(providers.add(kStart, key(15000), peer(999), network(999)), Recorded::kTableFull);
}

TEST(KadProviders, NeedAnAddressThatOthersCanReach) {
  Providers providers;
  const auto inside = multiaddr::Multiaddr::tcp({IpAddress::v4(10, 0, 0, 7), 4001});
  EXPECT_EQ(providers.add(kStart, key(1), {peer_id(1), {inside}}, network(1)), Recorded::kNoAddress);
  EXPECT_EQ(providers.add(kStart, key(1), {peer_id(1), {inside}}, IpAddress::v4(10, 0, 0, 9)), Recorded::kNew);
  EXPECT_EQ(providers.add(kStart, key(1), {peer_id(1), {}}, network(1)), Recorded::kNoAddress);
  EXPECT_EQ(providers.of(kStart, key(1)), (std::vector{Peer{peer_id(1), {inside}}}));
}

TEST(KadOffers, AreAllDueAgainWhenWhatWasToldIsNotRightAnyMore) {
  Offers offers;
  for (std::uint32_t i = 0; i < 3; ++i) {
    offers.add(kStart, store(i));
    offers.told(kStart, store(i), 20);
  }
  ASSERT_FALSE(offers.poll_due(kStart));
  offers.again(kStart + Duration(1));
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(offers.poll_due(kStart + Duration(1)));
  EXPECT_FALSE(offers.poll_due(kStart + Duration(1)));
}

TEST(KadOffers, AreDueAtOnceAndAgainAfter22Hours) {
  Offers offers;
  offers.add(kStart, store(1));
  EXPECT_EQ(offers.poll_timeout(), kStart);
  EXPECT_EQ(offers.poll_due(kStart), store(1));
  EXPECT_FALSE(offers.poll_due(kStart));
  offers.told(kStart + Duration(5), store(1), 20);
  EXPECT_EQ(offers.poll_timeout(), kStart + Duration(5) + kReprovide);
  EXPECT_LT(kReprovide, kProviderExpiry);
}

TEST(KadOffers, AreTriedAgainSoonWhenNobodyWasReached) {
  Offers offers;
  offers.add(kStart, store(1));
  ASSERT_TRUE(offers.poll_due(kStart));
  offers.told(kStart, store(1), 0);
  EXPECT_EQ(offers.poll_timeout(), kStart + kProvideRetry);
}

TEST(KadOffers, AreNoLongerToldOnceTheStoreIsGone) {
  Offers offers;
  offers.add(kStart, store(1));
  offers.add(kStart, store(2));
  offers.remove(store(1));
  offers.told(kStart, store(1), 3);
  EXPECT_EQ(offers.poll_due(kStart + kReprovide), store(2));
  EXPECT_EQ(offers.size(), 1U);
}

}  // namespace
}  // namespace turnpike::kad
