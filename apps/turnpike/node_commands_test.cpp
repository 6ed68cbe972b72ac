#include "node_commands.h"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "exit_code.h"
#include "folder_commands.h"
#include "io/control/data_folder.h"
#include "io/control/server.h"
#include "test_folder.h"

namespace turnpike::cli {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

const std::string kId(64, 'a');
const std::string kRoot(64, 'b');
// SHA-256 of "hello", which is the root of a store of one leaf.
const std::string kHelloRoot = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// A node that answers what the test tells it to, on a thread of its own: the commands block as they do in a shell.
class FakeNode {
 public:
  explicit FakeNode(const std::filesystem::path& data) {
    EXPECT_TRUE(io::make_data_folder(data));
    auto server =
        io::ControlServer::open(loop_.get_executor(), io::control_socket_path(data),
                                [this](json request, io::Reply& reply) { return answer(std::move(request), reply); });
    EXPECT_TRUE(server);
    server_ = *std::move(server);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~FakeNode() {
    asio::post(loop_, [this] {
      server_.reset();
      guard_.reset();
    });
    thread_.join();
  }
  FakeNode(const FakeNode&) = delete;
  FakeNode& operator=(const FakeNode&) = delete;

  std::vector<json> lines;  ///< Sent before the last one.
  json last;                ///< Refused when it has an "error".
  json asked;               ///< The request, afterwards.

 private:
  asio::awaitable<void> answer(json request, io::Reply& reply) {
    asked = std::move(request);
    bool open = true;
    for (const json& line : lines) open = co_await reply.send(line);
    if (last.contains("error")) {
      open = co_await reply.refuse(last["error"].get<std::string>(), last["exit"].get<int>());
    } else if (open) {
      open = co_await reply.done(last);
    }
  }

  asio::io_context loop_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{loop_.get_executor()};
  std::unique_ptr<io::ControlServer> server_;
  std::thread thread_;
};

class NodeCommands : public testing::Test {
 protected:
  [[nodiscard]] Invocation invocation(bool json = true) const {
    return {.order = IdOrder{}, .data = folder_ / "data", .json = json};
  }
  [[nodiscard]] json printed() { return json::parse(out_.str()); }
  int get(const std::filesystem::path& output, bool json = true) {
    return run_get(console_, invocation(json),
                   {.store = *store::StoreId::parse(kId), .output = output, .timeout_seconds = 300});
  }

  TestFolder folder_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{.out = out_, .err = err_};
};

TEST_F(NodeCommands, SayThatNoNodeRunsAndEndWithThree) {
  EXPECT_EQ(run_list(console_, invocation(), {.command = "status", .watch = false}), kNotRunning);
  EXPECT_NE(err_.str().find("turnpike node --data"), std::string::npos);
  EXPECT_EQ(out_.str(), "");
}

TEST_F(NodeCommands, PrintTheBareListAsJson) {
  FakeNode node(folder_ / "data");
  node.last = {{"stores", {{{"store", kId}, {"size", 5}, {"root", kRoot}, {"state", "complete"}}}}};
  EXPECT_EQ(run_list(console_, invocation(), {.command = "ls", .watch = false}), kDone);
  ASSERT_TRUE(printed().is_array());
  EXPECT_EQ(printed()[0]["state"], "complete");
}

TEST_F(NodeCommands, PrintStatusWithoutTheProtocolsOwnFields) {
  FakeNode node(folder_ / "data");
  node.last = {{"peer_id", "12D3KooWa"}};
  EXPECT_EQ(run_list(console_, invocation(), {.command = "status", .watch = false}), kDone);
  EXPECT_EQ(printed(), (json{{"peer_id", "12D3KooWa"}}));
}

TEST_F(NodeCommands, PassOnTheNodesRefusalAndItsCode) {
  FakeNode node(folder_ / "data");
  node.last = {{"error", "nothing is known of it"}, {"exit", 4}};
  EXPECT_EQ(run_why(console_, invocation(), {.store = *store::StoreId::parse(kId)}), kNotFound);
  EXPECT_EQ(err_.str(), "turnpike: nothing is known of it\n");
}

TEST_F(NodeCommands, PinSendsSizeAndRoot) {
  FakeNode node(folder_ / "data");
  node.last = json::object();
  const PinOrder order{.store = *store::StoreId::parse(kId), .content = store::Content{5, {}}};
  EXPECT_EQ(run_pin(console_, invocation(), order), kDone);
  EXPECT_EQ(node.asked, (json{{"command", "pin"}, {"store", kId}, {"size", 5}, {"root", std::string(64, '0')}}));
}

TEST_F(NodeCommands, AddTellsARunningNodeToLook) {
  FakeNode node(folder_ / "data");
  node.last = json::object();
  const AddOrder order{.files = {folder_.write(kId + ".dig", "hello")}, .id = {}, .replace = false};
  EXPECT_EQ(run_add(console_, invocation(), order), kDone);
  EXPECT_EQ(node.asked, (json{{"command", "rescan"}}));
  EXPECT_EQ(printed()[0]["node"], "told");
}

TEST_F(NodeCommands, PinWithoutAContentTakesThePinAway) {
  FakeNode node(folder_ / "data");
  node.last = json::object();
  EXPECT_EQ(run_pin(console_, invocation(), {.store = *store::StoreId::parse(kId), .content = {}}), kDone);
  EXPECT_EQ(node.asked, (json{{"command", "unpin"}, {"store", kId}}));
}

TEST_F(NodeCommands, GetCopiesTheCompleteStoreToTheOutput) {
  FakeNode node(folder_ / "data");
  const auto path = folder_.write("store.dig", "hello");
  node.lines = {{{"state", "fetching"}, {"size", 5}, {"bytes_verified", 2}, {"announcers", 1}}};
  node.last = {
      {"store", kId}, {"size", 5}, {"root", kHelloRoot}, {"path", path.string()}, {"bytes_by_rung", {{"http", 5}}}};
  EXPECT_EQ(get(folder_ / "out"), kDone);
  EXPECT_EQ(TestFolder::read(folder_ / "out"), "hello");
  EXPECT_EQ(printed()["path"], (folder_ / "out").string());
  EXPECT_EQ(printed()["bytes_by_rung"], (json{{"http", 5}}));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(NodeCommands, GetTellsItsProgressOnLinesWhereNobodyWatches) {
  FakeNode node(folder_ / "data");
  node.lines = {{{"state", "fetching"}, {"size", 4}, {"bytes_verified", 2}, {"announcers", 1}}};
  node.last = {{"store", kId}, {"size", 4}, {"path", "/somewhere"}};
  EXPECT_EQ(get({}, false), kDone);
  EXPECT_EQ(err_.str(), "aaaaaaaaaaaa…  50%  2 B of 4 B  0 B/s\n");
}

TEST_F(NodeCommands, GetRedrawsOneLineOnATerminalAndLeavesItClean) {
  FakeNode node(folder_ / "data");
  console_.is_terminal = true;
  node.lines = {{{"state", "fetching"}, {"size", 4}, {"bytes_verified", 2}, {"announcers", 1}}};
  node.last = {{"store", kId}, {"size", 4}, {"path", "/somewhere"}};
  EXPECT_EQ(get({}, false), kDone);
  EXPECT_EQ(std::ranges::count(err_.str(), '\n'), 0);
  EXPECT_TRUE(err_.str().ends_with("\r\x1b[K"));
}

TEST_F(NodeCommands, GetKeepsTheStoreWhenTheOutputCannotBeWritten) {
  FakeNode node(folder_ / "data");
  node.last = {{"store", kId}, {"size", 5}, {"path", folder_.write("store.dig", "hello").string()}};
  EXPECT_NE(get(folder_ / "no/such/folder"), kDone);
  EXPECT_NE(err_.str().find("complete at"), std::string::npos);
}

TEST_F(NodeCommands, GetDoesNotCopyADamagedStoreAndHasTheNodeLookAfterIt) {
  FakeNode node(folder_ / "data");
  const auto path = folder_.write("store.dig", "hellO");
  node.last = {{"store", kId}, {"size", 5}, {"root", kHelloRoot}, {"path", path.string()}};
  EXPECT_EQ(get(folder_ / "out"), kDataInvalid);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
  EXPECT_EQ(node.asked, (json{{"command", "recheck"}, {"store", kId}}));
  EXPECT_NE(err_.str().find("damaged"), std::string::npos);
}

TEST_F(NodeCommands, ShareTellsARunningNode) {
  FakeNode node(folder_ / "data");
  node.last = json::object();
  EXPECT_EQ(run_share(console_, invocation(), {.store = *store::StoreId::parse(kId), .on = false}), kDone);
  EXPECT_EQ(node.asked, (json{{"command", "share"}, {"store", kId}, {"on", false}}));
}

TEST_F(NodeCommands, UnwantAndRmAskTheNode) {
  FakeNode node(folder_ / "data");
  node.last = json::object();
  const auto store = *store::StoreId::parse(kId);
  EXPECT_EQ(run_unwant(console_, invocation(), {.store = store, .remove = false}), kDone);
  EXPECT_EQ(node.asked, (json{{"command", "unwant"}, {"store", kId}}));
  out_.str("");
  EXPECT_EQ(run_unwant(console_, invocation(), {.store = store, .remove = true}), kDone);
  EXPECT_EQ(node.asked, (json{{"command", "rm"}, {"store", kId}}));
  EXPECT_EQ(printed(), (json{{"store", kId}}));
}

}  // namespace
}  // namespace turnpike::cli
