#include "io/http/behind_proxy.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "io/http/client.h"
#include "io/http/server.h"
#include "io/loop/deadline.h"
#include "io/loop/run.h"

namespace turnpike::io::http {
namespace {

using namespace std::chrono_literals;

asio::awaitable<Response> tell_remote(Request request) {
  const std::string remote = request.remote.to_string();
  co_return Response::text(200, remote);
}

/// A server on loopback that tells everyone who he is; loopback is a proxy of its own where it is trusted.
class BehindProxy : public testing::Test {
 protected:
  void start(const char* trusted, std::size_t per_address = 64) {
    ServerLimits limits;
    limits.max_connections_per_address = per_address;
    limits.header_time = 300ms;
    server_ = std::make_unique<Server>(loop_.get_executor(), limits);
    if (trusted != nullptr) server_->trust_proxies(TrustedProxies({*IpNetwork::parse(trusted)}));
    server_->route(Method::kGet, "/who", tell_remote);
    server_->route(Method::kGet, "/up", [this](Request request) { return rise(std::move(request)); });
    auto listener = TcpListener::open(loop_.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    at_ = (*listener)->local();
    server_->listen(std::move(*listener));
  }
  asio::awaitable<Response> rise(Request request) {
    Response response;
    response.status = 101;
    response.headers.add("Upgrade", request.headers.find("Upgrade").value_or("?").data());
    response.body = Upgrade{[this](std::unique_ptr<BytePipe> pipe) { return keep(std::move(pipe)); }};
    co_return response;
  }
  asio::awaitable<void> keep(std::unique_ptr<BytePipe> pipe) {
    const Duration time = 2s;
    upgraded_.push_back(pipe->remote().address.to_string());
    auto kept = std::move(pipe);
    co_await pause(time);
  }
  std::unique_ptr<BytePipe> dial() {
    auto connected = run(loop_, connect(at_, 5s));
    return std::move(*connected);
  }
  /// All that comes back for these bytes within a moment.
  std::string say(BytePipe& pipe, std::string_view bytes) {
    EXPECT_TRUE(run(loop_, pipe.write(bytes_of(bytes))));
    Bytes buffer(4096);
    const auto got = run(loop_, pipe.read_some(buffer));
    return got ? std::string(text_of(ByteView(buffer).first(*got))) : std::string(to_string(got.error()));
  }
  std::string ask(const std::string& head) {
    const auto pipe = dial();
    return say(*pipe, head);
  }
  static std::string get(std::string_view target, std::string_view fields) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
  }

  asio::io_context loop_;
  std::unique_ptr<Server> server_;
  Endpoint at_;
  std::vector<std::string> upgraded_;
};

TEST_F(BehindProxy, TellsAHandlerWhoTheClientIs) {
  start("127.0.0.0/8");
  EXPECT_TRUE(ask(get("/who", "X-Forwarded-For: 203.0.113.7\r\n")).ends_with("\r\n\r\n203.0.113.7:0"));
  EXPECT_TRUE(ask(get("/who", "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 203.0.113.8, 127.0.0.2\r\n"))
                  .ends_with("\r\n\r\n203.0.113.8:0"));
}

TEST_F(BehindProxy, IgnoresWhatAStrangerSaysOfHimself) {
  start("10.0.0.0/8");
  EXPECT_NE(ask(get("/who", "X-Forwarded-For: 203.0.113.7\r\n")).find("\r\n\r\n127.0.0.1:"), std::string::npos);
  const std::string answer = ask("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n" + get("/who", ""));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 505")) << answer;  // a request of an unknown kind of HTTP
}

TEST_F(BehindProxy, TakesAPROXYHeaderInAnyPiecesAndTheRequestBehindIt) {
  start("127.0.0.0/8");
  const std::string header = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n";
  EXPECT_TRUE(ask(header + get("/who", "")).ends_with("\r\n\r\n203.0.113.7:4711"));
  const auto pipe = dial();
  EXPECT_TRUE(run(loop_, pipe->write(bytes_of(std::string_view(header).substr(0, 9)))));
  EXPECT_TRUE(say(*pipe, header.substr(9) + get("/who", "")).ends_with("\r\n\r\n203.0.113.7:4711"));
  EXPECT_TRUE(ask(get("/who", "")).find("\r\n\r\n127.0.0.1:") != std::string::npos);  // without one
}

TEST_F(BehindProxy, ClosesAConnectionWithABrokenPROXYHeaderOrNone) {
  start("127.0.0.0/8");
  EXPECT_EQ(ask("PROXY TCP4 nobody\r\n" + get("/who", "")), to_string(IoError::kClosed));
  const auto silent = dial();
  Bytes buffer(16);
  EXPECT_FALSE(run(loop_, silent->read_some(buffer)));  // after header_time
}

TEST_F(BehindProxy, GivesAnUpgradedPipeItsClientsAddress) {
  start("127.0.0.0/8");
  const auto pipe = dial();
  EXPECT_TRUE(say(*pipe, get("/up", "Upgrade: x\r\nX-Forwarded-For: 203.0.113.7\r\n")).starts_with("HTTP/1.1 101"));
  EXPECT_EQ(upgraded_, std::vector<std::string>{"203.0.113.7"});
}

TEST_F(BehindProxy, LimitsTheClientsAndNotTheProxy) {
  start("127.0.0.0/8", 2);
  std::vector<std::unique_ptr<BytePipe>> pipes;
  const auto rise_for = [&](const std::string& client) {
    pipes.push_back(dial());
    return say(*pipes.back(), get("/up", "Upgrade: x\r\nX-Forwarded-For: " + client + "\r\n")).substr(0, 12);
  };
  EXPECT_EQ(rise_for("203.0.113.7"), "HTTP/1.1 101");
  EXPECT_EQ(rise_for("203.0.113.7"), "HTTP/1.1 101");
  EXPECT_EQ(rise_for("203.0.113.7"), "HTTP/1.1 503");
  EXPECT_EQ(rise_for("203.0.113.8"), "HTTP/1.1 101");
  EXPECT_EQ(rise_for("203.0.113.8"), "HTTP/1.1 101");
}

}  // namespace
}  // namespace turnpike::io::http
