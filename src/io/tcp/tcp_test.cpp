#include "io/tcp/tcp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "io/loop/deadline.h"
#include "io/loop/run.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using Pipe = std::unique_ptr<BytePipe>;

const Endpoint kLoopback{IpAddress::v4(127, 0, 0, 1), 0};

asio::awaitable<void> accept_into(TcpListener& listener, Pipe& out) {
  auto accepted = co_await listener.accept();
  if (accepted) out = std::move(*accepted);
}

asio::awaitable<Result<Bytes, IoError>> read_all(BytePipe& pipe) {
  Bytes all;
  Bytes buffer(64 << 10);
  for (;;) {
    const auto got = co_await pipe.read_some(buffer);
    if (!got && got.error() == IoError::kClosed) co_return all;
    if (!got) co_return fail(got.error());
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

asio::awaitable<void> write_and_finish(BytePipe& pipe, ByteView head, ByteView body) {
  const auto wrote = co_await pipe.write_both(head, body);
  EXPECT_TRUE(wrote);
  co_await pipe.finish();
}

asio::awaitable<void> send_file_and_finish(BytePipe& pipe, int fd, std::uint64_t offset, std::uint64_t length) {
  const auto wrote = co_await pipe.write_file(fd, offset, length);
  EXPECT_TRUE(wrote);
  co_await pipe.finish();
}

struct Connected {
  asio::io_context loop;
  std::unique_ptr<TcpListener> listener;
  Pipe server;
  Pipe client;

  Connected() {
    auto opened = TcpListener::open(loop.get_executor(), kLoopback);
    listener = std::move(*opened);
    asio::co_spawn(loop, accept_into(*listener, server), asio::detached);
    auto connected = run(loop, connect(listener->local(), 5s));
    client = std::move(*connected);
    while (!server) loop.run_one();
  }
};

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return out;
}

TEST(TcpPipe, CarriesManyBytesInOrderToTheEnd) {
  Connected pair;
  const Bytes head = pattern(1000);
  const Bytes body = pattern(20 << 20);
  asio::co_spawn(pair.loop, write_and_finish(*pair.client, head, body), asio::detached);
  const auto got = run(pair.loop, read_all(*pair.server));
  ASSERT_TRUE(got);
  ASSERT_EQ(got->size(), head.size() + body.size());
  EXPECT_TRUE(std::equal(head.begin(), head.end(), got->begin()));
  EXPECT_TRUE(std::equal(body.begin(), body.end(), got->begin() + 1000));
  EXPECT_EQ(pair.server->remote().address, IpAddress::v4(127, 0, 0, 1));
  pair.server->close();
}

TEST(TcpPipe, SendsAPartOfAFile) {
  Connected pair;
  const Bytes whole = pattern(5 << 20);
  char name[] = "/tmp/tcp_test_XXXXXX";
  const int fd = ::mkstemp(name);
  ASSERT_GE(fd, 0);
  ::unlink(name);
  ASSERT_EQ(::write(fd, whole.data(), whole.size()), static_cast<ssize_t>(whole.size()));
  asio::co_spawn(pair.loop, send_file_and_finish(*pair.client, fd, 12345, 3 << 20), asio::detached);
  const auto got = run(pair.loop, read_all(*pair.server));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, Bytes(whole.begin() + 12345, whole.begin() + 12345 + (3 << 20)));
  pair.server->close();
  const auto short_file = run(pair.loop, pair.client->write_file(fd, 0, 1));
  EXPECT_EQ(short_file.error(), IoError::kClosed);
  ::close(fd);
}

TEST(TcpPipe, SaysWhenTheFileIsShorterThanPromised) {
  Connected pair;
  char name[] = "/tmp/tcp_test_XXXXXX";
  const int fd = ::mkstemp(name);
  ::unlink(name);
  ASSERT_EQ(::write(fd, "abc", 3), 3);
  const auto wrote = run(pair.loop, pair.client->write_file(fd, 0, 10));
  EXPECT_EQ(wrote.error(), IoError::kOther);
  ::close(fd);
}

TEST(TcpPipe, EndsAPendingReadWhenItIsClosed) {
  Connected pair;
  asio::post(pair.loop, [&] { pair.server->close(); });
  const auto got = run(pair.loop, read_all(*pair.server));
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->empty());
  Bytes more(1);
  const auto after = run(pair.loop, pair.server->read_some(more));
  EXPECT_EQ(after.error(), IoError::kClosed);
}

TEST(TcpPipe, EndsAPendingReadWhenItIsFinished) {
  Connected pair;
  asio::co_spawn(pair.loop, pair.server->finish(), asio::detached);
  const auto got = run(pair.loop, read_all(*pair.server));
  ASSERT_TRUE(got);
  const auto seen = run(pair.loop, read_all(*pair.client));
  EXPECT_TRUE(seen && seen->empty());
}

TEST(TcpPipe, TellsWhenThereIsSomethingToRead) {
  Connected pair;
  const Bytes one = pattern(1);
  ASSERT_TRUE(run(pair.loop, pair.client->write(one)));
  EXPECT_TRUE(run(pair.loop, pair.server->wait_readable()));
  const auto got = run(pair.loop, pair.server->wait_readable());  // it takes nothing
  EXPECT_TRUE(got);
  Bytes buffer(10);
  const auto read = run(pair.loop, pair.server->read_some(buffer));
  EXPECT_EQ(*read, 1U);
}

TEST(TcpConnect, SaysThatNobodyListens) {
  asio::io_context loop;
  auto listener = TcpListener::open(loop.get_executor(), kLoopback);
  const Endpoint taken = (*listener)->local();
  (*listener)->close();
  const auto refused = run(loop, connect(taken, 5s));
  EXPECT_EQ(refused.error(), IoError::kRefused);
}

TEST(TcpConnect, GivesUpAtItsDeadline) {
  asio::io_context loop;
  // A listener that takes nobody, with a queue of one: what comes after the queue is full hangs in SYN-SENT.
  asio::ip::tcp::acceptor full(loop, {asio::ip::make_address("127.0.0.1"), 0}, false);
  full.listen(0);
  const Endpoint to{IpAddress::v4(127, 0, 0, 1), full.local_endpoint().port()};
  std::vector<Pipe> fillers;
  IoError last = IoError::kOther;
  for (int i = 0; i < 4 && last != IoError::kTimeout; ++i) {
    auto connected = run(loop, connect(to, 20ms));
    if (connected) {
      fillers.push_back(std::move(*connected));
    } else {
      last = connected.error();
    }
  }
  EXPECT_EQ(last, IoError::kTimeout);
}

TEST(TcpConnect, FindsTheAddressesOfAHost) {
  asio::io_context loop;
  const auto literal = run(loop, resolve("2001:db8::7", 5s));
  ASSERT_TRUE(literal);
  EXPECT_EQ(literal->front().to_string(), "2001:db8::7");
  const auto local = run(loop, resolve("localhost", 5s));
  ASSERT_TRUE(local);
  EXPECT_TRUE(local->front().is_loopback());
}

TEST(TcpConnect, TriesAllAddressesOfAHost) {
  asio::io_context loop;
  auto listener = TcpListener::open(loop.get_executor(), kLoopback);
  const auto found = run(loop, connect_host("localhost", (*listener)->local().port, 5s));
  EXPECT_TRUE(found);
  const auto port = (*listener)->local().port;
  (*listener)->close();
  const auto refused = run(loop, connect_host("localhost", port, 5s));
  EXPECT_EQ(refused.error(), IoError::kRefused);
}

TEST(TcpListener, TakesBothFamiliesOnTheUnspecifiedIpv6Address) {
  asio::io_context loop;
  auto listener = TcpListener::open(loop.get_executor(), {*IpAddress::parse("::"), 0});
  if (!listener) GTEST_FAIL() << "no IPv6 here";
  Pipe server;
  asio::co_spawn(loop, accept_into(**listener, server), asio::detached);
  const auto client = run(loop, connect({IpAddress::v4(127, 0, 0, 1), (*listener)->local().port}, 5s));
  ASSERT_TRUE(client);
  while (!server) loop.run_one();
  EXPECT_EQ(server->remote().address, IpAddress::v4(127, 0, 0, 1));
}

TEST(TcpListener, SaysWhenThePortIsTaken) {
  asio::io_context loop;
  auto first = TcpListener::open(loop.get_executor(), kLoopback);
  const auto second = TcpListener::open(loop.get_executor(), (*first)->local());
  EXPECT_EQ(second.error(), IoError::kRefused);
}

}  // namespace
}  // namespace turnpike::io
