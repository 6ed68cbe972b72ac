#include "node/http_api.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/hex.h"
#include "core/merkle/layer_page.h"
#include "io/disk/disk_test_support.h"
#include "io/http/client.h"
#include "io/http/range.h"
#include "io/loop/convert.h"
#include "io/loop/run.h"

namespace turnpike::node {
namespace {

namespace asio = boost::asio;

using namespace std::chrono_literals;
using io::http::Headers;
using io::http::Method;
using nlohmann::json;
using store::StoreId;

constexpr std::uint64_t kSize = (std::uint64_t{5} << 20U) + 3;
constexpr std::uint64_t kUploadLimit = std::uint64_t{64} << 20U;  // so that all of it goes through the limit

struct Answer {
  unsigned status = 0;
  Headers headers;
  Bytes body;

  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(headers.find(name).value_or("(none)"));
  }
};

/// A node's HTTP server on loopback, over a real folder of stores.
class NodeHttp : public testing::Test {
 protected:
  NodeHttp() {
    put(store_, bytes_);
    put(contested_, contested_bytes_);
    add_routes(
        server_, catalogue_, [this](const StoreId& id) { return !hidden_.contains(id); },
        [this](const StoreId& id) { return id == unconfirmed_ ? sync::Mark::kUnconfirmed : sync::Mark::kOwn; },
        {.peer_id = "12D3KooWtest", .version = "1.2.3", .started = io::now(), .upload = &upload_});
    auto listener = io::TcpListener::open(loop_.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    at_ = (*listener)->local();
    server_.listen(*std::move(listener));
    scan();
  }

  void put(const StoreId& id, ByteView bytes) {
    io::write_file(path_of(id), bytes);
    io::set_mtime(path_of(id), 1'600'000'000s);
  }
  std::filesystem::path path_of(const StoreId& id) { return folder_.path() / id.file_name(); }
  void scan() { ASSERT_TRUE(io::wait_for(loop_, catalogue_.scan())); }

  static asio::awaitable<std::optional<Answer>> fetch(Endpoint at, io::http::ClientRequest request) {
    auto client = co_await io::http::Client::connect(at);
    if (!client) co_return std::nullopt;
    auto head = co_await (*client)->request(std::move(request));
    if (!head) co_return std::nullopt;
    auto body = co_await (*client)->read_all(std::size_t{16} << 20U);
    if (!body) co_return std::nullopt;
    co_return Answer{head->status, std::move(head->headers), *std::move(body)};
  }
  Answer ask(std::string target, Headers headers = {}, Method method = Method::kGet) {
    const auto answer = io::run(loop_, fetch(at_, {method, std::move(target), std::move(headers), {}}));
    EXPECT_TRUE(answer);
    return answer.value_or(Answer{});
  }
  Answer download(Headers headers = {}, Method method = Method::kGet) {
    return ask("/download/" + store_.to_string(), std::move(headers), method);
  }
  unsigned status(std::string target) { return ask(std::move(target)).status; }
  json ask_json(std::string target) { return json::parse(text_of(ask(std::move(target)).body)); }
  [[nodiscard]] std::string layer(const std::string& rest) const {
    return "/v1/layer/" + store_.to_string() + "?root=" + to_hex(tree_.content.root) + rest;
  }

  const StoreId store_ = io::id_from_seed(1);
  const StoreId contested_ = io::id_from_seed(2);
  const Bytes bytes_ = io::bytes_from_seed(kSize, 1);
  const Bytes contested_bytes_ = io::bytes_from_seed(1000, 2);
  const merkle::Tree tree_ = io::tree_of(bytes_);
  const std::string etag_ = io::http::make_etag(kSize, to_hex(tree_.content.root));
  std::set<StoreId> hidden_{contested_};
  std::optional<StoreId> unconfirmed_;

  io::TemporaryFolder folder_;
  asio::io_context loop_;
  io::WorkerPool pool_{loop_.get_executor(), 2};
  io::Catalogue catalogue_{pool_, folder_.path(), [](const io::CatalogueEvent&) {}};
  io::Pace upload_{loop_.get_executor(), kUploadLimit};
  io::http::Server server_{loop_.get_executor(), {}};
  Endpoint at_;
};

TEST_F(NodeHttp, GivesAStoreWithWhatItIs) {
  const Answer answer = download();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, bytes_);
  EXPECT_EQ(answer.header("ETag"), etag_);
  EXPECT_EQ(answer.header("Accept-Ranges"), "bytes");
  EXPECT_EQ(answer.header("Content-Disposition"), "attachment; filename=\"" + store_.file_name() + "\"");
  EXPECT_EQ(answer.header("Turnpike-Mark"), "(none)");
}

TEST_F(NodeHttp, TellsTheSizeToHeadAndSendsNothing) {
  const Answer answer = download({{"Range", "bytes=0-9"}}, Method::kHead);
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.header("Content-Length"), std::to_string(kSize));
  EXPECT_EQ(answer.header("ETag"), etag_);
  EXPECT_TRUE(answer.body.empty());
}

TEST_F(NodeHttp, GivesAPartOfAStore) {
  const Answer answer = download({{"Range", "bytes=1048570-1048585"}});
  EXPECT_EQ(answer.status, 206U);
  EXPECT_EQ(answer.header("Content-Range"), "bytes 1048570-1048585/" + std::to_string(kSize));
  EXPECT_EQ(answer.body, Bytes(bytes_.begin() + 1048570, bytes_.begin() + 1048586));
  const Answer tail = download({{"Range", "bytes=-3"}});
  EXPECT_EQ(tail.status, 206U);
  EXPECT_EQ(tail.body, Bytes(bytes_.end() - 3, bytes_.end()));
}

TEST_F(NodeHttp, GivesNothingBeyondTheEndOfAStore) {
  const Answer answer = download({{"Range", "bytes=" + std::to_string(kSize) + "-"}});
  EXPECT_EQ(answer.status, 416U);
  EXPECT_EQ(answer.header("Content-Range"), "bytes */" + std::to_string(kSize));
  EXPECT_TRUE(answer.body.empty());
}

TEST_F(NodeHttp, GivesAPartOnlyOfTheBytesTheAskerHasAlready) {
  EXPECT_EQ(download({{"Range", "bytes=0-9"}, {"If-Range", etag_}}).status, 206U);
  const Answer whole = download({{"Range", "bytes=0-9"}, {"If-Range", "\"other\""}});
  EXPECT_EQ(whole.status, 200U);
  EXPECT_EQ(whole.body.size(), kSize);
}

TEST_F(NodeHttp, RefusesToSendOtherBytesThanWereAskedFor) {
  EXPECT_EQ(download({{"If-Match", etag_}}).status, 200U);
  EXPECT_EQ(download({{"If-Match", "*"}}).status, 200U);
  EXPECT_EQ(download({{"If-Match", "\"1-aa\", " + etag_}}).status, 200U);
  EXPECT_EQ(download({{"If-Match", "\"other\""}}).status, 412U);
  EXPECT_EQ(download({{"If-Match", "W/" + etag_}}).status, 412U);
}

TEST_F(NodeHttp, SendsNothingToWhoHasItAll) {
  const Answer answer = download({{"If-None-Match", etag_}});
  EXPECT_EQ(answer.status, 304U);
  EXPECT_EQ(answer.header("ETag"), etag_);
  EXPECT_TRUE(answer.body.empty());
}

TEST_F(NodeHttp, RefusesWhatIsNoStoreId) {
  const std::string digits = store_.to_string();
  std::string upper = digits;
  upper[5] = 'A';
  for (const std::string& id :
       {std::string("../") + digits, "../" + store_.file_name(), "%2e%2e/" + digits, "..%2f" + digits,
        std::string("../.turnpike/identity.key"), upper, digits.substr(1), digits + "0", digits + "/", digits + ".dig",
        digits + "%00", std::string(64, 'g'), std::string()}) {
    EXPECT_EQ(status("/download/" + id), 400U) << id;
    EXPECT_EQ(status("/v1/layer/" + id + "?root=" + to_hex(tree_.content.root)), 400U) << id;
  }
  EXPECT_EQ(status("/download/../download/" + digits), 400U);
  EXPECT_EQ(status("/../" + store_.file_name()), 404U);
}

TEST_F(NodeHttp, KnowsNoStoreThatIsNotHere) {
  const std::string stranger = io::id_from_seed(9).to_string();
  EXPECT_EQ(status("/download/" + stranger), 404U);
  EXPECT_EQ(status("/v1/layer/" + stranger + "?root=" + to_hex(tree_.content.root)), 404U);
}

TEST_F(NodeHttp, ShowsAHiddenStoreToNobody) {
  const Digest root = io::tree_of(contested_bytes_).content.root;
  ASSERT_TRUE(catalogue_.find(contested_));
  EXPECT_EQ(status("/download/" + contested_.to_string()), 404U);
  EXPECT_EQ(status("/v1/layer/" + contested_.to_string() + "?root=" + to_hex(root) + "&from=0"), 404U);
  EXPECT_EQ(ask_json("/stores")["stores"].size(), 1U);
  hidden_.clear();
  EXPECT_EQ(status("/download/" + contested_.to_string()), 200U);
  EXPECT_EQ(ask_json("/stores")["stores"].size(), 2U);
}

TEST_F(NodeHttp, SaysWhichStoresNobodyElseConfirmed) {
  unconfirmed_ = store_;
  EXPECT_EQ(download().header("Turnpike-Mark"), "unconfirmed");
  EXPECT_EQ(ask_json("/stores")["contents"][0]["mark"], "unconfirmed");
}

TEST_F(NodeHttp, ListsItsStores) {
  const json answer = ask_json("/stores");
  EXPECT_EQ(answer["peer_id"], "12D3KooWtest");
  const json expected{{"store", store_.to_string()}, {"size", kSize}, {"root", to_hex(tree_.content.root)}};
  EXPECT_EQ(answer["contents"], json::array({expected}));
}

TEST_F(NodeHttp, SaysThatItIsWell) {
  const json answer = ask_json("/health");
  EXPECT_EQ(answer["status"], "healthy");
  EXPECT_EQ(answer["peer_id"], "12D3KooWtest");
  EXPECT_EQ(answer["version"], "1.2.3");
}

TEST_F(NodeHttp, AnswersOldNodesInTheirShapes) {
  const json health = ask_json("/health");
  EXPECT_EQ(health["peerId"], "12D3KooWtest");
  EXPECT_EQ(health["stores"], json::array({store_.to_string()}));
  EXPECT_LE(ask("/health").body.size(), 4096U) << "a peer that looks for us reads no more";
  const json stores = ask_json("/stores");
  EXPECT_EQ(stores["peerId"], "12D3KooWtest");
  EXPECT_EQ(stores["stores"], json::array({store_.to_string()}));
  EXPECT_EQ(stores["total"], 1);
  const Answer whole = download();  // they never ask for a part
  EXPECT_EQ(whole.status, 200U);
  EXPECT_EQ(whole.header("Content-Length"), std::to_string(kSize));
  EXPECT_EQ(whole.body, bytes_);
}

TEST_F(NodeHttp, KeepsItsHealthShortHoweverManyStoresItHas) {
  for (std::uint64_t seed = 10; seed < 80; ++seed) put(io::id_from_seed(seed), io::bytes_from_seed(10, seed));
  scan();
  EXPECT_LE(ask("/health").body.size(), 4096U);
  EXPECT_EQ(ask_json("/stores")["total"], 71);
}

TEST_F(NodeHttp, GivesLayersThatProve) {
  const Answer answer = ask(layer("&from=0"));
  ASSERT_EQ(answer.status, 200U);
  const auto page = merkle::open_layer_page(tree_.content, 0, answer.body);
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->hashes == tree_.layer);
  EXPECT_EQ(ask(layer("")).body, answer.body);  // from the start when it is not said
}

TEST_F(NodeHttp, GivesTheLeavesOfAPiece) {
  const Answer answer = ask(layer("&leaves=5"));  // the last, of 3 bytes
  ASSERT_EQ(answer.status, 200U);
  const auto leaves = merkle::open_leaves(tree_.content, 5, tree_.layer.at(5), answer.body);
  ASSERT_TRUE(leaves);
  EXPECT_EQ(leaves->size(), 1U);
  EXPECT_EQ(ask(layer("&leaves=0")).body.size(), 64 * sizeof(Digest));
}

TEST_F(NodeHttp, RefusesLayersThatItHasNot) {
  const std::string path = "/v1/layer/" + store_.to_string();
  EXPECT_EQ(status(path), 400U);
  EXPECT_EQ(status(path + "?root=xyz&from=0"), 400U);
  EXPECT_EQ(status(path + "?root=" + std::string(64, '0') + "&from=0"), 404U);
  for (const std::string& rest :
       {"&from=6", "&from=1", "&from=-1", "&from=x", "&from=4294967296", "&leaves=6", "&leaves=", "&leaves=0x1"}) {
    EXPECT_EQ(status(layer(rest)), 416U) << rest;
  }
}

TEST_F(NodeHttp, GivesNothingOfAFileThatChangedUntilItIsReadAgain) {
  const Bytes other = io::bytes_from_seed(kSize, 7);
  io::write_file(path_of(store_), other);
  io::set_mtime(path_of(store_), 1'600'000'001s);
  EXPECT_EQ(download().status, 404U);
  scan();
  const Answer answer = download();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, other);
  EXPECT_NE(answer.header("ETag"), etag_);
}

TEST_F(NodeHttp, BreaksOffADownloadWhoseFileChanges) {
  // More than the kernel holds for a reader that does not read.
  const Bytes large = io::bytes_from_seed(std::size_t{48} << 20U, 5);
  put(store_, large);
  io::set_mtime(path_of(store_), 1'600'000'002s);
  scan();
  auto client = io::run(loop_, io::http::Client::connect(at_));
  const auto head = io::run(loop_, (*client)->request({Method::kGet, "/download/" + store_.to_string(), {}, {}}));
  ASSERT_EQ(head->content_length, large.size());
  std::fstream(path_of(store_), std::ios::in | std::ios::out | std::ios::binary).put('x');
  EXPECT_FALSE(io::run(loop_, (*client)->read_all(large.size())));
}

TEST_F(NodeHttp, AnswersNoOtherMethod) {
  EXPECT_EQ(download({}, Method::kDelete).status, 405U);
  EXPECT_EQ(ask("/stores", {}, Method::kPost).status, 405U);
}

TEST_F(NodeHttp, KeepsDownloadsToTheUploadLimit) {
  const Instant start = io::now();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(download().body, bytes_);
  // 20 MiB at 64 MiB a second, less the burst of a twentieth of a second; later is the machine's doing.
  EXPECT_GE(io::now() - start, 250ms);
}

}  // namespace
}  // namespace turnpike::node
