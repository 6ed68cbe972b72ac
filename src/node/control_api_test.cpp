#include "node/control_api.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "crypto/random.h"
#include "io/control/client.h"
#include "io/disk/disk_test_support.h"
#include "io/loop/convert.h"
#include "io/loop/run.h"

namespace turnpike::node {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using nlohmann::json;
using store::StoreId;

/// A brain whose commands nobody may expect: it has no bootstrap, so it wants nothing of the world.
struct Nowhere final : LinkEvents, PathEvents, DownloadEvents, io::StoreReader {
  void link_seen(std::size_t, const IpAddress&) override {}
  void link_up(std::size_t) override {}
  void link_down(std::size_t, std::string_view) override {}
  void link_judged(std::size_t, const captive::Verdict&) override {}
  void link_message(std::size_t, ByteView) override {}
  void path_open(path::PathId, Duration, const std::optional<IpAddress>&) override {}
  void path_closed(path::PathId, const path::PathFailure&) override {}
  void partial_open(const sync::Target&, const std::vector<bool>&) override {}
  void partial_failed(const sync::Target&, const sync::DiskFailure&) override {}
  void piece_done(sync::FetchId, std::uint32_t, std::uint64_t) override {}
  void fetch_ended(sync::FetchId, const sync::FetchOutcome&) override {}
  void committed(const sync::Target&) override {}
  void commit_failed(const sync::Target&, const sync::DiskFailure&) override {}

  template <class T>
  static asio::awaitable<Result<T, io::Refusal>> nothing() {
    io::Refusal refusal;
    co_return fail(refusal);
  }
  asio::awaitable<Result<std::unique_ptr<io::ReadableStore>, io::Refusal>> open(StoreId, store::Content) override {
    return nothing<std::unique_ptr<io::ReadableStore>>();
  }
  asio::awaitable<Result<Bytes, io::Refusal>> layer_page(StoreId, store::Content, std::uint32_t) override {
    return nothing<Bytes>();
  }
  asio::awaitable<Result<Bytes, io::Refusal>> leaves(StoreId, store::Content, std::uint32_t) override {
    return nothing<Bytes>();
  }
  asio::awaitable<Result<Manifest, io::Refusal>> manifest(StoreId) override { return nothing<Manifest>(); }
};

/// The local API of a node, asked over its socket.
class NodeControl : public testing::Test {
 protected:
  NodeControl() {
    config_.data = folder_.path();
    brain_.connect(links_, paths_, downloads_);
    auto server = io::ControlServer::open(loop_.get_executor(), socket_, [this](json request, io::Reply& reply) {
      return api_.answer(std::move(request), reply);
    });
    EXPECT_TRUE(server);
    server_ = *std::move(server);
  }

  asio::awaitable<std::vector<json>> converse(json request, std::size_t most) {
    std::vector<json> lines;
    auto client = co_await io::ControlClient::connect(socket_);
    if (!client) co_return lines;
    const auto sent = co_await client->send(std::move(request));
    bool open = static_cast<bool>(sent);
    while (open && lines.size() < most) {
      auto line = co_await client->receive(30s);
      open = static_cast<bool>(line);
      if (open) lines.push_back(*std::move(line));
      if (open && lines.back().contains("done")) open = false;
    }
    co_return lines;
  }
  std::vector<json> ask_lines(json request, std::size_t most = 100) {
    return io::run(loop_, converse(std::move(request), most));
  }
  json ask(json request) {
    const auto lines = ask_lines(std::move(request));
    EXPECT_EQ(lines.size(), 1U);
    return lines.empty() ? json() : lines.back();
  }
  json say(const std::string& command) { return ask(json{{"command", command}}); }
  json about(const std::string& command, const std::string& store) {
    return ask(json{{"command", command}, {"store", store}});
  }
  void put_here(const StoreId& store) {
    brain_.tell([&](peer::Peer& peer, Now now) { peer.handle_local_store(now, store, content_); });
  }

  const StoreId store_ = io::id_from_seed(1);
  const store::Content content_{1234, Digest{7}};
  int rescans_ = 0;
  FileNotes notes_;
  std::vector<StoreId> rechecked_;
  std::vector<StoreId> removed_;
  std::string wrong_;

  io::TemporaryFolder folder_;
  const std::filesystem::path socket_ = folder_.path() / "api.sock";
  asio::io_context loop_;
  crypto::SecureRandom random_;
  crypto::SigningKey identity_ = crypto::SigningKey::generate(random_);
  std::unique_ptr<io::StateDb> state_ = *io::StateDb::open(folder_.path() / "state.db");
  Memory memory_{*state_};
  NodeConfig config_;
  Nowhere nowhere_;
  io::WorkerPool pool_{loop_.get_executor(), 1};
  io::Catalogue catalogue_{pool_, folder_.path(), [](const io::CatalogueEvent&) {}};
  Brain brain_{loop_.get_executor(), brain_config(), random_, memory_};
  io::Dialer dialer_{proxies(), random_};
  Links links_{loop_.get_executor(), {}, {}, dialer_, nowhere_};
  Paths paths_{loop_.get_executor(), {.identity = &identity_}, nowhere_, random_, nowhere_};
  Downloads downloads_{loop_.get_executor(), {folder_.path(), 0}, pool_, catalogue_, paths_, nowhere_};
  ControlApi api_{loop_.get_executor(), scope()};
  std::unique_ptr<io::ControlServer> server_;

 private:
  [[nodiscard]] peer::Config brain_config() const {
    peer::Config config;
    config.identity = &identity_;
    return config;
  }
  [[nodiscard]] static connect::Proxies proxies() {
    connect::Proxies out;
    out.for_tls = connect::ProxyUrl::parse("http://ann:secret@proxy.example:3128");
    out.source = "https_proxy";
    return out;
  }
  ControlScope scope() {
    return {.config = config_,
            .brain = brain_,
            .memory = memory_,
            .rescan = [this] { return rescan(); },
            .ignored_files = [] { return std::uint64_t{3}; },
            .file_notes = [this] { return notes_; },
            .recheck = [this](StoreId store) { return note(rechecked_, store); },
            .remove = [this](StoreId store) { return remove(store); },
            .listen = [] { return std::vector{*Endpoint::parse("[::]:5001")}; },
            .external = [] { return std::vector{*Endpoint::parse("192.0.2.1:5001")}; },
            .routers = [] { return std::vector<portmap::RouterView>(); },
            .dialer = dialer_,
            .links = links_,
            .connections = [] { return std::vector<io::ConnectionInfo>(); },
            .started = io::now()};
  }
  static asio::awaitable<void> note(std::vector<StoreId>& list, StoreId store) {
    const StoreId one = store;
    list.push_back(one);
    co_return;
  }
  asio::awaitable<std::string> remove(StoreId store) {
    const StoreId one = store;
    removed_.push_back(one);
    co_return wrong_;
  }
  asio::awaitable<void> rescan() {
    const int one = 1;
    rescans_ += one;
    co_return;
  }
};

TEST_F(NodeControl, TellsItsStatus) {
  put_here(store_);
  const json status = say("status");
  EXPECT_EQ(status["ok"], true);
  EXPECT_EQ(status["peer_id"], brain_.peer().id().to_string());
  EXPECT_EQ(status["listen"], json::array({"[::]:5001"}));
  EXPECT_EQ(status["external"], json::array({"192.0.2.1:5001"}));
  EXPECT_EQ(status["bootstraps"], json::array());
  EXPECT_EQ(status["stores"], (json{{"complete", 1}, {"missing", 0}}));
  EXPECT_EQ(status["ignored_files"], 3);
  EXPECT_EQ(status["proxy"]["address"], "proxy.example:3128");
  EXPECT_EQ(status["proxy"]["credentials"], true);
  EXPECT_EQ(status.dump().find("secret"), std::string::npos);
}

TEST_F(NodeControl, ListsStoresTransfersAndPeers) {
  put_here(store_);
  const json ls = say("ls");
  ASSERT_EQ(ls["stores"].size(), 1U);
  EXPECT_EQ(ls["stores"][0]["store"], store_.to_string());
  EXPECT_EQ(ls["stores"][0]["state"], "complete");
  EXPECT_EQ(say("transfers")["transfers"], json::array());
  EXPECT_EQ(say("peers")["peers"], json::array());
}

TEST_F(NodeControl, GetsAStoreThatIsHereAtOnce) {
  put_here(store_);
  const json line = about("get", store_.to_string());
  EXPECT_EQ(line["done"], true);
  EXPECT_EQ(line["state"], "complete");
  EXPECT_EQ(line["path"], (folder_.path() / store_.file_name()).string());
}

TEST_F(NodeControl, ShowsTheProgressOfAGetUntilTheStoreIsHere) {
  const auto waiting = ask_lines({{"command", "get"}, {"store", store_.to_string()}}, 1);
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_NE(waiting[0]["state"], "complete");
  EXPECT_FALSE(waiting[0].contains("done"));
  EXPECT_EQ(memory_.wanted(), std::vector{store_});  // it stays wanted when the asker has left
  EXPECT_TRUE(brain_.peer().store(store_)->asked_for);
  put_here(store_);
  EXPECT_EQ(about("get", store_.to_string())["done"], true);
}

TEST_F(NodeControl, WatchesTransfersUntilTheWatcherLeaves) {
  const auto lines = ask_lines({{"command", "transfers"}, {"watch", true}}, 1);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_FALSE(lines[0].contains("done"));
}

TEST_F(NodeControl, SaysWhyAStoreIsNotHere) {
  const json stranger = about("why", store_.to_string());
  EXPECT_EQ(stranger["ok"], false);
  EXPECT_EQ(stranger["exit"], 4);
  (void)ask_lines({{"command", "get"}, {"store", store_.to_string()}}, 1);
  const json why = about("why", store_.to_string());
  EXPECT_EQ(why["ok"], true);
  EXPECT_TRUE(why.contains("history"));
  EXPECT_TRUE(why.contains("bootstraps"));
}

TEST_F(NodeControl, RemembersAPinUntilItIsTakenAway) {
  const json pin{{"command", "pin"}, {"store", store_.to_string()}, {"size", 1234}, {"root", to_hex(content_.root)}};
  EXPECT_EQ(ask(pin)["ok"], true);
  EXPECT_EQ(memory_.pinned(), (std::vector{sync::Target{store_, content_}}));
  EXPECT_EQ(about("unpin", store_.to_string())["ok"], true);
  EXPECT_TRUE(memory_.pinned().empty());
}

TEST_F(NodeControl, LooksAtItsFolderAgain) {
  EXPECT_EQ(say("rescan")["ok"], true);
  EXPECT_EQ(rescans_, 1);
}

TEST_F(NodeControl, RefusesACommandItDoesNotKnowAndNamesThoseItDoes) {
  const json answer = say("dance");
  EXPECT_EQ(answer["ok"], false);
  EXPECT_EQ(answer["exit"], 2);
  EXPECT_NE(answer["error"].get<std::string>().find("transfers"), std::string::npos);
}

TEST_F(NodeControl, RefusesWhatIsNoStore) {
  for (const std::string& command : {"get", "why", "pin", "unpin", "share", "unwant", "rm", "recheck"}) {
    for (const std::string& bad :
         {std::string(), std::string(63, 'a'), std::string(64, 'A'), "../" + std::string(64, 'a')}) {
      const json answer = about(command, bad);
      EXPECT_EQ(answer["ok"], false) << command << " " << bad;
      EXPECT_EQ(answer["exit"], 2) << command << " " << bad;
    }
    EXPECT_EQ(ask(json{{"command", command}, {"store", 7}})["ok"], false);
  }
  EXPECT_TRUE(memory_.wanted().empty());
}

TEST_F(NodeControl, RefusesAPinOfBytesThatCannotBe) {
  const std::string root = to_hex(content_.root);
  for (const json& size : {json(0), json(-1), json((std::uint64_t{1} << 40U) + 1)}) {
    EXPECT_EQ(ask({{"command", "pin"}, {"store", store_.to_string()}, {"size", size}, {"root", root}})["exit"], 2);
  }
  EXPECT_EQ(ask({{"command", "pin"}, {"store", store_.to_string()}, {"size", 1}, {"root", "xyz"}})["exit"], 2);
  EXPECT_TRUE(memory_.pinned().empty());
}

TEST_F(NodeControl, MakesAStorePrivateAndSharesItAgain) {
  put_here(store_);
  const json off{{"command", "share"}, {"store", store_.to_string()}, {"on", false}};
  EXPECT_EQ(ask(off)["ok"], true);
  EXPECT_TRUE(memory_.is_private(store_));
  EXPECT_EQ(say("ls")["stores"][0]["shared"], false);
  EXPECT_EQ(ask({{"command", "share"}, {"store", store_.to_string()}, {"on", true}})["ok"], true);
  EXPECT_FALSE(memory_.is_private(store_));
  EXPECT_EQ(say("ls")["stores"][0]["shared"], true);
  EXPECT_EQ(ask({{"command", "share"}, {"store", store_.to_string()}, {"on", "yes"}})["exit"], 2);
}

TEST_F(NodeControl, DoesNotShareWhatTheConfigurationKeepsPrivate) {
  config_.private_stores = {store_};
  EXPECT_EQ(ask({{"command", "share"}, {"store", store_.to_string()}, {"on", true}})["exit"], 2);
}

TEST_F(NodeControl, RemovesAStoreAndDoesNotWantItUntilItIsAskedFor) {
  put_here(store_);
  memory_.remember_want(store_);
  EXPECT_EQ(about("rm", store_.to_string())["ok"], true);
  EXPECT_EQ(removed_, std::vector{store_});
  EXPECT_EQ(memory_.refused(), std::vector{store_});
  EXPECT_TRUE(memory_.wanted().empty());
  brain_.tell([&](peer::Peer& peer, Now now) { peer.handle_local_store_gone(now, store_); });
  EXPECT_EQ(say("ls")["stores"], json::array());
  (void)ask_lines({{"command", "get"}, {"store", store_.to_string()}}, 1);
  EXPECT_TRUE(memory_.refused().empty());
  EXPECT_EQ(say("ls")["stores"][0]["state"], "waiting");
}

TEST_F(NodeControl, UnwantLeavesTheFileWhereItIs) {
  put_here(store_);
  EXPECT_EQ(about("unwant", store_.to_string())["ok"], true);
  EXPECT_TRUE(removed_.empty());
  EXPECT_EQ(say("ls")["stores"][0]["state"], "complete");
}

TEST_F(NodeControl, DoesNotRemoveWhatIsPinnedConfiguredOrUnknown) {
  EXPECT_EQ(about("rm", store_.to_string())["exit"], 4);
  put_here(store_);
  memory_.remember_pin({store_, content_});
  EXPECT_EQ(about("rm", store_.to_string())["exit"], 2);
  memory_.forget_pin(store_);
  config_.stores = {store_};
  EXPECT_EQ(about("rm", store_.to_string())["exit"], 2);
  config_.stores.clear();
  wrong_ = "the disk is read-only";
  EXPECT_EQ(about("rm", store_.to_string())["error"], "the disk is read-only");
}

TEST_F(NodeControl, SaysWhyOfAStoreOfWhichThereIsOnlyABadFile) {
  notes_[store_] = {"unreadable", "its file cannot be read"};
  const json why = about("why", store_.to_string());
  EXPECT_EQ(why["ok"], true);
  EXPECT_EQ(why["state"], "unreadable");
  EXPECT_EQ(say("ls")["stores"][0]["reason"], "its file cannot be read");
}

TEST_F(NodeControl, LooksAtAStoreAgainThatIsInDoubt) {
  EXPECT_EQ(about("recheck", store_.to_string())["ok"], true);
  EXPECT_EQ(rechecked_, std::vector{store_});
}

}  // namespace
}  // namespace turnpike::node
