#include "core/dig/old_stores.h"

#include <gmock/gmock.h>

namespace turnpike::dig {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};
identity::PeerId peer(std::uint8_t n) { return {Digest{n}}; }
store::StoreId store(std::uint8_t n) { return {Digest{n}}; }

class DigOldStores : public testing::Test {
 protected:
  std::optional<OldStores::Fetch> next(Instant now = kStart) {
    return stores_.next(now, [](const store::StoreId& id) { return id != store(99); });
  }
  OldStores stores_;
};

TEST_F(DigOldStores, FetchesWhatIsWantedAndNothingTwiceAtOnce) {
  stores_.set_stores(kStart, peer(1), {store(1), store(99)});
  stores_.set_stores(kStart, peer(2), {store(1)});
  const auto first = next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->store, store(1));
  EXPECT_FALSE(next()) << "it is under way, and the other is not wanted";
}

TEST_F(DigOldStores, HasSoManyFetchesUnderWayAndNoMore) {
  stores_.set_stores(kStart, peer(1), {store(1), store(2), store(3)});
  for (std::size_t i = 0; i < kMaxOldFetches; ++i) ASSERT_TRUE(next());
  EXPECT_FALSE(next());
  stores_.handle_ended(kStart, store(1), true);
  ASSERT_TRUE(next());
}

TEST_F(DigOldStores, TriesAnotherNodeAtOnceAndTheSameOneLaterAndLater) {
  stores_.set_stores(kStart, peer(1), {store(1)});
  ASSERT_TRUE(next());
  stores_.handle_ended(kStart, store(1), false);
  EXPECT_FALSE(next());
  stores_.set_stores(kStart, peer(2), {store(1)});
  const auto other = next();
  ASSERT_TRUE(other);
  EXPECT_EQ(other->peer, peer(2));
  stores_.handle_ended(kStart, store(1), false);
  EXPECT_FALSE(next(kStart + 2 * kOldRetry - 1us));
  EXPECT_TRUE(next(kStart + 2 * kOldRetry));
  for (int i = 0; i < 20; ++i) {
    stores_.handle_ended(kStart, store(1), false);
    ASSERT_TRUE(next(kStart + kOldRetryLimit)) << "never later than the limit";
  }
}

TEST_F(DigOldStores, ForgetsANodeThatLeft) {
  stores_.set_stores(kStart, peer(1), {store(1)});
  stores_.forget(peer(1));
  EXPECT_FALSE(next());
}

TEST_F(DigOldStores, IsBounded) {
  stores_.set_stores(kStart, peer(1), std::vector<store::StoreId>(kMaxOldNodeStores + 1, store(99)));
  for (std::uint8_t n = 2; n <= kMaxOldNodes; ++n) ASSERT_TRUE(stores_.set_stores(kStart, peer(n), {}));
  EXPECT_FALSE(stores_.set_stores(kStart, peer(200), {}));
  EXPECT_TRUE(stores_.set_stores(kStart, peer(1), {})) << "one that is known may tell news";
}

TEST_F(DigOldStores, AsksAgainAfterAWhile) {
  stores_.set_stores(kStart, peer(1), {});
  EXPECT_THAT(stores_.stale(kStart + kOldListAge - 1us), testing::IsEmpty());
  EXPECT_THAT(stores_.stale(kStart + kOldListAge), testing::ElementsAre(peer(1)));
}

}  // namespace
}  // namespace turnpike::dig
