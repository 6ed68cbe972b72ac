#include "io/channel/exchange_source.h"

#include <gtest/gtest.h>

#include "io/channel/channel_test_support.h"
#include "io/channel/link_test_support.h"
#include "io/channel/store_server.h"

namespace turnpike::io {
namespace {

using exchange::Header;
using exchange::StatusCode;

constexpr std::uint64_t kSize = 9 * store::kPieceSize + 123;

/// The real server at the other end.
class StoreStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    channel::Limits limits;
    limits.receive_cap = std::size_t{128} << 20U;  // so that more streams fit than the server serves at once
    const auto serve = [this](std::unique_ptr<LinkStream> stream) { return server_.serve(std::move(stream)); };
    pair_.emplace(loop_, serve, limits);
    ASSERT_TRUE(wait_for(loop_, pair_->left->established()));
    source_.emplace(*pair_->left);
  }
  Status<SourceFailure> range(std::uint64_t offset, std::uint64_t length) {
    sink_.bytes.clear();
    return wait_for(loop_, source_->range(store_.id, store_.content(), offset, length, sink_, stop_));
  }
  SourceError error_of_range() {
    const auto brought = range(0, kSize);
    EXPECT_FALSE(brought);
    return brought ? SourceError::kStopped : brought.error().error;
  }
  [[nodiscard]] Bytes part(std::uint64_t offset, std::uint64_t length) const {
    return copy_of(ByteView(store_.bytes).subspan(offset, length));
  }

  TestStore store_{kSize};
  MemoryReader reader_{store_};
  StoreServer server_{reader_};
  asio::io_context loop_;
  std::optional<LinkedPair> pair_;
  std::optional<ExchangeSource> source_;
  Collected sink_;
  Stop stop_;
};

TEST_F(StoreStreamTest, BringsRangesOfAnyLength) {
  for (const auto& [offset, length] :
       {std::pair<std::uint64_t, std::uint64_t>{0, kSize}, {kSize - 1, 1}, {777, 5'000'000}}) {
    EXPECT_TRUE(range(offset, length));
    EXPECT_EQ(sink_.bytes, part(offset, length));
  }
  EXPECT_EQ(server_.bytes_served(), kSize + 1 + 5'000'000);
}

TEST_F(StoreStreamTest, AsksOverOneStreamAndOpensTheStoreOnceForConsecutiveRanges) {
  EXPECT_TRUE(range(0, kSize));
  EXPECT_EQ(reader_.opened, 1) << "three requests of up to 4 MiB";
  EXPECT_TRUE(range(0, 1000));
  EXPECT_EQ(pair_->left->streams(), 1U);
}

TEST_F(StoreStreamTest, BringsPagesLeavesAndTheManifest) {
  const auto page = wait_for(loop_, source_->layer_page(store_.id, store_.content(), 0, stop_));
  ASSERT_TRUE(page);
  EXPECT_EQ(*page, store_.page(0));
  const auto leaves = wait_for(loop_, source_->leaves(store_.id, store_.content(), 9, stop_));
  ASSERT_TRUE(leaves);
  EXPECT_EQ(*leaves, store_.leaves(9));
  const auto manifest = wait_for(loop_, source_->manifest(store_.id, stop_));
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->content, store_.content());
  EXPECT_EQ(manifest->signed_statement, (Bytes{1, 2, 3}));
}

TEST_F(StoreStreamTest, PassesRefusalsOnWithTheirReason) {
  reader_.refuse_with = Refusal{};
  EXPECT_EQ(error_of_range(), SourceError::kNotFound);
  reader_.refuse_with = Refusal{.status = StatusCode::kOverQuota, .content = {}, .retry_after_ms = 1500};
  const auto brought = range(0, 10);
  ASSERT_FALSE(brought);
  EXPECT_EQ(brought.error().error, SourceError::kOverQuota);
  EXPECT_EQ(brought.error().retry_after, std::chrono::milliseconds(1500));
  reader_.refuse_with = Refusal{.status = StatusCode::kBusy, .content = {}, .retry_after_ms = ~0U};
  EXPECT_EQ(range(0, 10).error().retry_after, kMaxRetryAfter) << "nobody puts us off for weeks";

  reader_.refuse_with.reset();
  store::Content other = store_.content();
  other.root[0] ^= 1U;
  const auto wrong = wait_for(loop_, source_->leaves(store_.id, other, 0, stop_));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().error, SourceError::kWrongRoot);
  EXPECT_TRUE(range(0, 10)) << "and the link goes on";
}

TEST_F(StoreStreamTest, TakesBackABodyItCannotFinishWithoutBeingBlamed) {
  reader_.readable = 3 * store::kPieceSize;
  EXPECT_EQ(error_of_range(), SourceError::kConnection);
  EXPECT_EQ(sink_.bytes, part(0, sink_.bytes.size())) << "what came is right as far as it goes";
}

TEST_F(StoreStreamTest, StopsWhenTheSinkOrItsOwnerSaysSo) {
  sink_.stop_at = 2'000'000;
  EXPECT_EQ(error_of_range(), SourceError::kStopped);
  sink_.stop_at.reset();
  sink_.on_commit = [this] { stop_.request(); };
  EXPECT_EQ(error_of_range(), SourceError::kStopped);
  EXPECT_LT(sink_.bytes.size(), kSize);
}

TEST_F(StoreStreamTest, AnswersBusyBeyondWhatItServesAtOnce) {
  std::vector<std::unique_ptr<LinkStream>> streams;
  const Bytes request = exchange::encode(
      exchange::Request{.store = store_.id, .content = store_.content(), .ask = exchange::AskRange{0, 4U << 20U}});
  for (std::size_t i = 0; i <= kMaxServing; ++i) {  // nobody reads the answers, so they stay under way
    streams.push_back(pair_->left->open(exchange::kProtocol));
    ASSERT_TRUE(streams.back()) << i;
    for (int pipelined = 0; pipelined < 10; ++pipelined) ASSERT_TRUE(wait_for(loop_, streams.back()->write(request)));
  }
  int busy = 0;
  for (const auto& stream : streams) {
    ASSERT_TRUE(wait_for(loop_, stream->wait_readable(now() + std::chrono::seconds(5))));
    exchange::FrameReader frames(exchange::kMaxHeaderSize);
    ByteView in = stream->readable();
    const auto frame = frames.take(in);
    ASSERT_TRUE(frame && !frame->empty());
    const auto header = exchange::decode_header(*frame);
    ASSERT_TRUE(header);
    if (header->status == StatusCode::kBusy) ++busy;
  }
  EXPECT_EQ(busy, 1);
}

TEST_F(StoreStreamTest, EndsAStreamThatBreaksTheProtocol) {
  const auto stream = pair_->left->open(exchange::kProtocol);
  ASSERT_TRUE(wait_for(loop_, stream->write(Bytes(300, 0xff))));
  const auto ready = wait_for(loop_, stream->wait_readable());
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error(), StreamError::kReset);
  EXPECT_TRUE(range(0, 10)) << "the others go on";
}

TEST_F(StoreStreamTest, FinishesAStreamThatTheAskerFinished) {
  const auto stream = pair_->left->open(exchange::kProtocol);
  ASSERT_TRUE(wait_for(loop_, stream->write(exchange::encode(exchange::Request{
                                  .store = store_.id, .content = {}, .ask = exchange::AskManifest{}}))));
  stream->finish();
  ASSERT_TRUE(wait_for(loop_, stream->wait_readable()));
  Status<StreamError> ready = Ok{};
  while (ready) {
    stream->consume(stream->readable().size());
    ready = wait_for(loop_, stream->wait_readable());
  }
  EXPECT_EQ(ready.error(), StreamError::kEnd);
}

TEST_F(StoreStreamTest, BringsAStoreToDiskWithEveryLayerReal) {
  TemporaryFolder folder;
  WorkerPool pool(loop_.get_executor(), 2);
  auto partial = wait_for(loop_, PartialStore::open(pool, folder.path(), store_.id, store_.content(), {.reserve = 0}));
  ASSERT_TRUE(partial);
  Noted noted;
  Fetcher fetcher(*source_, **partial, pool, {{0, 10}}, noted);
  EXPECT_EQ(wait_for(loop_, fetcher.run()).end, sync::FetchEnd::kDone);
  ASSERT_TRUE(wait_for(loop_, (*partial)->commit(Replace::kNo)));
  EXPECT_EQ(read_file(folder.path() / store_.id.file_name()), store_.bytes);
}

TEST_F(StoreStreamTest, WritesNothingWrongWhenTheServersBytesAre) {
  TemporaryFolder folder;
  WorkerPool pool(loop_.get_executor(), 2);
  auto partial = wait_for(loop_, PartialStore::open(pool, folder.path(), store_.id, store_.content(), {.reserve = 0}));
  ASSERT_TRUE(partial);
  reader_.serve[4 * store::kPieceSize + 70'000] ^= 4U;
  Noted noted;
  Fetcher fetcher(*source_, **partial, pool, {{0, 10}}, noted);
  EXPECT_EQ(wait_for(loop_, fetcher.run()).end, sync::FetchEnd::kBadData);
  EXPECT_EQ(noted.bad, (std::map<std::uint32_t, std::vector<std::uint32_t>>{{4, {4}}}));
  EXPECT_FALSE((*partial)->verified()[4]);
}

/// A server that answers the first request with whatever bytes a test wants, and then ends, stays silent or goes on.
enum class Then { kFinish, kStaySilent, kRepeat };

asio::awaitable<void> answer_with(std::unique_ptr<LinkStream> stream, Bytes bytes, Then then) {
  const Status<StreamError> ready = co_await stream->wait_readable();
  if (!ready) co_return;
  while (true) {
    const Status<StreamError> written = co_await stream->write(bytes);
    if (!written || then != Then::kRepeat) break;
  }
  if (then == Then::kFinish) stream->finish();
  while (true) {  // what else is asked is taken and not answered
    stream->consume(stream->readable().size());
    const Status<StreamError> more = co_await stream->wait_readable();
    if (!more) break;
  }
}

class BadServerTest : public ::testing::Test {
 protected:
  SourceError error_of(Bytes answer, Then then, exchange::PatienceLimits patience = {}) {
    LinkedPair pair(loop_,
                    [&](std::unique_ptr<LinkStream> stream) { return answer_with(std::move(stream), answer, then); });
    EXPECT_TRUE(wait_for(loop_, pair.left->established()));
    ExchangeSource source(*pair.left, patience);
    const auto brought = wait_for(loop_, source.range(store_.id, store_.content(), 0, 1000, sink_, stop_));
    EXPECT_FALSE(brought);
    return brought ? SourceError::kStopped : brought.error().error;
  }
  [[nodiscard]] Header ok(std::uint64_t offset, std::uint64_t length) const {
    return {.status = StatusCode::kOk,
            .content = store_.content(),
            .offset = offset,
            .length = length,
            .retry_after_ms = 0};
  }
  static Bytes with_body(const Header& header, std::size_t size) {
    Bytes out = exchange::encode(header);
    out.resize(out.size() + size, 7);
    return out;
  }

  TestStore store_{kSize};
  asio::io_context loop_;
  Collected sink_;
  Stop stop_;
};

TEST_F(BadServerTest, IsBlamedForAShortBody) {
  EXPECT_EQ(error_of(with_body(ok(0, 1000), 999), Then::kFinish), SourceError::kProtocol);
}

TEST_F(BadServerTest, IsBlamedForTheWrongLengthOffsetOrContent) {
  EXPECT_EQ(error_of(with_body(ok(0, 999), 999), Then::kFinish), SourceError::kProtocol);
  EXPECT_EQ(error_of(with_body(ok(0, 1001), 1001), Then::kFinish), SourceError::kProtocol);
  EXPECT_EQ(error_of(with_body(ok(1, 1000), 1000), Then::kFinish), SourceError::kProtocol);
  Header other = ok(0, 1000);
  other.content->size = kSize + 1;
  EXPECT_EQ(error_of(with_body(other, 1000), Then::kFinish), SourceError::kProtocol);
  EXPECT_TRUE(sink_.bytes.empty()) << "not a byte of it was taken";
}

TEST_F(BadServerTest, IsBlamedForNonsense) {
  EXPECT_EQ(error_of(Bytes(100, 0xff), Then::kFinish), SourceError::kProtocol);
}

TEST_F(BadServerTest, IsBlamedForFallingSilent) {
  exchange::PatienceLimits patience;
  patience.silence = std::chrono::milliseconds(20);
  EXPECT_EQ(error_of(with_body(ok(0, 1000), 10), Then::kStaySilent, patience), SourceError::kTimeout);
}

TEST_F(BadServerTest, CannotSendMoreThanOneWindowThatNobodyAskedFor) {
  LinkedPair pair(loop_, [&](std::unique_ptr<LinkStream> stream) {
    return answer_with(std::move(stream), with_body(ok(0, 1000), 1'000'000), Then::kRepeat);
  });
  ASSERT_TRUE(wait_for(loop_, pair.left->established()));
  ExchangeSource source(*pair.left);
  EXPECT_TRUE(wait_for(loop_, source.range(store_.id, store_.content(), 0, 1000, sink_, stop_)));
  EXPECT_EQ(sink_.bytes.size(), 1000U);
  const auto next = wait_for(loop_, source.range(store_.id, store_.content(), 0, 1000, sink_, stop_));
  EXPECT_EQ(sink_.bytes.size(), next ? 2000U : 1000U) << "the stream with the surplus was not used again";
  const channel::Limits limits;
  EXPECT_LE(pair.left->bytes_received(), 2 * (limits.wide_window + (1U << 20U)));
}

}  // namespace
}  // namespace turnpike::io
