#include "io/channel/http_source.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/hex.h"
#include "io/channel/channel_test_support.h"
#include "io/http/range.h"
#include "io/http/server.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

constexpr std::uint64_t kSize = 5 * store::kPieceSize + 123;

std::unique_ptr<TcpListener> listen_anywhere(asio::io_context& loop) {
  auto listener = TcpListener::open(loop.get_executor(), Endpoint{IpAddress::v4(127, 0, 0, 1), 0});
  return listener ? *std::move(listener) : nullptr;
}

/// A node's HTTP server over a store in memory.
class HttpSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    start_server(0);
    ASSERT_TRUE(port_);
    source_.emplace(Endpoint{IpAddress::v4(127, 0, 0, 1), *port_});
  }
  /// Instead of the one that runs, whose connections end.
  void start_server(std::uint16_t port) {
    server_.reset();
    server_.emplace(loop_.get_executor(), http::ServerLimits());
    server_->route(http::Method::kGet, "/download/",
                   [this](http::Request request) { return download(std::move(request)); });
    server_->route(http::Method::kGet, "/v1/layer/",
                   [this](http::Request request) { return layer(std::move(request)); });
    auto listener = TcpListener::open(loop_.get_executor(), Endpoint{IpAddress::v4(127, 0, 0, 1), port});
    ASSERT_TRUE(listener);
    port_ = (*listener)->local().port;
    server_->listen(*std::move(listener));
  }
  ~HttpSourceTest() override {
    source_.reset();
    server_.reset();
    loop_.restart();
    loop_.poll();
  }

  asio::awaitable<http::Response> download(http::Request request) {
    http::Response response;
    asked_.push_back(std::string(request.headers.find("Range").value_or("")));
    const std::string etag = http::make_etag(store_.content().size, to_hex(store_.content().root));
    if (status_ != 200) {
      response.status = status_;
      response.headers.add("Retry-After", "7");
    } else if (request.path() != "/download/" + store_.id.to_string()) {
      response.status = 404;
    } else if (const auto tag = request.headers.find("If-Match"); check_match_ && tag && *tag != etag) {
      response.status = 412;
    } else {
      const auto selected = http::select({.range = request.headers.find("Range"), .if_range = {}, .if_none_match = {}},
                                         serve_.size(), etag);
      response.status = selected.status;
      if (with_etag_) response.headers.add("ETag", etag);
      response.headers.add("Content-Range", selected.content_range);
      response.body = copy_of(ByteView(serve_).subspan(selected.offset, selected.length));
    }
    co_return response;
  }
  asio::awaitable<http::Response> layer(http::Request request) {
    http::Response response;
    const auto from = request.query("from");
    const auto leaves = request.query("leaves");
    if (request.query("root") != to_hex(store_.content().root)) {
      response.status = 404;
    } else if (from) {
      response.body = store_.page(static_cast<std::uint32_t>(std::stoul(*from)));
    } else {
      response.body = leaves_override_.value_or(store_.leaves(static_cast<std::uint32_t>(std::stoul(*leaves))));
    }
    co_return response;
  }

  Status<SourceFailure> range(std::uint64_t offset, std::uint64_t length) {
    sink_.bytes.clear();
    return wait_for(loop_, source_->range(store_.id, store_.content(), offset, length, sink_, stop_));
  }
  SourceFailure failure_of_range() {
    const auto brought = range(0, kSize);
    EXPECT_FALSE(brought);
    return brought ? SourceFailure{SourceError::kStopped, {}} : brought.error();
  }

  TestStore store_{kSize};
  Bytes serve_ = store_.bytes;
  unsigned status_ = 200;
  bool with_etag_ = true;
  bool check_match_ = true;
  std::optional<Bytes> leaves_override_;
  std::vector<std::string> asked_;
  asio::io_context loop_;
  std::optional<http::Server> server_;
  std::optional<std::uint16_t> port_;
  std::optional<HttpSource> source_;
  Collected sink_;
  Stop stop_;
};

TEST_F(HttpSourceTest, BringsRangesOverOneConnection) {
  for (const auto& [offset, length] :
       {std::pair<std::uint64_t, std::uint64_t>{0, kSize}, {kSize - 1, 1}, {777, 2'000'000}}) {
    EXPECT_TRUE(range(offset, length));
    EXPECT_EQ(sink_.bytes, copy_of(ByteView(store_.bytes).subspan(offset, length)));
  }
  EXPECT_EQ(asked_[1], "bytes=" + std::to_string(kSize - 1) + "-" + std::to_string(kSize - 1));
  EXPECT_EQ(server_->counters().accepted, 1U);
}

TEST_F(HttpSourceTest, ConnectsAgainWhenTheServerHasClosedEveryIdleConnection) {
  Collected second;
  std::optional<Status<SourceFailure>> other;  // at once with the first, so that two connections are kept
  asio::co_spawn(loop_, keep_result(source_->range(store_.id, store_.content(), 0, kSize, second, stop_), other),
                 asio::detached);
  EXPECT_TRUE(range(0, kSize));
  while (!other) loop_.run_one();
  EXPECT_EQ(server_->counters().accepted, 2U);
  start_server(*port_);
  EXPECT_TRUE(range(0, kSize));
  EXPECT_EQ(sink_.bytes, store_.bytes);
  EXPECT_EQ(server_->counters().accepted, 1U);
}

TEST_F(HttpSourceTest, BringsPagesAndLeaves) {
  const auto page = wait_for(loop_, source_->layer_page(store_.id, store_.content(), 0, stop_));
  ASSERT_TRUE(page);
  EXPECT_EQ(*page, store_.page(0));
  const auto leaves = wait_for(loop_, source_->leaves(store_.id, store_.content(), 5, stop_));
  ASSERT_TRUE(leaves);
  EXPECT_EQ(*leaves, store_.leaves(5));
}

TEST_F(HttpSourceTest, BlamesLeavesOfTheWrongLength) {
  leaves_override_ = Bytes(64 * 32 - 1);
  const auto leaves = wait_for(loop_, source_->leaves(store_.id, store_.content(), 0, stop_));
  ASSERT_FALSE(leaves);
  EXPECT_EQ(leaves.error().error, SourceError::kProtocol);
  leaves_override_ = Bytes(exchange::kMaxLeavesSize + 1);
  EXPECT_EQ(wait_for(loop_, source_->leaves(store_.id, store_.content(), 0, stop_)).error().error,
            SourceError::kProtocol);
}

TEST_F(HttpSourceTest, TakesAnotherTagForAnotherContent) {
  store::Content other = store_.content();
  other.root[3] ^= 1U;
  auto brought = wait_for(loop_, source_->range(store_.id, other, 0, 10, sink_, stop_));
  ASSERT_FALSE(brought);
  EXPECT_EQ(brought.error().error, SourceError::kWrongRoot) << "412 to If-Match";
  check_match_ = false;
  brought = wait_for(loop_, source_->range(store_.id, other, 0, 10, sink_, stop_));
  ASSERT_FALSE(brought);
  EXPECT_EQ(brought.error().error, SourceError::kWrongRoot) << "from a server that does not know If-Match";
  EXPECT_TRUE(sink_.bytes.empty());
}

TEST_F(HttpSourceTest, PassesRefusalsOnWithTheirReason) {
  for (const auto& [status, error] : {std::pair{404U, SourceError::kNotFound}, std::pair{429U, SourceError::kOverQuota},
                                      std::pair{503U, SourceError::kBusy}, std::pair{403U, SourceError::kProtocol}}) {
    status_ = status;
    const SourceFailure failure = failure_of_range();
    EXPECT_EQ(failure.error, error) << status;
    const bool waits = error == SourceError::kOverQuota || error == SourceError::kBusy;
    EXPECT_EQ(failure.retry_after, waits ? Duration(std::chrono::seconds(7)) : Duration()) << status;
  }
}

TEST_F(HttpSourceTest, BlamesAFileOfAnotherSizeThatHasNoTag) {
  with_etag_ = false;
  serve_.push_back(0);
  EXPECT_EQ(failure_of_range().error, SourceError::kProtocol);
  serve_.resize(1000);
  EXPECT_EQ(failure_of_range().error, SourceError::kProtocol);
  EXPECT_TRUE(sink_.bytes.empty());
}

TEST_F(HttpSourceTest, StopsWhenTheSinkOrItsOwnerSaysSo) {
  sink_.stop_at = 2'000'000;
  EXPECT_EQ(failure_of_range().error, SourceError::kStopped);
  sink_.stop_at.reset();
  sink_.on_commit = [this] { stop_.request(); };
  EXPECT_EQ(failure_of_range().error, SourceError::kStopped);
  EXPECT_LT(sink_.bytes.size(), kSize);
}

TEST_F(HttpSourceTest, BringsAStoreToDisk) {
  TemporaryFolder folder;
  WorkerPool pool(loop_.get_executor(), 2);
  auto partial = wait_for(loop_, PartialStore::open(pool, folder.path(), store_.id, store_.content(), {.reserve = 0}));
  ASSERT_TRUE(partial);
  Noted noted;
  Fetcher fetcher(*source_, **partial, pool, {{0, 6}}, noted);
  EXPECT_EQ(wait_for(loop_, fetcher.run()).end, sync::FetchEnd::kDone);
  ASSERT_TRUE(wait_for(loop_, (*partial)->commit(Replace::kNo)));
  EXPECT_EQ(read_file(folder.path() / store_.id.file_name()), store_.bytes);
}

TEST_F(HttpSourceTest, WritesNothingWrongWhenTheServersBytesAre) {
  TemporaryFolder folder;
  WorkerPool pool(loop_.get_executor(), 2);
  auto partial = wait_for(loop_, PartialStore::open(pool, folder.path(), store_.id, store_.content(), {.reserve = 0}));
  ASSERT_TRUE(partial);
  serve_[2 * store::kPieceSize + 3 * store::kLeafSize] ^= 1U;
  Noted noted;
  Fetcher fetcher(*source_, **partial, pool, {{0, 6}}, noted);
  EXPECT_EQ(wait_for(loop_, fetcher.run()).end, sync::FetchEnd::kBadData);
  EXPECT_EQ(noted.bad, (std::map<std::uint32_t, std::vector<std::uint32_t>>{{2, {3}}}));
  EXPECT_FALSE((*partial)->verified()[2]);
}

enum class Then { kClose, kStaySilent, kRepeat };

/// Serves one connection: reads a little of the request, writes `answer`, and does as it is told.
asio::awaitable<void> serve_raw(TcpListener& listener, std::string answer, Then then) {
  auto accepted = co_await listener.accept();
  if (!accepted) co_return;
  const std::unique_ptr<BytePipe> pipe = *std::move(accepted);
  Bytes buffer(4096);
  auto got = co_await pipe->read_some(buffer);
  auto written = co_await pipe->write(bytes_of(answer));
  while (written && then == Then::kRepeat) written = co_await pipe->write(Bytes(100'000, 7));
  while (got && then == Then::kStaySilent) got = co_await pipe->read_some(buffer);
}

class RawServerTest : public ::testing::Test {
 protected:
  SourceError error_of(std::string answer, Then then, exchange::PatienceLimits patience = {}) {
    const auto listener = listen_anywhere(loop_);
    HttpSource source(listener->local(), patience);
    asio::co_spawn(loop_, serve_raw(*listener, std::move(answer), then), asio::detached);
    const auto brought = wait_for(loop_, source.range(store_.id, store_.content(), 0, 1000, sink_, stop_));
    listener->close();
    return brought ? SourceError::kStopped : brought.error().error;
  }
  [[nodiscard]] std::string head(std::string_view length) const {
    return "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-999/" + std::to_string(kSize) + "\r\n" +
           std::string(length) + "\r\n\r\n";
  }

  TestStore store_{kSize};
  asio::io_context loop_;
  Collected sink_;
  Stop stop_;
};

TEST_F(RawServerTest, IsBlamedForAnEndlessBody) {
  EXPECT_EQ(error_of(head("Transfer-Encoding: chunked"), Then::kRepeat), SourceError::kProtocol);
  EXPECT_EQ(error_of(head("Connection: close"), Then::kRepeat), SourceError::kProtocol);
  EXPECT_TRUE(sink_.bytes.empty());
}

TEST_F(RawServerTest, IsBlamedForTheWrongLengthOrRange) {
  EXPECT_EQ(error_of(head("Content-Length: 999"), Then::kRepeat), SourceError::kProtocol);
  EXPECT_EQ(error_of(head("Content-Length: 1001"), Then::kRepeat), SourceError::kProtocol);
  EXPECT_EQ(error_of("HTTP/1.1 206 OK\r\nContent-Range: bytes 1-1000/5\r\nContent-Length: 1000\r\n\r\n", Then::kRepeat),
            SourceError::kProtocol);
  EXPECT_EQ(error_of("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", Then::kRepeat), SourceError::kProtocol);
  EXPECT_TRUE(sink_.bytes.empty());
}

TEST_F(RawServerTest, IsBlamedForWhatIsNotHttp) {
  EXPECT_EQ(error_of("SSH-2.0-OpenSSH\r\n\r\n", Then::kClose), SourceError::kProtocol);
}

TEST_F(RawServerTest, IsNotBlamedForAConnectionThatBreaksOff) {
  EXPECT_EQ(error_of(head("Content-Length: 1000") + "abc", Then::kClose), SourceError::kConnection);
  EXPECT_EQ(sink_.bytes.size(), 3U);
}

TEST_F(RawServerTest, IsGivenUpWhenItFallsSilent) {
  exchange::PatienceLimits patience;
  patience.silence = std::chrono::milliseconds(30);
  EXPECT_EQ(error_of(head("Content-Length: 1000") + "abc", Then::kStaySilent, patience), SourceError::kTimeout);
}

TEST_F(RawServerTest, IsNobodyWhereNobodyListens) {
  auto listener = listen_anywhere(loop_);
  HttpSource source(listener->local());
  listener.reset();
  const auto brought = wait_for(loop_, source.range(store_.id, store_.content(), 0, 1000, sink_, stop_));
  ASSERT_FALSE(brought);
  EXPECT_EQ(brought.error().error, SourceError::kConnection);
}

}  // namespace
}  // namespace turnpike::io
