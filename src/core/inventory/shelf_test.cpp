#include "core/inventory/shelf.h"

#include <gmock/gmock.h>

namespace turnpike::inventory {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

store::Manifest entry(std::uint32_t number, std::uint64_t size = 7) {
  store::Manifest out;
  for (unsigned i = 0; i < 4; ++i) out.id.bytes[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  out.content.size = size;
  return out;
}

std::vector<store::Manifest> entries(std::uint32_t count) {
  std::vector<store::Manifest> out;
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(entry(i));
  return out;
}

/// All pages that are due, and how many changes they bring.
std::size_t tell(Teller& teller, const Shelf& shelf, std::size_t& pages) {
  std::size_t changes = 0;
  for (pages = 0; const auto page = teller.next(shelf); ++pages) {
    changes += page->stores.size() + page->gone.size();
    if (pages > 100) return 0;
  }
  return changes;
}

TEST(InventoryShelf, TellsAStrangerEverythingInPages) {
  Shelf shelf(9);
  shelf.set(entries(2 * kPageChanges + 1));
  Teller teller(Request{});
  const auto first = teller.next(shelf);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->from, 0U);
  EXPECT_TRUE(first->more);
  EXPECT_THAT(first->stores, SizeIs(kPageChanges));
  EXPECT_TRUE(teller.next(shelf)->more);
  const auto last = teller.next(shelf);
  EXPECT_THAT(last->stores, SizeIs(1));
  EXPECT_FALSE(last->more);
  EXPECT_FALSE(teller.next(shelf)) << "there is nothing new";
}

TEST(InventoryShelf, TellsTheEmptyHandedToo) {
  const Shelf shelf(9);
  Teller teller(Request{});
  const auto page = teller.next(shelf);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->stores, IsEmpty());
  EXPECT_FALSE(teller.next(shelf));
}

TEST(InventoryShelf, TellsWhatChangedSinceAndNothingElse) {
  Shelf shelf(9);
  shelf.set({entry(1), entry(2), entry(3)});
  Teller teller(Request{.epoch = 9, .since = shelf.version()});
  EXPECT_THAT(teller.next(shelf)->stores, IsEmpty());
  shelf.set({entry(1), entry(2, 99), entry(4)});
  const auto page = teller.next(shelf);
  ASSERT_TRUE(page);
  EXPECT_THAT(page->gone, ElementsAre(entry(3).id));
  EXPECT_THAT(page->stores, ElementsAre(entry(2, 99), entry(4)));
}

TEST(InventoryShelf, TellsOneThatCameBackAsHere) {
  Shelf shelf(9);
  shelf.set({entry(1)});
  Teller teller(Request{.epoch = 9, .since = shelf.version()});
  (void)teller.next(shelf);
  shelf.set({});
  shelf.set({entry(1)});
  const auto page = teller.next(shelf);
  EXPECT_THAT(page->gone, IsEmpty());
  EXPECT_THAT(page->stores, ElementsAre(entry(1)));
}

TEST(InventoryShelf, TellsEverythingAnewToWhoKnowsAnotherRunOrTheFuture) {
  Shelf shelf(9);
  shelf.set({entry(1), entry(2)});
  Teller other_run(Request{.epoch = 8, .since = 2});
  EXPECT_EQ(other_run.next(shelf)->from, 0U);
  Teller future(Request{.epoch = 9, .since = 77});
  EXPECT_EQ(future.next(shelf)->from, 0U);
}

TEST(InventoryShelf, TellsEverythingAnewToWhoMayHaveMissedALoss) {
  Shelf shelf(9);
  shelf.set(entries(kMaxGone + 10));
  Teller late(Request{.epoch = 9, .since = shelf.version()});
  shelf.set({});
  EXPECT_EQ(late.next(shelf)->from, 0U);
}

TEST(InventoryShelf, ComesToTheEndOfAListingThatIsOlderThanItsRememberedLosses) {
  Shelf shelf(9);
  shelf.set(entries(3 * kPageChanges));
  auto more = entries(3 * kPageChanges + kMaxGone + 10);
  shelf.set(more);
  shelf.set(entries(3 * kPageChanges));  // more is lost than is remembered
  ASSERT_GT(shelf.floor(), 3 * kPageChanges);
  Teller teller(Request{});
  std::size_t pages = 0;
  EXPECT_GE(tell(teller, shelf, pages), 3 * kPageChanges);
  EXPECT_LT(pages, 20U);
}

TEST(InventoryShelf, TellsNoMoreThanAPeerMayHave) {
  Shelf shelf(9);
  shelf.set(entries(kMaxStores + 1));
  EXPECT_EQ(shelf.size(), kMaxStores);
}

}  // namespace
}  // namespace turnpike::inventory
