#include "node/downloads.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "io/disk/disk_test_support.h"
#include "io/loop/convert.h"
#include "node/http_api.h"

namespace turnpike::node {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::uint64_t kSize = (std::uint64_t{5} << 20U) + 3;

/// What the brain would be told.
struct Recorder final : PathEvents, DownloadEvents, io::StoreReader {
  void path_open(path::PathId, Duration, const std::optional<IpAddress>&) override { ++opened; }
  void path_closed(path::PathId, const path::PathFailure& failure) override { closed.push_back(failure.end); }
  void partial_open(const sync::Target&, const std::vector<bool>& here) override { verified = here; }
  void partial_failed(const sync::Target&, const sync::DiskFailure&) override { ++partials_failed; }
  void piece_done(sync::FetchId, std::uint32_t piece, std::uint64_t) override {
    pieces.push_back(piece);
    if (on_piece) on_piece();
  }
  void fetch_ended(sync::FetchId, const sync::FetchOutcome& outcome) override {
    ended.push_back(outcome.end);
    if (on_ended) on_ended();
  }
  void committed(const sync::Target&) override { ++commits; }
  void commit_failed(const sync::Target&, const sync::DiskFailure&) override { ++commits_failed; }

  template <class T>
  static asio::awaitable<Result<T, io::Refusal>> nothing() {
    io::Refusal refusal;
    co_return fail(refusal);
  }
  asio::awaitable<Result<std::unique_ptr<io::ReadableStore>, io::Refusal>> open(store::StoreId,
                                                                                store::Content) override {
    return nothing<std::unique_ptr<io::ReadableStore>>();
  }
  asio::awaitable<Result<Bytes, io::Refusal>> layer_page(store::StoreId, store::Content, std::uint32_t) override {
    return nothing<Bytes>();
  }
  asio::awaitable<Result<Bytes, io::Refusal>> leaves(store::StoreId, store::Content, std::uint32_t) override {
    return nothing<Bytes>();
  }
  asio::awaitable<Result<Manifest, io::Refusal>> manifest(store::StoreId) override { return nothing<Manifest>(); }

  int opened = 0;
  std::vector<path::PathEnd> closed;
  std::optional<std::vector<bool>> verified;
  int partials_failed = 0;
  std::vector<std::uint32_t> pieces;
  std::vector<sync::FetchEnd> ended;
  int commits = 0;
  int commits_failed = 0;
  std::function<void()> on_piece;
  std::function<void()> on_ended;
};

/// A node's downloads, and another node on loopback that has the store.
class NodeDownloads : public testing::Test {
 protected:
  NodeDownloads() {
    const auto path = there_.path() / target_.store.file_name();
    io::write_file(path, bytes_);
    io::set_mtime(path, 1'600'000'000s);
    EXPECT_TRUE(io::wait_for(loop_, source_.scan()));
    add_routes(
        server_, source_, [](const store::StoreId&) { return true; },
        [](const store::StoreId&) { return sync::Mark::kOwn; },
        {.peer_id = peer_.to_string(), .version = "1", .started = io::now()});
    auto listener = io::TcpListener::open(loop_.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    at_ = (*listener)->local();
    server_.listen(*std::move(listener));
  }

  template <class F>
  void until(F is_so) {
    loop_.restart();
    while (!is_so()) loop_.run_one();
  }
  void open_path(Endpoint to) { open_path(to, peer_); }
  void open_path(Endpoint to, const identity::PeerId& peer) {
    paths_.open({.path = {1}, .peer = peer, .rung = path::Rung::kHttp, .target = path::HttpTarget{to}});
    until([this] { return events_.opened > 0 || !events_.closed.empty(); });
  }
  void open_partial() {
    events_.verified.reset();
    downloads_.open({target_});
    until([this] { return events_.verified || events_.partials_failed > 0; });
    ASSERT_TRUE(events_.verified);
  }
  void fetch(std::uint32_t first = 0, std::uint32_t count = 6) {
    downloads_.start({.fetch = {1}, .path = {1}, .target = target_, .pieces = {{first, count}}});
    until([this] { return !events_.ended.empty(); });
  }
  std::size_t partials_here() { return io::wait_for(loop_, io::list_partials(pool_, here_.path())).size(); }

  const identity::PeerId peer_{Digest{1}};
  const Bytes bytes_ = io::bytes_from_seed(kSize, 1);
  const sync::Target target_{io::id_from_seed(1), io::tree_of(bytes_).content};

  io::TemporaryFolder here_;
  io::TemporaryFolder there_;
  asio::io_context loop_;
  crypto::SecureRandom random_;
  io::WorkerPool pool_{loop_.get_executor(), 1};  // one job after the other
  io::Catalogue source_{pool_, there_.path(), [](const io::CatalogueEvent&) {}};
  io::http::Server server_{loop_.get_executor(), {}};
  Endpoint at_;

  Recorder events_;
  io::Catalogue catalogue_{pool_, here_.path(), [](const io::CatalogueEvent&) {}};
  crypto::SigningKey identity_ = crypto::SigningKey::generate(random_);
  Paths paths_{loop_.get_executor(), {.identity = &identity_}, events_, random_, events_};
  Downloads downloads_{loop_.get_executor(), {.data = here_.path(), .reserve = 0}, pool_, catalogue_, paths_, events_};
};

TEST_F(NodeDownloads, BringAStoreFromAnotherNodeAndPutItInPlace) {
  open_path(at_);
  ASSERT_EQ(events_.opened, 1);
  open_partial();
  EXPECT_EQ(*events_.verified, std::vector<bool>(6, false));
  fetch();
  EXPECT_EQ(events_.ended, std::vector{sync::FetchEnd::kDone});
  EXPECT_EQ(events_.pieces.size(), 6U);
  downloads_.commit({.target = target_, .mark = sync::Mark::kConfirmed});
  until([this] { return events_.commits + events_.commits_failed > 0; });
  EXPECT_EQ(events_.commits, 1);
  EXPECT_EQ(io::read_file(here_.path() / target_.store.file_name()), bytes_);
  EXPECT_EQ(catalogue_.find(target_.store), target_.content);
  EXPECT_EQ(partials_here(), 0U);
}

TEST_F(NodeDownloads, KeepWhatIsVerifiedWhenTheyAreCancelledAndGoOnFromThere) {
  open_path(at_);
  open_partial();
  events_.on_piece = [this] { downloads_.cancel({sync::FetchId{1}}); };
  fetch();
  EXPECT_EQ(events_.ended, std::vector{sync::FetchEnd::kCancelled});
  const std::size_t here = events_.pieces.size();
  downloads_.release({.target = target_, .discard = false});
  open_partial();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(*events_.verified, true)), here);
}

TEST_F(NodeDownloads, MayBeDiscardedAtTheEndOfTheLastFetch) {
  open_path(at_);
  open_partial();
  events_.on_ended = [this] { downloads_.release({.target = target_, .discard = true}); };
  fetch(0, 2);
  EXPECT_EQ(partials_here(), 0U);
  open_partial();
  EXPECT_EQ(*events_.verified, std::vector<bool>(6, false));
}

TEST_F(NodeDownloads, MayBeOpenedAnewAtTheEndOfTheLastFetch) {
  open_path(at_);
  open_partial();
  events_.on_ended = [this] {
    events_.verified.reset();
    downloads_.release({.target = target_, .discard = false});
    downloads_.open({target_});
  };
  fetch(0, 2);
  until([this] { return events_.verified || events_.partials_failed > 0; });
  EXPECT_EQ(events_.partials_failed, 0);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(*events_.verified, true)), 2U);
}

TEST_F(NodeDownloads, SayThatThePeerHasTheStoreNoMore) {
  open_path(at_);
  open_partial();
  std::filesystem::remove(there_.path() / target_.store.file_name());
  fetch();
  EXPECT_EQ(events_.ended, std::vector{sync::FetchEnd::kNotFound});
}

TEST_F(NodeDownloads, AnswerEveryOrderEvenWithoutAPathOrAPartial) {
  fetch();  // neither is there
  EXPECT_EQ(events_.ended, std::vector{sync::FetchEnd::kPathLost});
  downloads_.commit({.target = target_, .mark = sync::Mark::kConfirmed});
  EXPECT_EQ(events_.commits_failed, 1);
  downloads_.cancel({sync::FetchId{7}});
  downloads_.release({.target = target_, .discard = false});
}

TEST_F(NodeDownloads, LearnThatNobodyListensAtAnAddress) {
  Endpoint nobody;
  {
    const auto listener = io::TcpListener::open(loop_.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    nobody = (*listener)->local();
  }
  open_path(nobody);
  EXPECT_EQ(events_.closed, std::vector{path::PathEnd::kRefused});
  EXPECT_EQ(paths_.find({1}), nullptr);
}

TEST_F(NodeDownloads, FetchNothingFromAnotherPeerAtTheSameAddress) {
  open_path(at_, {Digest{2}});
  EXPECT_EQ(events_.opened, 0);
  EXPECT_EQ(events_.closed, std::vector{path::PathEnd::kWrongPeer});
}

TEST_F(NodeDownloads, HearNothingOfAPathThatWasClosedWhileItOpened) {
  paths_.open({.path = {1}, .peer = peer_, .rung = path::Rung::kHttp, .target = path::HttpTarget{at_}});
  paths_.close({1});
  paths_.open({.path = {2}, .peer = peer_, .rung = path::Rung::kHttp, .target = path::HttpTarget{at_}});
  until([this] { return events_.opened > 0; });
  until([this] { return server_.counters().open == 0; });
  EXPECT_EQ(events_.opened, 1);
  EXPECT_TRUE(events_.closed.empty());
}

}  // namespace
}  // namespace turnpike::node
