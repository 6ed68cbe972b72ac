#include "core/sync/judgement.h"

#include <gmock/gmock.h>

#include "core/sync/book.h"

namespace turnpike::sync {
namespace {

using testing::HasSubstr;

constexpr Instant kStart(1000s);

store::StoreId store_id(std::uint8_t n) { return {Digest{n}}; }

/// What is judged while sync may bring ten bytes here by itself.
class Quota : public testing::Test {
 protected:
  static store::Content content(std::uint8_t n, std::uint64_t size) { return {.size = size, .root = Digest{n}}; }
  void announce(std::uint8_t n, std::uint64_t size) {
    const Announcement said{.peer = {Digest{9}}, .from = IpAddress::v4(203, 0, 113, 1), .content = content(n, size)};
    book_.set_announcers(kStart, 0, store_id(n), {said});
  }
  /// Begins as many as are ready.
  std::vector<Target> begin_all() {
    std::vector<Target> begun;
    while (const auto next = book_.next_start()) {
      book_.set_active(kStart, *next, true);
      begun.push_back(*next);
    }
    return begun;
  }
  std::string reason(std::uint8_t n) { return book_.plan(kStart, store_id(n)).reason; }

  SeededRandom random_{5};
  Book book_{{.mode = SyncMode::kAll, .max_store = 1000, .max_disk = 10}, random_};
};

TEST_F(Quota, IsNotOversteppedByStoresThatBeginTogether) {
  for (std::uint8_t n = 1; n <= 6; ++n) announce(n, 3);
  EXPECT_EQ(begin_all().size(), 3U);
}

TEST_F(Quota, CountsWhatWasBegunAlsoWhileItPauses) {
  announce(1, 6);
  const auto begun = begin_all();
  ASSERT_EQ(begun.size(), 1U);
  book_.set_active(kStart, begun[0], false);
  book_.fail(kStart, begun[0], "the disk failed", true);
  announce(2, 6);
  EXPECT_TRUE(begin_all().empty()) << "when the first goes on there would be twelve";
  book_.discarded(kStart, begun[0]);
  EXPECT_EQ(begin_all().size(), 1U);
}

TEST_F(Quota, CountsThePartialFilesOfAnEarlierRunAndLetsThemGoOn) {
  book_.set_begun(kStart, {store_id(9), content(9, 6)});
  announce(1, 6);
  EXPECT_TRUE(begin_all().empty());
  announce(9, 6);
  EXPECT_EQ(begin_all().size(), 1U);
}

TEST_F(Quota, DoesNotCountTheOwnersStoresNorWhatIsAskedFor) {
  book_.set_local(kStart, store_id(8), {.content = content(8, 500)});
  announce(1, 6);
  EXPECT_EQ(begin_all().size(), 1U);
  announce(2, 600);
  EXPECT_TRUE(begin_all().empty());
  book_.want(kStart, store_id(2));
  EXPECT_EQ(begin_all().size(), 1U);
}

TEST_F(Quota, SaysHowMuchIsUsedAndOpensWhenSomethingBroughtIsRemoved) {
  book_.set_local(kStart, store_id(8), {.content = content(8, 6), .mark = Mark::kUnconfirmed, .brought = true});
  announce(1, 5);
  EXPECT_THAT(reason(1), HasSubstr("max_disk is reached: sync uses 6 of 10 bytes, and this store has 5"));
  book_.clear_local(kStart, store_id(8));
  EXPECT_EQ(begin_all().size(), 1U);
}

TEST_F(Quota, OpensWhenItIsRaised) {
  announce(1, 11);
  EXPECT_TRUE(begin_all().empty());
  book_.set_max_disk(kStart, 11);
  EXPECT_EQ(begin_all().size(), 1U);
}

TEST_F(Quota, CountsACompletedStoreOnce) {
  announce(1, 5);
  const auto begun = begin_all();
  ASSERT_EQ(begun.size(), 1U);
  book_.complete(kStart, begun[0], Mark::kUnconfirmed);
  announce(2, 5);
  EXPECT_EQ(begin_all().size(), 1U);
  announce(3, 1);
  EXPECT_TRUE(begin_all().empty());
}

TEST_F(Quota, RefusesAStoreOverMaxStoreBeforeItIsBegunAndNamesBothSizes) {
  announce(1, 1001);
  book_.want(kStart, store_id(1));
  EXPECT_TRUE(begin_all().empty());
  EXPECT_THAT(reason(1), HasSubstr("1001 bytes, is over max_store, 1000"));
}

TEST_F(Quota, NeitherFetchesNorTellsOfAStoreWhoseFileIsInDoubt) {
  book_.set_local(kStart, store_id(1), {.content = content(1, 5), .mark = Mark::kUnconfirmed, .brought = true});
  book_.set_in_doubt(kStart, store_id(1));
  announce(1, 5);
  EXPECT_TRUE(begin_all().empty());
  EXPECT_EQ(book_.plan(kStart, store_id(1)).state, "checking");
  EXPECT_FALSE(book_.locals()[0].second.shared);
  book_.set_local(kStart, store_id(1), {.content = content(1, 5), .mark = Mark::kUnconfirmed, .brought = true});
  EXPECT_EQ(book_.plan(kStart, store_id(1)).state, "complete");
  EXPECT_TRUE(book_.locals()[0].second.shared);
}

}  // namespace
}  // namespace turnpike::sync
