#include "node/links.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "io/disk/disk_test_support.h"
#include "io/http/server.h"
#include "io/loop/event.h"

namespace turnpike::node {
namespace {

struct Recorder final : LinkEvents {
  void link_up(std::size_t bootstrap) override { heard.push_back("up " + std::to_string(bootstrap)); }
  void link_down(std::size_t bootstrap, std::string_view reason) override {
    heard.push_back("down " + std::to_string(bootstrap) + ": " + std::string(reason));
  }
  void link_judged(std::size_t bootstrap, const captive::Verdict& verdict) override {
    judged.push_back(verdict);
    last_judged = bootstrap;
  }
  void link_message(std::size_t bootstrap, ByteView message) override {
    heard.push_back(std::to_string(bootstrap) + " says " + std::string(text_of(message)));
  }
  void link_seen(std::size_t bootstrap, const IpAddress& observed) override {
    heard.push_back(std::to_string(bootstrap) + " sees " + observed.to_string());
  }
  std::vector<std::string> heard;
  std::vector<captive::Verdict> judged;
  std::size_t last_judged = 0;
};

/// Links to one bootstrap on loopback, which greets, and then echoes.
class NodeLinks : public testing::Test {
 protected:
  NodeLinks() {
    server_.route(io::http::Method::kGet, "/v1/connect",
                  [this](io::http::Request request) { return answer(std::move(request)); });
    server_.route(io::http::Method::kPost, "/v1/seen",
                  [this](io::http::Request request) { return see(std::move(request)); });
    auto listener = io::TcpListener::open(loop_.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    plain_ = (*listener)->local();
    server_.listen(*std::move(listener));
  }

  asio::awaitable<io::http::Response> answer(io::http::Request request) {
    io::http::Response refused = io::http::Response::text(503, "full, come back later\n");
    if (refuses_) co_return refused;
    co_return io::accept_websocket(request, {}, {},
                                   [](std::unique_ptr<io::WebSocket> socket) { return echo(std::move(socket)); });
  }
  asio::awaitable<io::http::Response> see(io::http::Request request) {
    io::http::Response seen =
        io::http::Response::json(200, R"({"observed":")" + request.remote.address.to_string() + "\"}");
    shown_.emplace_back(text_of(request.body));
    co_return seen;
  }
  static asio::awaitable<void> echo(std::unique_ptr<io::WebSocket> socket) {
    EXPECT_TRUE(socket->send(copy_of(bytes_of("hello"))));
    for (;;) {
      auto message = co_await socket->read_message();
      if (!message) break;
      if (text_of(*message) == "leave") break;
      EXPECT_TRUE(socket->send(*std::move(message)));
    }
  }
  /// A TLS port of the same server; gives its pin.
  std::string listen_tls() {
    auto context = io::TlsServerContext::self_signed(folder_.path());
    auto listener = io::TcpListener::open(loop_.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    tls_ = (*listener)->local();
    const std::string pin = context->pin();
    server_.listen_tls(*std::move(listener), *std::move(context));
    return pin;
  }

  std::unique_ptr<Links> links(const std::string& url, std::vector<std::string> pins = {}) {
    return std::make_unique<Links>(loop_.get_executor(), std::vector{*io::Url::parse(url)}, std::move(pins), dialer_,
                                   events_);
  }
  std::unique_ptr<Links> links() { return links("http://" + plain_.to_string()); }
  void until(std::size_t heard) {
    loop_.restart();
    while (events_.heard.size() < heard) loop_.run_one();
  }
  void settle() {
    for (bool moves = true; moves;) {
      loop_.restart();
      moves = loop_.poll() > 0;
    }
  }

  using Heard = std::vector<std::string>;
  io::TemporaryFolder folder_;
  asio::io_context loop_;
  io::http::Server server_{loop_.get_executor(), {}};
  SeededRandom random_{1};
  io::Dialer dialer_{{}, random_};
  Endpoint plain_;
  Endpoint tls_;
  bool refuses_ = false;
  std::vector<std::string> shown_;
  Recorder events_;
};

TEST_F(NodeLinks, CarryMessagesBothWays) {
  const auto link = links();
  link->connect(0);
  until(2);
  link->send(0, copy_of(bytes_of("ping")));
  until(3);
  EXPECT_EQ(events_.heard, (Heard{"up 0", "0 says hello", "0 says ping"}));
}

TEST_F(NodeLinks, ShowANodeOverTheFamilyThatItsConnectionDoesNotHave) {
  const auto link = links("http://localhost:" + std::to_string(plain_.port));
  link->connect(0);
  until(2);
  link->show(0, IpAddress::Family::kV4, copy_of(bytes_of("it is me")));
  until(3);
  EXPECT_EQ(shown_, Heard{"it is me"});
  EXPECT_EQ(events_.heard.back(), "0 sees 127.0.0.1");
}

TEST_F(NodeLinks, HaveNoOtherFamilyToShowANodeOverWhereTheBootstrapIsALiteral) {
  const auto link = links();
  link->connect(0);
  until(2);
  link->show(0, IpAddress::Family::kV4, copy_of(bytes_of("it is me")));
  settle();
  EXPECT_TRUE(shown_.empty());
}

TEST_F(NodeLinks, TellOnceThatTheBootstrapHasLeftAndConnectAgain) {
  const auto link = links();
  link->connect(0);
  until(2);
  link->send(0, copy_of(bytes_of("leave")));
  until(3);
  EXPECT_TRUE(events_.heard[2].starts_with("down 0: ")) << events_.heard[2];
  link->send(0, copy_of(bytes_of("lost")));  // nobody is there
  link->connect(0);
  until(5);
  EXPECT_EQ(events_.heard[3], "up 0");
}

TEST_F(NodeLinks, SayWhyABootstrapRefuses) {
  refuses_ = true;
  const auto link = links();
  link->connect(0);
  until(1);
  EXPECT_EQ(events_.heard, Heard{"down 0: HTTP 503: full, come back later"});
}

TEST_F(NodeLinks, SayThatNobodyListens) {
  const Endpoint nobody = (*io::TcpListener::open(loop_.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0}))->local();
  const auto link = links("http://" + nobody.to_string());
  link->connect(0);
  until(1);
  EXPECT_TRUE(events_.heard[0].starts_with("down 0: ")) << events_.heard[0];
}

TEST_F(NodeLinks, AreDownAtOnceWhenClosedHereAndHearNoMore) {
  const auto link = links();
  link->connect(0);
  until(2);
  link->close(0);
  link->close(0);
  EXPECT_EQ(events_.heard.back(), "down 0: closed here");
  settle();
  EXPECT_EQ(events_.heard.size(), 3U);
}

TEST_F(NodeLinks, ForgetAConnectionThatWasGivenUpBeforeItWasMade) {
  const auto link = links();
  link->connect(0);
  link->close(0);
  link->connect(0);
  until(3);
  settle();
  EXPECT_EQ(events_.heard, (Heard{"down 0: closed here", "up 0", "0 says hello"}));
}

TEST_F(NodeLinks, EndInSilenceWhenAllAreClosed) {
  const auto link = links();
  link->connect(0);
  until(2);
  link->close_all();
  settle();
  EXPECT_EQ(events_.heard.size(), 2U);
}

TEST_F(NodeLinks, TrustABootstrapByItsPinAndNoOther) {
  const std::string pin = listen_tls();
  const std::string url = "https://" + tls_.to_string();
  const auto good = links(url, {pin});
  good->connect(0);
  until(2);
  EXPECT_EQ(events_.heard[0], "up 0");
  events_.heard.clear();
  const auto wrong = links(url, {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
  wrong->connect(0);
  until(1);
  EXPECT_TRUE(events_.heard[0].starts_with("down 0: ")) << events_.heard[0];
  events_.heard.clear();
  const auto none = links(url);  // then the system's authorities decide, and they know it not
  none->connect(0);
  until(1);
  EXPECT_TRUE(events_.heard[0].starts_with("down 0: ")) << events_.heard[0];
}

/// Answers everything in the place of whom one wanted to reach.
class NodeLinksBehindAPortal : public NodeLinks {
 protected:
  NodeLinksBehindAPortal() {
    portal_.route(io::http::Method::kGet, "/",
                  [this](io::http::Request request) { return stand_in(std::move(request)); });
    listen(false);
    listen(true);
  }
  void listen(bool tls) {
    auto listener = io::TcpListener::open(loop_.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    (tls ? at_tls_ : at_plain_) = (*listener)->local();
    if (!tls) return portal_.listen(*std::move(listener));
    auto context = io::TlsServerContext::self_signed(folder_.path() / "portal");
    portal_.listen_tls(*std::move(listener), *std::move(context));
  }
  asio::awaitable<io::http::Response> stand_in(io::http::Request request) {
    io::http::Response answer = io::http::Response::text(200, "");
    const bool is_health = request.path() == "/health";
    if (is_bootstrap_ && !is_health) answer = io::http::Response::text(404, "not here\n");
    if (is_bootstrap_ && is_health) {
      answer = io::http::Response::json(200, R"({"service":"turnpike bootstrap","peer_id":"12D3KooW"})");
    }
    if (!is_bootstrap_) {
      answer = io::http::Response::text(302, "");
      answer.headers.add("Location", "http://login.hotel.example/");
    }
    co_return answer;
  }
  captive::Finding found(const std::string& url, std::vector<std::string> pins = {}) {
    const auto link = links(url, std::move(pins));
    link->connect(0);
    loop_.restart();
    while (events_.judged.empty()) loop_.run_one();
    EXPECT_TRUE(events_.heard.front().starts_with("down 0: ")) << events_.heard.front();
    return events_.judged.front().finding;
  }

  io::http::Server portal_{loop_.get_executor(), {}};
  Endpoint at_plain_;
  Endpoint at_tls_;
  bool is_bootstrap_ = false;
};

TEST_F(NodeLinksBehindAPortal, TellThatTheNetworkIsCaptive) {
  EXPECT_EQ(found("http://" + at_plain_.to_string()), captive::Finding::kCaptive);
  events_ = {};
  EXPECT_EQ(found("https://" + at_tls_.to_string(), {std::string(43, 'A')}), captive::Finding::kCaptive);
}

TEST_F(NodeLinksBehindAPortal, TellAWrongPinFromAPortal) {
  is_bootstrap_ = true;
  EXPECT_EQ(found("https://" + at_tls_.to_string(), {std::string(43, 'A')}), captive::Finding::kWrongKey);
}

}  // namespace
}  // namespace turnpike::node
