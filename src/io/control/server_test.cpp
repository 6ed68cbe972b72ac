#include "io/control/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "io/control/client.h"
#include "io/control/line.h"

namespace turnpike::io {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using namespace std::chrono_literals;

asio::awaitable<void> handle(json request, Reply& reply) {
  const auto command = request.at("command").get<std::string>();
  bool open = true;
  if (command == "count") {
    const int last = request.at("to").get<int>();
    for (int i = 1; open && i < last; ++i) open = co_await reply.send({{"ok", true}, {"n", i}});
    open = co_await reply.done({{"n", last}});
  } else if (command == "flood") {
    const std::string text(100'000, 'x');
    while (open) open = co_await reply.send({{"text", text}});
  } else {
    open = co_await reply.refuse("no such command", 2);
  }
}

class Control : public testing::Test {
 protected:
  Control() : folder_(testing::TempDir() + "/control_XXXXXX") { EXPECT_NE(mkdtemp(folder_.data()), nullptr); }
  ~Control() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path path() const { return fs::path(folder_) / "api.sock"; }
  [[nodiscard]] std::unique_ptr<ControlServer> serve() {
    auto server = ControlServer::open(loop_.get_executor(), path(), handle);
    if (!server) ADD_FAILURE() << server.error().text;
    return server ? *std::move(server) : nullptr;
  }
  [[nodiscard]] ControlFault open_fault() {
    const auto server = ControlServer::open(loop_.get_executor(), path(), handle);
    EXPECT_FALSE(server);
    return server ? ControlFault::kClosed : server.error().fault;
  }

  /// Runs the loop until `work` is done.
  template <class T>
  T run(asio::awaitable<T> work) {
    std::optional<T> out;
    asio::co_spawn(loop_, std::move(work), [&](const std::exception_ptr& error, T value) {
      EXPECT_FALSE(error);
      out = std::move(value);
    });
    loop_.restart();
    while (!out) loop_.run_one();
    return *std::move(out);
  }

  /// Sends one request and gathers the lines up to the last one.
  static asio::awaitable<std::vector<json>> ask(fs::path path, json request) {
    std::vector<json> lines;
    auto client = co_await ControlClient::connect(path);
    if (!client) co_return lines;
    const auto sent = co_await client->send(std::move(request));
    bool open = bool(sent);
    while (open) {
      auto line = co_await client->receive(10s);
      open = bool(line);
      if (open) lines.push_back(*std::move(line));
      if (open && lines.back().contains("done")) open = false;
    }
    co_return lines;
  }

  [[nodiscard]] int raw_connect() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  /// What arrives on `fd` until the server closes it.
  [[nodiscard]] std::string drain(int fd) {
    std::string out;
    char buffer[4096];
    for (;;) {
      loop_.restart();
      loop_.poll();
      const ssize_t size = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
      if (size > 0) out.append(buffer, static_cast<std::size_t>(size));
      if (size == 0 || (size < 0 && errno == ECONNRESET)) break;
    }
    ::close(fd);
    return out;
  }

  std::string folder_;
  asio::io_context loop_;
};

TEST_F(Control, AnswersARequestWithItsLines) {
  const auto server = serve();
  const auto lines = run(ask(path(), {{"command", "count"}, {"to", 3}}));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], (json{{"ok", true}, {"n", 1}}));
  EXPECT_EQ(lines[2], (json{{"ok", true}, {"n", 3}, {"done", true}}));
}

TEST_F(Control, RefusesWithAReasonAndAnExitCode) {
  const auto server = serve();
  const auto lines = run(ask(path(), {{"command", "dance"}}));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], (json{{"ok", false}, {"error", "no such command"}, {"exit", 2}, {"done", true}}));
}

TEST_F(Control, RefusesAFieldOfTheWrongTypeInsteadOfDying) {
  const auto server = serve();
  const auto lines = run(ask(path(), {{"command", "count"}, {"to", "three"}}));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["ok"], false);
}

TEST_F(Control, RefusesWhatIsNoRequest) {
  const auto server = serve();
  for (const json& bad : {json::object(), json{{"command", 7}}}) {
    const auto lines = run(ask(path(), bad));
    ASSERT_EQ(lines.size(), 1U) << bad;
    EXPECT_EQ(lines[0]["ok"], false);
  }
}

TEST_F(Control, AnswersSeveralRequestsOnOneConnection) {
  const auto server = serve();
  const int fd = raw_connect();
  const std::string two = "{\"command\":\"count\",\"to\":1}\n{\"command\":\"count\",\"to\":1}\n";
  ASSERT_EQ(::send(fd, two.data(), two.size(), 0), static_cast<ssize_t>(two.size()));
  ::shutdown(fd, SHUT_WR);
  const std::string line = "{\"done\":true,\"n\":1,\"ok\":true}\n";
  EXPECT_EQ(drain(fd), line + line);
}

TEST_F(Control, RefusesALineBeyondTheLimitAndHangsUp) {
  const auto server = serve();
  const int fd = raw_connect();
  const std::string long_line(kMaxRequestLine + 1, 'x');
  ASSERT_EQ(::send(fd, long_line.data(), long_line.size(), 0), static_cast<ssize_t>(long_line.size()));
  EXPECT_NE(drain(fd).find("longer than 64 KiB"), std::string::npos);
}

TEST_F(Control, TurnsAwayOneConnectionTooMany) {
  const auto server = serve();
  std::vector<int> fds;
  for (std::size_t i = 0; i < kMaxControlConnections; ++i) fds.push_back(raw_connect());
  EXPECT_NE(drain(raw_connect()).find("too many"), std::string::npos);
  ::close(fds.back());
  fds.pop_back();
  EXPECT_EQ(run(ask(path(), {{"command", "count"}, {"to", 1}})).size(), 1U);
  for (const int fd : fds) ::close(fd);
}

TEST_F(Control, EndsAStreamWhoseReaderLeft) {
  const auto server = serve();
  const int fd = raw_connect();
  const std::string line = "{\"command\":\"flood\"}\n";
  ASSERT_EQ(::send(fd, line.data(), line.size(), 0), static_cast<ssize_t>(line.size()));
  loop_.restart();
  loop_.poll();
  ::close(fd);
  EXPECT_EQ(run(ask(path(), {{"command", "count"}, {"to", 1}})).size(), 1U);
}

TEST_F(Control, SocketIsForItsOwnerOnlyAndGoesWithTheServer) {
  {
    const auto server = serve();
    struct stat info{};
    ASSERT_EQ(::stat(path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
  }
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(Control, DoesNotTakeTheSocketOfARunningServer) {
  const auto server = serve();
  EXPECT_EQ(open_fault(), ControlFault::kInUse);
  EXPECT_EQ(run(ask(path(), {{"command", "count"}, {"to", 1}})).size(), 1U);
}

TEST_F(Control, ReplacesASocketThatNobodyListensOn) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path().string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  const auto server = serve();
  EXPECT_EQ(run(ask(path(), {{"command", "count"}, {"to", 1}})).size(), 1U);
}

TEST_F(Control, DoesNotRemoveAFileThatIsNoSocket) {
  std::ofstream(path()) << "precious";
  EXPECT_EQ(open_fault(), ControlFault::kSystem);
  EXPECT_EQ(fs::file_size(path()), 8U);
}

TEST_F(Control, WorksUnderAPathLongerThanASocketAddress) {
  const fs::path deep = fs::path(folder_) / std::string(100, 'd') / std::string(100, 'e') / "api.sock";
  fs::create_directories(deep.parent_path());
  const auto server = ControlServer::open(loop_.get_executor(), deep, handle);
  ASSERT_TRUE(server) << server.error().text;
  EXPECT_EQ(run(ask(deep, {{"command", "count"}, {"to", 1}})).size(), 1U);
  EXPECT_TRUE(fs::exists(deep));
}

asio::awaitable<std::string> connect_text(fs::path path) {
  const auto client = co_await ControlClient::connect(path);
  if (client || client.error().fault != ControlFault::kNotRunning) co_return "";
  co_return client.error().text;
}

TEST_F(Control, SaysHowToStartANodeWhereNoneRuns) {
  const std::string text = run(connect_text("/nonexistent/data/.turnpike/api.sock"));
  EXPECT_EQ(text, "no node runs on /nonexistent/data; start one with: turnpike node --data /nonexistent/data");
}

asio::awaitable<ControlFault> impatient(fs::path path) {
  auto client = co_await ControlClient::connect(path);
  const auto line = co_await client->receive(1ms);
  co_return line ? ControlFault::kSystem : line.error().fault;
}

TEST_F(Control, ClientDoesNotWaitForEver) {
  const auto server = serve();
  EXPECT_EQ(run(impatient(path())), ControlFault::kTimeout);
}

asio::awaitable<ControlFault> ask_a_closing_server(fs::path path, std::unique_ptr<ControlServer>* server) {
  auto client = co_await ControlClient::connect(path);
  server->reset();
  const auto line = co_await client->receive(10s);
  co_return line ? ControlFault::kSystem : line.error().fault;
}

TEST_F(Control, CutsItsClientsWhenItGoes) {
  auto server = serve();
  EXPECT_EQ(run(ask_a_closing_server(path(), &server)), ControlFault::kClosed);
}

}  // namespace
}  // namespace turnpike::io
