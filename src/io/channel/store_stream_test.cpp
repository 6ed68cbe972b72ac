#include "io/channel/store_stream.h"

#include <gtest/gtest.h>

#include "io/channel/channel_test_support.h"
#include "io/channel/exchange_source.h"
#include "io/channel/link_test_support.h"
#include "io/channel/store_server.h"

namespace turnpike::io {
namespace {

constexpr std::uint64_t kSize = 6 * store::kPieceSize + 123;

/// The real server behind a real link; each connection is a new link.
class StoreStreamTest : public ::testing::Test {
 protected:
  struct Path {
    explicit Path(asio::io_context& loop, StoreServer& server)
        : pair(loop, [&server](std::unique_ptr<LinkStream> stream) { return server.serve(std::move(stream)); }),
          source(*pair.left) {}
    LinkedPair pair;
    ExchangeSource source;
  };

  asio::awaitable<Result<std::shared_ptr<StoreSource>, SourceFailure>> connect() {
    if (gone_) co_return fail(SourceFailure{SourceError::kConnection, {}});
    const auto path = std::make_shared<Path>(loop_, server_);
    ++connected_;
    paths_.push_back(path);
    const auto peer = co_await path->pair.left->established();
    EXPECT_TRUE(peer);
    co_return std::shared_ptr<StoreSource>(path, &path->source);
  }
  void start(std::uint64_t offset, std::uint64_t length, const TestStore& of) {
    stream_.emplace(pool_, of.id, of.content(), offset, length, [this] { return connect(); });
  }
  void start(std::uint64_t offset = 0, std::uint64_t length = kSize) { start(offset, length, store_); }
  Result<Bytes, SourceFailure> next() { return wait_for(loop_, stream_->next()); }
  /// All that comes, and how it ended: nothing is the end in order.
  std::pair<Bytes, std::optional<SourceError>> all() {
    Bytes out;
    while (true) {
      const auto more = next();
      if (!more) return {out, more.error().error};
      if (more->empty()) return {out, std::nullopt};
      out.insert(out.end(), more->begin(), more->end());
    }
  }
  [[nodiscard]] Bytes part(std::uint64_t offset, std::uint64_t length) const {
    return copy_of(ByteView(store_.bytes).subspan(offset, length));
  }

  TestStore store_{kSize};
  MemoryReader reader_{store_};
  StoreServer server_{reader_};
  asio::io_context loop_;
  WorkerPool pool_{loop_.get_executor(), 1};
  std::vector<std::shared_ptr<Path>> paths_;
  std::optional<StoreStream> stream_;
  int connected_ = 0;
  bool gone_ = false;
};

TEST_F(StoreStreamTest, BringsAStoreWhole) {
  start();
  const auto [bytes, error] = all();
  EXPECT_EQ(error, std::nullopt);
  EXPECT_EQ(bytes, store_.bytes);
  EXPECT_EQ(connected_, 1);
}

TEST_F(StoreStreamTest, BringsAStoreOfOneByte) {
  const TestStore tiny(1, 3);
  MemoryReader reader(tiny);
  StoreServer server(reader);
  const auto path = std::make_shared<Path>(loop_, server);
  ASSERT_TRUE(wait_for(loop_, path->pair.left->established()));
  stream_.emplace(pool_, tiny.id, tiny.content(), 0, 1,
                  [path]() -> asio::awaitable<Result<std::shared_ptr<StoreSource>, SourceFailure>> {
                    std::shared_ptr<StoreSource> source(path, &path->source);
                    co_return source;
                  });
  EXPECT_EQ(all(), (std::pair<Bytes, std::optional<SourceError>>(tiny.bytes, std::nullopt)));
}

TEST_F(StoreStreamTest, BringsPartsThatBeginAndEndInsidePieces) {
  for (const auto& [offset, length] : {std::pair<std::uint64_t, std::uint64_t>{0, 1},
                                       {kSize - 1, 1},
                                       {store::kPieceSize - 1, 2},
                                       {777, 3'000'000},
                                       {store::kPieceSize, store::kPieceSize}}) {
    start(offset, length);
    EXPECT_EQ(all(), (std::pair<Bytes, std::optional<SourceError>>(part(offset, length), std::nullopt))) << offset;
  }
}

TEST_F(StoreStreamTest, HandsNothingOnThatIsWrong) {
  reader_.serve[3 * store::kPieceSize + 5] ^= 1U;
  start();
  const auto [bytes, error] = all();
  EXPECT_EQ(error, SourceError::kProtocol);
  EXPECT_EQ(bytes, part(0, 3 * store::kPieceSize));
}

TEST_F(StoreStreamTest, PassesARefusalOn) {
  reader_.refuse_with = Refusal{.status = exchange::StatusCode::kOverQuota, .content = {}, .retry_after_ms = 1500};
  start();
  const auto first = next();
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().error, SourceError::kOverQuota);
  EXPECT_EQ(first.error().retry_after, std::chrono::milliseconds(1500));
}

TEST_F(StoreStreamTest, GoesOnOverANewPathWhereTheOldOneBroke) {
  start();
  const auto first = next();
  ASSERT_TRUE(first);
  paths_.back()->pair.right.reset();
  auto [rest, error] = all();
  EXPECT_EQ(error, std::nullopt);
  rest.insert(rest.begin(), first->begin(), first->end());
  EXPECT_EQ(rest, store_.bytes);
  EXPECT_EQ(connected_, 2);
}

TEST_F(StoreStreamTest, FailsWhenNobodyIsLeftToConnectTo) {
  start();
  ASSERT_TRUE(next());
  gone_ = true;
  paths_.back()->pair.right.reset();
  const auto [rest, error] = all();
  EXPECT_EQ(error, SourceError::kConnection);
  EXPECT_LT(rest.size(), kSize - store::kPieceSize);
}

TEST_F(StoreStreamTest, GivesUpOnPathsThatBringNothing) {
  reader_.readable = 0;  // every body that is promised breaks off
  start();
  const auto [bytes, error] = all();
  EXPECT_EQ(error, SourceError::kConnection);
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(connected_, static_cast<int>(kMaxFruitlessAttempts));
}

TEST_F(StoreStreamTest, ReadsNoFurtherAheadThanItMay) {
  constexpr std::uint64_t kLong = 40 * store::kPieceSize;
  const TestStore store(kLong, 5);
  MemoryReader reader(store);
  StoreServer server(reader);
  channel::Limits limits;
  limits.wide_window = 1U << 20U;
  limits.max_window = 1U << 20U;
  LinkedPair pair(
      loop_, [&server](std::unique_ptr<LinkStream> stream) { return server.serve(std::move(stream)); }, limits);
  ASSERT_TRUE(wait_for(loop_, pair.left->established()));
  const auto source = std::make_shared<ExchangeSource>(*pair.left);
  stream_.emplace(pool_, store.id, store.content(), 0, kLong,
                  [source]() -> asio::awaitable<Result<std::shared_ptr<StoreSource>, SourceFailure>> {
                    std::shared_ptr<StoreSource> out = source;
                    co_return out;
                  });
  ASSERT_TRUE(next());
  // Nobody takes more: the window, the pieces ahead and what the server has read are all that moves.
  loop_.restart();
  while (loop_.run_for(std::chrono::milliseconds(100)) > 0) {
  }
  EXPECT_LT(server.bytes_served(), (kStreamPiecesAhead + 8) * store::kPieceSize);
  stream_.reset();
}

TEST_F(StoreStreamTest, StopsWhenItIsDropped) {
  start();
  ASSERT_TRUE(next());
  stream_.reset();
  paths_.clear();
  loop_.restart();
  loop_.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(loop_.stopped()) << "something goes on for nobody";
}

}  // namespace
}  // namespace turnpike::io
