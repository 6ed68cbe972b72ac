#include "io/dial/dialer.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "io/loop/run.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;

const Endpoint kLoopback{IpAddress::v4(127, 0, 0, 1), 0};

struct Folder {
  std::filesystem::path path;
  Folder() {
    char name[] = "/tmp/dialer_test_XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

asio::awaitable<void> copy_all(std::shared_ptr<BytePipe> from, std::shared_ptr<BytePipe> to) {
  Bytes buffer(4096);
  for (;;) {
    const auto got = co_await from->read_some(buffer);
    if (!got) break;
    const auto wrote = co_await to->write(ByteView(buffer).first(*got));
    if (!wrote) break;
  }
  to->close();
}

/// A far end, and a proxy before it that says what it is told to say.
class DialerTest : public testing::Test {
 protected:
  DialerTest() : far_(open()), proxy_(open()) {}

  std::unique_ptr<TcpListener> open() {
    auto opened = TcpListener::open(loop_.get_executor(), kLoopback);
    return std::move(*opened);
  }

  /// Takes connections at the far end; each says "far".
  asio::awaitable<void> serve_far() {
    for (;;) {
      auto accepted = co_await far_->accept();
      if (!accepted) co_return;
      ++far_connections_;
      far_pipes_.push_back(std::move(*accepted));
      const auto wrote = co_await far_pipes_.back()->write(bytes_of("far"));
      EXPECT_TRUE(wrote);
    }
  }
  asio::awaitable<void> serve_far_tls() {
    for (;;) {
      auto accepted = co_await far_->accept();
      if (!accepted) co_return;
      auto secured = co_await tls_accept(std::move(*accepted), *far_context_, 5s);
      if (secured) far_pipes_.push_back(std::move(*secured));
    }
  }
  /// Takes connections at the proxy: reads a request, answers `answer_`, and after a 200 pumps to the far end.
  asio::awaitable<void> serve_proxy() {
    for (;;) {
      auto accepted = co_await proxy_->accept();
      if (!accepted) co_return;
      ++proxy_connections_;
      std::shared_ptr<BytePipe> client = std::move(*accepted);
      Bytes request(4096);
      const auto got = co_await client->read_some(request);
      if (!got) continue;
      request_ = std::string(text_of(ByteView(request).first(*got)));
      const auto wrote = co_await client->write(bytes_of(answer_));
      if (!wrote || hangs_up_) {
        client->close();
        continue;
      }
      kept_.push_back(client);
      if (!tunnels_) continue;
      auto far = co_await connect(far_->local(), 5s);
      std::shared_ptr<BytePipe> there = std::move(*far);
      asio::co_spawn(loop_, copy_all(client, there), asio::detached);
      asio::co_spawn(loop_, copy_all(there, client), asio::detached);
    }
  }
  void start() {
    asio::co_spawn(loop_, far_context_ ? serve_far_tls() : serve_far(), asio::detached);
    asio::co_spawn(loop_, serve_proxy(), asio::detached);
  }

  connect::Proxies through_proxy(const std::string& userinfo = "") {
    connect::Proxies out;
    out.for_plain = out.for_tls = connect::ProxyUrl::parse("http://" + userinfo + proxy_->local().to_string());
    return out;
  }
  Url far_url(Url::Scheme scheme = Url::Scheme::kHttp) { return {scheme, "127.0.0.1", far_->local().port, "/"}; }
  /// Where nothing answers: a closed port of this machine.
  Url dead_url() {
    auto closed = open();
    const std::uint16_t port = closed->local().port;
    closed->close();
    return {Url::Scheme::kHttp, "127.0.0.1", port, "/"};
  }
  Result<Dialed, DialFailure> dial(Dialer& dialer, const Url& url, std::optional<TlsClientContext> tls = {},
                                   Duration timeout = 5s) {
    return run(loop_, dialer.dial(url, std::move(tls), timeout));
  }
  std::string read(BytePipe& pipe) {
    Bytes buffer(64);
    const auto got = run(loop_, pipe.read_some(buffer));
    return got ? std::string(text_of(ByteView(buffer).first(*got))) : std::string(to_string(got.error()));
  }

  asio::io_context loop_;
  SeededRandom random_{1};
  std::unique_ptr<TcpListener> far_;
  std::unique_ptr<TcpListener> proxy_;
  std::optional<TlsServerContext> far_context_;
  std::vector<std::unique_ptr<BytePipe>> far_pipes_;
  std::vector<std::shared_ptr<BytePipe>> kept_;
  std::string answer_ = "HTTP/1.1 200 OK\r\n\r\n";
  std::string request_;
  bool tunnels_ = true;
  bool hangs_up_ = false;
  unsigned far_connections_ = 0;
  unsigned proxy_connections_ = 0;
};

TEST_F(DialerTest, GoesDirectWhereThatWorksAndLeavesTheProxyAlone) {
  start();
  Dialer dialer(through_proxy(), random_);
  auto dialed = dial(dialer, far_url());
  ASSERT_TRUE(dialed) << dialed.error().text;
  EXPECT_EQ(dialed->road, connect::Road::kDirect);
  EXPECT_EQ(read(*dialed->pipe), "far");
  EXPECT_EQ(proxy_connections_, 0U);
}

TEST_F(DialerTest, GoesThroughTheProxyWhereDirectFailsAndRemembersIt) {
  start();
  Dialer dialer(through_proxy("ann:secret@"), random_);
  const Url url = dead_url();
  auto dialed = dial(dialer, url);
  ASSERT_TRUE(dialed) << dialed.error().text;
  EXPECT_EQ(dialed->road, connect::Road::kProxy);
  EXPECT_EQ(read(*dialed->pipe), "far");
  EXPECT_TRUE(request_.starts_with("CONNECT 127.0.0.1:" + std::to_string(url.port) + " HTTP/1.1\r\n")) << request_;
  EXPECT_NE(request_.find("Proxy-Authorization: Basic YW5uOnNlY3JldA=="), std::string::npos);
  EXPECT_EQ(dialer.roads().remembered("127.0.0.1:" + std::to_string(url.port)), connect::Road::kProxy);
}

TEST_F(DialerTest, DoesTlsWithTheFarEndThroughTheProxyAndNotWithTheProxy) {
  const Folder folder;
  auto made = TlsServerContext::self_signed(folder.path);
  far_context_ = std::move(*made);
  start();
  Dialer dialer(through_proxy(), random_);
  Url url = dead_url();
  url.scheme = Url::Scheme::kHttps;
  const auto right = dial(dialer, url, TlsClientContext::pinned({far_context_->pin()}));
  ASSERT_TRUE(right) << right.error().text;
  EXPECT_EQ(right->road, connect::Road::kProxy);
  const auto wrong = dial(dialer, url, TlsClientContext::pinned({std::string(43, 'A')}));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().error, IoError::kTls);
}

TEST_F(DialerTest, IsNotFooledByAProxyThatSays200AndThenGarbage) {
  answer_ = "HTTP/1.1 200 OK\r\n\r\n<html>welcome to our network</html>";
  tunnels_ = false;
  start();
  Dialer dialer(through_proxy(), random_);
  Url url = dead_url();
  url.scheme = Url::Scheme::kHttps;
  const auto dialed = dial(dialer, url, TlsClientContext::pinned({std::string(43, 'A')}));
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().error, IoError::kTls);
  EXPECT_NE(dialed.error().text.find("through the proxy " + proxy_->local().to_string() + ": TLS failed"),
            std::string::npos)
      << dialed.error().text;
}

TEST_F(DialerTest, AsksAProxyThatAnswers407ForEverSeldom) {
  answer_ = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n";
  hangs_up_ = true;
  start();
  Dialer dialer(through_proxy("ann:secret@"), random_);
  const Url url = dead_url();
  for (int i = 0; i < 20; ++i) {
    const auto dialed = dial(dialer, url);
    ASSERT_FALSE(dialed);
    EXPECT_NE(dialed.error().text.find("it does not take these credentials (HTTP 407)"), std::string::npos)
        << dialed.error().text;
    EXPECT_NE(dialed.error().text.find("it is asked again in "), std::string::npos);
    EXPECT_EQ(dialed.error().text.find("secret"), std::string::npos);
  }
  EXPECT_EQ(proxy_connections_, 1U);
  dialer.handle_network_changed();
  EXPECT_FALSE(dial(dialer, url));
  EXPECT_EQ(proxy_connections_, 2U);
}

TEST_F(DialerTest, SaysThatTheProxyHungUpInMidHandshake) {
  answer_ = "HTTP/1.1 200 O";
  hangs_up_ = true;
  start();
  Dialer dialer(through_proxy(), random_);
  const auto dialed = dial(dialer, dead_url());
  ASSERT_FALSE(dialed);
  EXPECT_NE(dialed.error().text.find("it hung up in the middle of its answer"), std::string::npos)
      << dialed.error().text;
}

TEST_F(DialerTest, WaitsForASlowProxyNoLongerThanItWasTold) {
  answer_ = "HTTP/1.1 200 O";
  tunnels_ = false;
  start();
  Dialer dialer(through_proxy(), random_);
  const auto dialed = dial(dialer, dead_url(), {}, 700ms);
  ASSERT_FALSE(dialed);
  EXPECT_FALSE(dialed.error().text.empty());
}

TEST_F(DialerTest, AsksNoProxyForWhatIsExcepted) {
  start();
  connect::Proxies proxies = through_proxy();
  proxies.except = *connect::NoProxy::parse("127.0.0.0/8");
  Dialer dialer(proxies, random_);
  const auto dialed = dial(dialer, dead_url());
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().text, to_string(IoError::kRefused));
  EXPECT_EQ(proxy_connections_, 0U);
}

}  // namespace
}  // namespace turnpike::io
