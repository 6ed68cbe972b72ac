#include "core/sync/piece_map.h"

#include <gmock/gmock.h>

namespace turnpike::sync {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kMib = store::kPieceSize;

PieceMap map_of(std::uint64_t size, std::vector<std::uint32_t> have = {}) {
  const store::Content content{.size = size, .root = {}};
  std::vector<bool> verified(content.piece_count());
  for (const std::uint32_t piece : have) verified[piece] = true;
  return {content, verified};
}

TEST(SyncPieceMap, AsksForTheLowestFreePiecesInRuns) {
  PieceMap map = map_of(10 * kMib, {2, 5});
  EXPECT_THAT(map.take(6, UINT64_MAX), ElementsAre(PieceRange{0, 2}, PieceRange{3, 2}, PieceRange{6, 2}));
  EXPECT_THAT(map.take(6, UINT64_MAX), ElementsAre(PieceRange{8, 2}));
  EXPECT_THAT(map.take(6, UINT64_MAX), IsEmpty());
}

TEST(SyncPieceMap, NeverAsksForAVerifiedPiece) {
  PieceMap map = map_of(4 * kMib, {0, 1, 2, 3});
  EXPECT_TRUE(map.is_complete());
  EXPECT_THAT(map.take(4, UINT64_MAX), IsEmpty());
  map.give_back(2);
  EXPECT_THAT(map.take(4, UINT64_MAX), IsEmpty());
}

TEST(SyncPieceMap, StaysWithinTheBytesItIsAllowed) {
  PieceMap map = map_of(3 * kMib + 5);
  EXPECT_THAT(map.take(9, 2 * kMib + kMib / 2), ElementsAre(PieceRange{0, 2}));
  EXPECT_THAT(map.take(9, kMib - 1), IsEmpty());
  EXPECT_THAT(map.take(9, kMib + 5), ElementsAre(PieceRange{2, 2}));
}

TEST(SyncPieceMap, OffersAgainWhatWasGivenBack) {
  PieceMap map = map_of(4 * kMib);
  EXPECT_THAT(map.take(4, UINT64_MAX), ElementsAre(PieceRange{0, 4}));
  map.give_back(1);
  EXPECT_EQ(map.free(), 1U);
  EXPECT_THAT(map.take(4, UINT64_MAX), ElementsAre(PieceRange{1, 1}));
}

TEST(SyncPieceMap, KeepsOneFetchToItsNumberOfRuns) {
  std::vector<std::uint32_t> odd;
  for (std::uint32_t i = 1; i < 100; i += 2) odd.push_back(i);
  PieceMap map = map_of(100 * kMib, odd);
  EXPECT_EQ(map.take(100, UINT64_MAX).size(), kMaxRangesPerFetch);
}

TEST(SyncPieceMap, HedgesOnePieceInAHundredAndNoMore) {
  PieceMap map = map_of(250 * kMib);
  (void)map.take(250, UINT64_MAX);
  EXPECT_THAT(map.hedge({10, 11, 12}, 3), ElementsAre(PieceRange{10, 2}));
  EXPECT_THAT(map.hedge({12}, 1), IsEmpty());
}

TEST(SyncPieceMap, HedgesNothingOfASmallStore) {
  PieceMap map = map_of(99 * kMib);
  (void)map.take(99, UINT64_MAX);
  EXPECT_THAT(map.hedge({1}, 1), IsEmpty());
}

TEST(SyncPieceMap, FreesAHedgedPieceOnlyWhenBothGaveItBack) {
  PieceMap map = map_of(100 * kMib);
  (void)map.take(100, UINT64_MAX);
  (void)map.hedge({7}, 1);
  map.give_back(7);
  EXPECT_EQ(map.free(), 0U);
  map.give_back(7);
  EXPECT_EQ(map.free(), 1U);
}

TEST(SyncPieceMap, CountsTheShortLastPieceByItsLength) {
  PieceMap map = map_of(2 * kMib + 7);
  EXPECT_TRUE(map.verify(2));
  EXPECT_FALSE(map.verify(2));
  EXPECT_EQ(map.verified_bytes(), 7U);
}

}  // namespace
}  // namespace turnpike::sync
