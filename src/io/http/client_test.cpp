#include "io/http/client.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <string>

#include "io/loop/run.h"
#include "io/tcp/tcp.h"

namespace turnpike::io::http {
namespace {

using namespace std::chrono_literals;

/// A server that takes one connection, reads a head and says these bytes; then it ends the stream, or keeps silent.
asio::awaitable<void> say(TcpListener& listener, std::string answer, bool ends, std::unique_ptr<BytePipe>& kept) {
  auto accepted = co_await listener.accept();
  kept = std::move(*accepted);
  Bytes request(4096);
  const auto got = co_await kept->read_some(request);
  EXPECT_TRUE(got);
  const auto wrote = co_await kept->write(bytes_of(answer));
  EXPECT_TRUE(wrote);
  if (ends) co_await kept->finish();
}

struct World {
  asio::io_context loop;
  std::unique_ptr<TcpListener> listener;
  std::unique_ptr<BytePipe> server;
  std::unique_ptr<Client> client;
  Result<ResponseHead, IoError> head = fail(IoError::kOther);

  World(std::string answer, bool ends, ClientLimits limits = {}, Method method = Method::kGet) {
    auto opened = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    listener = std::move(*opened);
    asio::co_spawn(loop, say(*listener, std::move(answer), ends, server), asio::detached);
    auto connected = run(loop, Client::connect(listener->local(), limits));
    client = std::move(*connected);
    head = run(loop, client->request({method, "/", {}, {}}));
  }
  Result<Bytes, IoError> body(std::size_t limit = 1000) { return run(loop, client->read_all(limit)); }
};

TEST(HttpClient, ReadsABodyOfAKnownLength) {
  World world("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false);
  EXPECT_EQ(world.head->content_length, 3U);
  EXPECT_FALSE(world.client->is_reusable());  // before the body's end
  EXPECT_EQ(text_of(*world.body()), "abc");
  EXPECT_TRUE(world.client->is_reusable());
}

TEST(HttpClient, ReadsAChunkedBody) {
  World world("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
              false);
  EXPECT_FALSE(world.head->content_length);
  EXPECT_EQ(text_of(*world.body()), "abcde");
  EXPECT_TRUE(world.client->is_reusable());
}

TEST(HttpClient, ReadsABodyThatEndsWithTheConnection) {
  World world("HTTP/1.0 200 OK\r\n\r\nabc", true);
  EXPECT_EQ(text_of(*world.body()), "abc");
  EXPECT_FALSE(world.client->is_reusable());
}

TEST(HttpClient, SkipsInterimAnswers) {
  World world("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
              false);
  EXPECT_EQ(world.head->status, 204U);
  EXPECT_TRUE(world.body()->empty());
  EXPECT_TRUE(world.client->is_reusable());
}

TEST(HttpClient, ExpectsNoBodyAfterHead) {
  World world("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", false, {}, Method::kHead);
  EXPECT_EQ(world.head->headers.find("content-length"), "1000");
  EXPECT_TRUE(world.body()->empty());
  EXPECT_TRUE(world.client->is_reusable());
}

TEST(HttpClient, BlamesAServerThatSendsLessThanItPromised) {
  World world("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", true);
  EXPECT_EQ(world.body().error(), IoError::kProtocol);
  World chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", true);
  EXPECT_EQ(chunked.body().error(), IoError::kProtocol);
}

TEST(HttpClient, StopsAtTheLimitOfAnEndlessBody) {
  World exact("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", false);
  EXPECT_TRUE(exact.body(5));
  World world("HTTP/1.1 200 OK\r\n\r\n" + std::string(100000, 'x'), false);
  EXPECT_EQ(world.body(5000).error(), IoError::kLimit);
  EXPECT_FALSE(world.client->is_reusable());
}

TEST(HttpClient, RefusesAHeadOverTheLimit) {
  World world("HTTP/1.1 200 OK\r\nX: " + std::string(20000, 'x') + "\r\n\r\n", false);
  EXPECT_EQ(world.head.error(), IoError::kLimit);
}

TEST(HttpClient, RefusesWhatIsNotHttp) {
  World world("SSH-2.0-OpenSSH_9.2\r\n\r\n", false);
  EXPECT_EQ(world.head.error(), IoError::kProtocol);
  World chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false);
  EXPECT_EQ(chunked.body().error(), IoError::kProtocol);
}

TEST(HttpClient, GivesUpAServerThatDoesNotAnswer) {
  World world("", false, {.head_time = 20ms});
  EXPECT_EQ(world.head.error(), IoError::kTimeout);
}

TEST(HttpClient, GivesUpAServerThatStallsInABody) {
  World world("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", false, {.stall_time = 20ms});
  EXPECT_EQ(world.body().error(), IoError::kTimeout);
}

TEST(HttpClient, SaysWhenTheServerHangsUp) {
  World world("", true);
  EXPECT_EQ(world.head.error(), IoError::kClosed);
}

TEST(HttpClient, NeedsToBeToldWhomToTrust) {
  World world("HTTP/1.1 204 No Content\r\n\r\n", false);
  const auto url = Url::parse("https://" + world.listener->local().to_string());
  EXPECT_EQ(run(world.loop, Client::connect(*url, std::nullopt)).error(), IoError::kTls);
}

}  // namespace
}  // namespace turnpike::io::http
