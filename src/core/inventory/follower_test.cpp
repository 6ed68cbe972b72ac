#include "core/inventory/follower.h"

#include <gmock/gmock.h>

#include "core/inventory/shelf.h"

namespace turnpike::inventory {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Now kNow{Instant(1000s), {1'700'000'000'000}};

store::Manifest entry(std::uint32_t number) {
  store::Manifest out;
  for (unsigned i = 0; i < 4; ++i) out.id.bytes[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  out.content.size = 7;
  return out;
}

struct InventoryFollower : testing::Test {
  crypto::SigningKey teller_key{Digest{1}};
  identity::PeerId self{crypto::SigningKey{Digest{2}}.public_key()};
  identity::PeerId teller{teller_key.public_key()};
  Shelf shelf{9};
  Follower follower{self, teller};
  std::uint64_t seq = kNow.wall.unix_ms;

  Bytes signed_page(const Page& page) { return sign_page(teller_key, page, self, ++seq, kNow.wall); }
  Request asked(const Bytes& message) { return *decode_request(ByteView(message).subspan(1)); }
  /// Tells all there is on a fresh stream.
  void meet() {
    Teller pages(asked(follower.start(kNow.mono, true)));
    while (const auto page = pages.next(shelf)) follower.handle_bytes(kNow, signed_page(*page));
  }
  std::vector<store::StoreId> gone() {
    std::vector<store::StoreId> out;
    while (const auto change = follower.poll_event()) out.insert(out.end(), change->gone.begin(), change->gone.end());
    return out;
  }
};

TEST_F(InventoryFollower, HearsOfEveryStoreInWhateverCutTheBytesCome) {
  shelf.set({entry(1), entry(2)});
  Teller pages(asked(follower.start(kNow.mono, true)));
  for (const std::uint8_t byte : signed_page(*pages.next(shelf))) follower.handle_bytes(kNow, ByteView(&byte, 1));
  const auto change = follower.poll_event();
  ASSERT_TRUE(change);
  EXPECT_THAT(change->stores, ElementsAre(entry(1), entry(2)));
  EXPECT_EQ(change->seq, seq);
  EXPECT_TRUE(follower.is_up_to_date());
  EXPECT_FALSE(follower.error());
}

TEST_F(InventoryFollower, AsksForTheRestWhenItMeetsThePeerAgain) {
  shelf.set({entry(1)});
  meet();
  const Request again = asked(follower.start(kNow.mono, true));
  EXPECT_EQ(again.epoch, 9U);
  EXPECT_EQ(again.since, shelf.version());
}

TEST_F(InventoryFollower, ForgetsWhatANewListingDoesNotName) {
  shelf.set({entry(1), entry(2)});
  meet();
  (void)follower.poll_event();
  shelf = Shelf(10);  // the peer has been started again
  shelf.set({entry(2), entry(3)});
  meet();
  EXPECT_THAT(gone(), ElementsAre(entry(1).id));
  EXPECT_THAT(follower.held(), SizeIs(2));
}

TEST_F(InventoryFollower, BeginsAnewAfterAListingThatWasCutShort) {
  std::vector<store::Manifest> many;
  for (std::uint32_t i = 0; i < kPageChanges + 1; ++i) many.push_back(entry(i));
  shelf.set(many);
  Teller pages(asked(follower.start(kNow.mono, true)));
  follower.handle_bytes(kNow, signed_page(*pages.next(shelf)));
  follower.handle_end();
  EXPECT_EQ(follower.error(), ProtocolError::kTruncated);
  EXPECT_EQ(asked(follower.start(kNow.mono, true)).since, 0U);
  meet();
  EXPECT_THAT(follower.held(), SizeIs(kPageChanges + 1));
  EXPECT_THAT(gone(), IsEmpty());
}

TEST_F(InventoryFollower, RefusesWhatThePeerDidNotSignForUs) {
  shelf.set({entry(1)});
  Teller pages(asked(follower.start(kNow.mono, true)));
  const Page page = *pages.next(shelf);
  const crypto::SigningKey stranger{Digest{3}};
  follower.handle_bytes(kNow, sign_page(stranger, page, self, seq, kNow.wall));
  EXPECT_EQ(follower.error(), ProtocolError::kNotSigned);
  (void)follower.start(kNow.mono, true);
  follower.handle_bytes(kNow, sign_page(teller_key, page, {stranger.public_key()}, seq, kNow.wall));
  EXPECT_EQ(follower.error(), ProtocolError::kNotSigned);
  (void)follower.start(kNow.mono, true);
  Bytes flipped = signed_page(page);
  flipped.back() ^= 1U;
  follower.handle_bytes(kNow, flipped);
  EXPECT_TRUE(follower.error());
  EXPECT_THAT(follower.held(), IsEmpty());
}

TEST_F(InventoryFollower, CallsAPageOfLongAgoAMatterOfClocks) {
  (void)follower.start(kNow.mono, true);
  const WallTime long_ago{kNow.wall.unix_ms - 3'600'000};
  follower.handle_bytes(kNow, sign_page(teller_key, shelf.page(0), self, 1, long_ago));
  EXPECT_EQ(follower.error(), ProtocolError::kClock);
}

TEST_F(InventoryFollower, RefusesAPageThatDoesNotGoOnWhereTheLastOneEnded) {
  shelf.set({entry(1), entry(2)});
  meet();
  follower.handle_bytes(kNow, signed_page({.epoch = 9, .from = 1, .to = 3}));
  EXPECT_EQ(follower.error(), ProtocolError::kOutOfOrder);
}

TEST_F(InventoryFollower, RefusesAPageThatGoesNowhereAndSaysThereIsMore) {
  (void)follower.start(kNow.mono, true);
  follower.handle_bytes(kNow, signed_page({.epoch = 9, .from = 0, .to = 0, .more = true}));
  EXPECT_EQ(follower.error(), ProtocolError::kMalformed);
}

TEST_F(InventoryFollower, HoldsAPeerToItsNumberOfStores) {
  (void)follower.start(kNow.mono, true);
  std::uint32_t number = 0;
  for (std::uint64_t at = 0; !follower.error() && at < kMaxStores + kPageChanges; at += kPageChanges) {
    Page page{.epoch = 9, .from = at, .to = at + kPageChanges, .more = true};
    for (std::size_t i = 0; i < kPageChanges; ++i) page.stores.push_back(entry(number++));
    follower.handle_bytes(kNow, signed_page(page));
  }
  EXPECT_EQ(follower.error(), ProtocolError::kTooMany);
  EXPECT_EQ(follower.held().size(), kMaxStores);
}

TEST_F(InventoryFollower, EndsAPeerThatSendsPagesWithoutEnd) {
  (void)follower.start(kNow.mono, true);
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < kMaxPageBurst; ++i, ++at) {
    follower.handle_bytes(kNow, signed_page({.epoch = 9, .from = at, .to = at + 1}));
  }
  EXPECT_FALSE(follower.error());
  follower.handle_bytes(kNow, signed_page({.epoch = 9, .from = at, .to = at + 1}));
  EXPECT_EQ(follower.error(), ProtocolError::kTooFast);
}

TEST_F(InventoryFollower, RefusesAnOversizePageBeforeItHoldsIt) {
  (void)follower.start(kNow.mono, true);
  Bytes length;
  ByteWriter(length).varint(kMaxPageSize + 1);
  follower.handle_bytes(kNow, length);
  EXPECT_EQ(follower.error(), ProtocolError::kTooLong);
}

TEST_F(InventoryFollower, AFullPageStaysBelowTheLimit) {
  Page page{.epoch = UINT64_MAX, .from = UINT64_MAX - 1, .to = UINT64_MAX, .more = false};
  for (std::uint32_t i = 0; i < kPageChanges; ++i) page.stores.push_back(entry(i));
  const Bytes bytes = sign_page(teller_key, page, self, UINT64_MAX >> 1U, kNow.wall);
  EXPECT_LE(bytes.size() - 3, kMaxPageSize);
  EXPECT_EQ(*decode_page(encode_page(page)), page);
}

}  // namespace
}  // namespace turnpike::inventory
