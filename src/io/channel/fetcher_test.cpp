#include "io/channel/fetcher.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "io/channel/channel_test_support.h"
#include "io/channel/wake.h"

namespace turnpike::io {
namespace {

using sync::FetchEnd;

/// A source in memory, as good or bad as a test wants it.
class FakeSource final : public StoreSource {
 public:
  explicit FakeSource(const TestStore& store) : store_(store), bytes(store.bytes), page(store.page(0)) {}

  asio::awaitable<Result<Bytes, SourceFailure>> layer_page(store::StoreId, store::Content, std::uint32_t first_piece,
                                                           Stop& stop) override {
    const bool stalled = stall_page;
    ++pages_asked;
    while (stalled && !page_released && !stop.is_requested()) co_await changed.wait();
    if (stop.is_requested()) co_return fail(SourceFailure{SourceError::kStopped, {}});
    co_return first_piece == 0 ? page : store_.page(first_piece);
  }
  asio::awaitable<Result<Bytes, SourceFailure>> leaves(store::StoreId, store::Content, std::uint32_t piece,
                                                       Stop&) override {
    const Bytes honest = store_.leaves(piece);
    ++leaves_asked;
    co_return wrong_leaves ? Bytes(honest.size(), 7) : honest;
  }
  asio::awaitable<Status<SourceFailure>> range(store::StoreId, store::Content, std::uint64_t offset,
                                               std::uint64_t length, RangeSink& sink, Stop& stop) override {
    asked.emplace_back(offset, length);
    const bool again = asked.size() > 1;
    const Bytes& from = again && heals ? store_.bytes : bytes;
    const std::uint64_t end = offset + length;
    while (offset < end) {
      if (offset >= fails_at) co_return fail(failure);
      if (offset >= hangs_at) {
        const Stop::Guard guard(stop, [this] { changed.notify_all(); });
        while (!stop.is_requested()) co_await changed.wait();
      }
      const std::span<std::uint8_t> space = co_await sink.space();
      if (space.empty() || stop.is_requested()) co_return fail(SourceFailure{SourceError::kStopped, {}});
      const std::uint64_t part = std::min<std::uint64_t>({space.size(), end - offset, 50'000});
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(offset), part, space.begin());
      offset += part;
      most_sent = std::max(most_sent, offset);
      sink.commit(static_cast<std::size_t>(part));
    }
    co_return Ok{};
  }

 private:
  const TestStore& store_;

 public:
  Bytes bytes;
  Bytes page;
  bool heals = false;  ///< The second range and those after it are honest.
  bool wrong_leaves = false;
  bool stall_page = false;
  bool page_released = false;
  std::uint64_t fails_at = ~std::uint64_t{0};
  std::uint64_t hangs_at = ~std::uint64_t{0};
  SourceFailure failure{SourceError::kConnection, {}};
  Wake changed;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> asked;
  std::uint64_t most_sent = 0;
  int pages_asked = 0;
  int leaves_asked = 0;
};

class FetcherTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kSize = 5 * store::kPieceSize + 20'000;

  void open() {
    PartialOptions options;
    options.reserve = 0;
    auto opened = wait_for(loop_, PartialStore::open(pool_, folder_.path(), store_.id, store_.content(), options));
    ASSERT_TRUE(opened);
    partial_ = *std::move(opened);
  }
  void SetUp() override { open(); }

  sync::FetchOutcome fetch(std::vector<sync::PieceRange> pieces) {
    Fetcher fetcher(source_, *partial_, pool_, std::move(pieces), noted_);
    return wait_for(loop_, fetcher.run());
  }
  /// The store's file once it is complete.
  Bytes committed() {
    EXPECT_TRUE(partial_->is_complete());
    EXPECT_TRUE(wait_for(loop_, partial_->commit(Replace::kNo)));
    return read_file(folder_.path() / store_.id.file_name());
  }
  [[nodiscard]] std::size_t verified() const {
    return static_cast<std::size_t>(std::ranges::count(partial_->verified(), true));
  }
  void flip(std::uint32_t piece, std::uint32_t leaf) {
    source_.bytes[piece * store::kPieceSize + leaf * store::kLeafSize + 5] ^= 1U;
  }

  TemporaryFolder folder_;
  TestStore store_{kSize};
  FakeSource source_{store_};
  Noted noted_;
  asio::io_context loop_;
  WorkerPool pool_{loop_.get_executor(), 2};
  std::unique_ptr<PartialStore> partial_;
};

TEST_F(FetcherTest, BringsAStoreAndReportsEachPieceOnce) {
  EXPECT_EQ(fetch({{0, 6}}).end, FetchEnd::kDone);
  EXPECT_EQ(noted_.done.size(), 6U);
  EXPECT_EQ(noted_.done[0], store::kPieceSize);
  EXPECT_EQ(noted_.done[5], 20'000U);
  EXPECT_EQ(source_.asked.size(), 1U) << "one stream of bytes, not a request a piece";
  EXPECT_EQ(source_.pages_asked, 1);
  EXPECT_EQ(committed(), store_.bytes);
}

TEST_F(FetcherTest, FetchesOnlyWhatItIsTold) {
  EXPECT_EQ(fetch({{1, 2}, {5, 1}}).end, FetchEnd::kDone);
  EXPECT_EQ(partial_->verified(), (std::vector<bool>{false, true, true, false, false, true}));
  EXPECT_EQ(source_.asked[0], (std::pair<std::uint64_t, std::uint64_t>(store::kPieceSize, 2 * store::kPieceSize)));
  EXPECT_EQ(source_.asked[1], (std::pair<std::uint64_t, std::uint64_t>(5 * store::kPieceSize, 20'000)));
}

TEST_F(FetcherTest, BlamesOneFlippedLeafAndFetchesOnlyThatLeafAgain) {
  flip(2, 17);
  source_.heals = true;
  EXPECT_EQ(fetch({{0, 6}}).end, FetchEnd::kDone);
  EXPECT_EQ(noted_.bad, (std::map<std::uint32_t, std::vector<std::uint32_t>>{{2, {17}}}));
  ASSERT_EQ(source_.asked.size(), 2U);
  EXPECT_EQ(source_.asked[1].first, 2 * store::kPieceSize + 17 * store::kLeafSize);
  EXPECT_EQ(source_.asked[1].second, store::kLeafSize);
  EXPECT_EQ(noted_.done[2], store::kPieceSize + 64 * 32 + store::kLeafSize) << "the leaves' hashes and the leaf count";
  EXPECT_EQ(committed(), store_.bytes);
}

TEST_F(FetcherTest, GivesUpASourceThatSendsABadLeafTwice) {
  flip(2, 17);
  const sync::FetchOutcome outcome = fetch({{0, 6}});
  EXPECT_EQ(outcome.end, FetchEnd::kBadData);
  EXPECT_FALSE(partial_->verified()[2]) << "nothing wrong is written";
  EXPECT_EQ(noted_.bad.size(), 1U);
}

TEST_F(FetcherTest, GivesUpASourceWithMoreBadPiecesThanItRepairs) {
  for (std::uint32_t piece = 0; piece <= kMaxRepairs; ++piece) flip(piece, 1);
  source_.heals = true;
  EXPECT_EQ(fetch({{0, 6}}).end, FetchEnd::kBadData);
  EXPECT_LE(source_.leaves_asked, static_cast<int>(kMaxRepairs));
}

TEST_F(FetcherTest, GivesUpASourceWhoseLeavesAreNotTheStores) {
  flip(0, 0);
  source_.wrong_leaves = true;
  EXPECT_EQ(fetch({{0, 1}}).end, FetchEnd::kBadData);
  EXPECT_TRUE(noted_.bad.empty()) << "no leaf is blamed without proof";
  EXPECT_EQ(verified(), 0U);
}

TEST_F(FetcherTest, RefusesAWrongLayerAndWritesNothing) {
  source_.page[40] ^= 1U;
  EXPECT_EQ(fetch({{0, 6}}).end, FetchEnd::kBadData);
  EXPECT_EQ(verified(), 0U);
  EXPECT_TRUE(noted_.done.empty());
}

TEST_F(FetcherTest, RefusesALayerOfTheWrongLength) {
  source_.page.push_back(0);
  EXPECT_EQ(fetch({{0, 6}}).end, FetchEnd::kBadData);
  EXPECT_EQ(verified(), 0U);
}

TEST_F(FetcherTest, KeepsTheWholePiecesOfASourceThatBreaksOff) {
  source_.fails_at = 3 * store::kPieceSize + 100'000;
  EXPECT_EQ(fetch({{0, 6}}).end, FetchEnd::kConnection);
  EXPECT_EQ(noted_.done.size(), 3U);
  EXPECT_EQ(verified(), 3U);

  FakeSource other(store_);
  Noted rest;
  Fetcher second(other, *partial_, pool_, {{3, 3}}, rest);
  EXPECT_EQ(wait_for(loop_, second.run()).end, FetchEnd::kDone);
  EXPECT_EQ(other.asked[0].first, 3 * store::kPieceSize) << "no verified piece is fetched again";
  EXPECT_EQ(other.pages_asked, 0) << "nor a page that was proved";
  EXPECT_EQ(committed(), store_.bytes);
}

TEST_F(FetcherTest, PassesOnWhatTheSourceSaysAndWhenToComeBack) {
  source_.fails_at = 0;
  source_.failure = {SourceError::kBusy, std::chrono::seconds(3)};
  const sync::FetchOutcome outcome = fetch({{0, 6}});
  EXPECT_EQ(outcome.end, FetchEnd::kBusy);
  EXPECT_EQ(outcome.retry_after, std::chrono::seconds(3));
}

TEST_F(FetcherTest, EndsSoonWhenStoppedWhileTheSourceIsSilent) {
  source_.hangs_at = 2 * store::kPieceSize;
  Fetcher fetcher(source_, *partial_, pool_, {{0, 6}}, noted_);
  std::optional<sync::FetchOutcome> outcome;
  asio::co_spawn(loop_, keep_result(fetcher.run(), outcome), asio::detached);
  loop_.restart();
  while (noted_.done.size() < 2) loop_.run_one();
  fetcher.stop();
  while (!outcome) loop_.run_one();
  EXPECT_EQ(outcome->end, FetchEnd::kCancelled);
  EXPECT_EQ(verified(), 2U);
}

TEST_F(FetcherTest, DoesNothingWhenStoppedBeforeItRuns) {
  Fetcher fetcher(source_, *partial_, pool_, {{0, 6}}, noted_);
  fetcher.stop();
  EXPECT_EQ(wait_for(loop_, fetcher.run()).end, FetchEnd::kCancelled);
  EXPECT_TRUE(source_.asked.empty());
}

TEST(Fetcher, StopsReadingWhenItHoldsAsMuchAsItMay) {
  TemporaryFolder folder;
  const TestStore store(20 * store::kPieceSize);
  FakeSource source(store);
  source.stall_page = true;  // so that no piece can be verified and let go
  Noted noted;
  asio::io_context loop;
  WorkerPool pool(loop.get_executor(), 1);
  PartialOptions options;
  options.reserve = 0;
  auto partial = wait_for(loop, PartialStore::open(pool, folder.path(), store.id, store.content(), options));
  ASSERT_TRUE(partial);
  Fetcher fetcher(source, **partial, pool, {{0, 20}}, noted);
  std::optional<sync::FetchOutcome> outcome;
  asio::co_spawn(loop, keep_result(fetcher.run(), outcome), asio::detached);
  loop.restart();
  loop.poll();
  EXPECT_LE(source.most_sent, kMaxFetchMemory);
  EXPECT_GE(source.most_sent, kMaxFetchMemory - 2 * store::kPieceSize);

  source.page_released = true;
  source.changed.notify_all();
  while (!outcome) loop.run_one();
  EXPECT_EQ(outcome->end, FetchEnd::kDone);
  EXPECT_EQ(noted.done.size(), 20U);
}

TEST(Fetcher, BlamesNobodyWhenTheDiskIsFull) {
  class Full final : public FileOps {
   public:
    ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
      if (size < store::kLeafSize) return FileOps::pwrite(fd, data, size, offset);
      errno = ENOSPC;
      return -1;
    }
  };
  TemporaryFolder folder;
  const TestStore store(2 * store::kPieceSize);
  FakeSource source(store);
  Noted noted;
  Full full;
  asio::io_context loop;
  WorkerPool pool(loop.get_executor(), 1);
  auto partial =
      wait_for(loop, PartialStore::open(pool, folder.path(), store.id, store.content(), {.reserve = 0, .ops = &full}));
  ASSERT_TRUE(partial);
  Fetcher fetcher(source, **partial, pool, {{0, 2}}, noted);
  const sync::FetchOutcome outcome = wait_for(loop, fetcher.run());
  EXPECT_EQ(outcome.end, FetchEnd::kDisk);
  EXPECT_EQ(outcome.disk.error, sync::DiskError::kNoSpace);
  EXPECT_TRUE(noted.bad.empty());
}

TEST(Fetcher, BringsAStoreOfOnePieceWithoutAskingForALayer) {
  TemporaryFolder folder;
  const TestStore store(100'000);
  FakeSource source(store);
  Noted noted;
  asio::io_context loop;
  WorkerPool pool(loop.get_executor(), 1);
  auto partial = wait_for(loop, PartialStore::open(pool, folder.path(), store.id, store.content(), {.reserve = 0}));
  ASSERT_TRUE(partial);
  Fetcher fetcher(source, **partial, pool, {{0, 1}}, noted);
  EXPECT_EQ(wait_for(loop, fetcher.run()).end, FetchEnd::kDone);
  EXPECT_EQ(source.pages_asked, 0);
}

}  // namespace
}  // namespace turnpike::io
