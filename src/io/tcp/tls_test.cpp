#include "io/tcp/tls.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <fstream>

#include "base/base64.h"
#include "io/loop/run.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using Secure = Result<std::unique_ptr<TlsPipe>, IoError>;

struct Folder {
  std::filesystem::path path;

  Folder() {
    char name[] = "/tmp/tls_test_XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

TlsServerContext self_signed(const Folder& folder) {
  auto made = TlsServerContext::self_signed(folder.path / "state");
  return std::move(*made);
}

asio::awaitable<void> accept_tls(TcpListener& listener, const TlsServerContext& context, Duration timeout,
                                 std::optional<Secure>& out) {
  auto accepted = co_await listener.accept();
  auto secured = co_await tls_accept(std::move(*accepted), context, timeout);
  out.emplace(std::move(secured));
}

struct Handshake {
  asio::io_context loop;
  std::unique_ptr<TcpListener> listener;
  std::optional<Secure> server;

  explicit Handshake(const TlsServerContext& context, Duration timeout = 5s) {
    auto opened = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    listener = std::move(*opened);
    asio::co_spawn(loop, accept_tls(*listener, context, timeout, server), asio::detached);
  }

  std::unique_ptr<BytePipe> dial() {
    auto connected = run(loop, connect(listener->local(), 5s));
    return std::move(*connected);
  }

  Secure as_client(const TlsClientContext& context) {
    auto secured = run(loop, tls_connect(dial(), context, "127.0.0.1", 5s));
    while (!server) loop.run_one();
    return secured;
  }
};

asio::awaitable<Result<Bytes, IoError>> read_all(BytePipe& pipe) {
  Bytes all;
  Bytes buffer(256 << 10);
  for (;;) {
    const auto got = co_await pipe.read_some(buffer);
    if (!got && got.error() == IoError::kClosed) co_return all;
    if (!got) co_return fail(got.error());
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

asio::awaitable<void> write_all(BytePipe& pipe, ByteView bytes) {
  const auto wrote = co_await pipe.write(bytes);
  EXPECT_TRUE(wrote);
}

asio::awaitable<void> write_and_finish(BytePipe& pipe, ByteView head, ByteView body) {
  const auto wrote = co_await pipe.write_both(head, body);
  EXPECT_TRUE(wrote);
  co_await pipe.finish();
}

TEST(TlsServerContext, KeepsItsSelfSignedKeyToItselfAndItsPin) {
  const Folder folder;
  const auto first = self_signed(folder);
  const auto second = self_signed(folder);
  EXPECT_EQ(first.pin(), second.pin());
  EXPECT_EQ(from_base64url(first.pin())->size(), 32U);
  struct stat key{};
  ASSERT_EQ(::stat((folder.path / "state/tls.key").c_str(), &key), 0);
  EXPECT_EQ(key.st_mode & 0777U, 0600U);
  // A lost certificate is made again for the same key.
  std::filesystem::remove(folder.path / "state/tls.crt");
  EXPECT_EQ(self_signed(folder).pin(), first.pin());
}

TEST(TlsServerContext, SaysWhichFileItCannotUse) {
  const Folder folder;
  self_signed(folder);
  std::ofstream(folder.path / "bad.pem") << "not a certificate";
  const auto bad = TlsServerContext::from_files(folder.path / "bad.pem", folder.path / "state/tls.key");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text.find("bad.pem"), std::string::npos);
  const auto no_key = TlsServerContext::from_files(folder.path / "state/tls.crt", folder.path / "none.key");
  ASSERT_FALSE(no_key);
  EXPECT_NE(no_key.error().text.find("none.key"), std::string::npos);
  std::ofstream(folder.path / "state/tls.key") << "damaged";
  std::filesystem::remove(folder.path / "state/tls.crt");
  EXPECT_FALSE(TlsServerContext::self_signed(folder.path / "state"));
}

TEST(TlsPipe, CarriesManyBytesBothWaysAtOnce) {
  const Folder folder;
  const auto context = self_signed(folder);
  Handshake pair(context);
  auto client = pair.as_client(TlsClientContext::pinned({"another", context.pin()}));
  ASSERT_TRUE(client && *pair.server);
  EXPECT_EQ((*client)->alpn(), "http/1.1");
  BytePipe& server = ***pair.server;
  const Bytes head(100, 1);
  Bytes body(10 << 20);
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<std::uint8_t>(i * 7 + i / 65537);
  asio::co_spawn(pair.loop, write_and_finish(server, head, body), asio::detached);
  asio::co_spawn(pair.loop, write_all(**client, head), asio::detached);
  const auto got = run(pair.loop, read_all(**client));
  ASSERT_TRUE(got);
  ASSERT_EQ(got->size(), head.size() + body.size());
  EXPECT_TRUE(std::equal(body.begin(), body.end(), got->begin() + 100));
  (*client)->close();
}

TEST(Tls, AgreesOnTurnWhereTheClientHasComeForIt) {
  const Folder folder;
  const auto server = self_signed(folder);
  Handshake pair(server);
  const auto client = pair.as_client(TlsClientContext::pinned({server.pin()}).for_turn());
  ASSERT_TRUE(client);
  EXPECT_EQ((*client)->alpn(), "stun.turn");
}

TEST(TlsPipe, TellsACutFromAnEnd) {
  const Folder folder;
  const auto context = self_signed(folder);
  Handshake pair(context);
  auto client = pair.as_client(TlsClientContext::pinned({context.pin()}));
  (**pair.server)->close();  // no closing alert
  const auto got = run(pair.loop, read_all(**client));
  EXPECT_EQ(got.error(), IoError::kOther);
}

TEST(TlsPipe, LetsASmallReaderTakeALargeRecord) {
  const Folder folder;
  const auto context = self_signed(folder);
  Handshake pair(context);
  auto client = pair.as_client(TlsClientContext::pinned({context.pin()}));
  const Bytes sent(1000, 42);
  ASSERT_TRUE(run(pair.loop, (*client)->write(sent)));
  BytePipe& server = ***pair.server;
  Bytes got;
  Bytes buffer(7);
  while (got.size() < sent.size()) {
    ASSERT_TRUE(run(pair.loop, server.wait_readable()));
    const auto part = run(pair.loop, server.read_some(buffer));
    ASSERT_TRUE(part);
    got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*part));
  }
  EXPECT_EQ(got, sent);
}

TEST(TlsConnect, RefusesAWrongPin) {
  const Folder folder;
  const auto context = self_signed(folder);
  Handshake pair(context);
  const auto client = pair.as_client(TlsClientContext::pinned({"AAAA" + context.pin().substr(4)}));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error(), IoError::kTls);
}

TEST(TlsConnect, RefusesASelfSignedCertificateWithoutAPin) {
  const Folder folder;
  const auto context = self_signed(folder);
  Handshake pair(context);
  const auto client = pair.as_client(TlsClientContext::system());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error(), IoError::kTls);
  EXPECT_FALSE(*pair.server);
}

TEST(TlsAccept, GivesUpOnWhoeverSaysNothing) {
  const Folder folder;
  const auto context = self_signed(folder);
  Handshake pair(context, 10ms);
  const auto silent = pair.dial();
  while (!pair.server) pair.loop.run_one();
  EXPECT_EQ(pair.server->error(), IoError::kTimeout);
}

TEST(TlsAccept, GivesUpOnWhoeverDoesNotSpeakTls) {
  const Folder folder;
  const auto context = self_signed(folder);
  Handshake pair(context);
  const auto client = pair.dial();
  ASSERT_TRUE(run(pair.loop, client->write(bytes_of("GET / HTTP/1.1\r\n\r\n"))));
  while (!pair.server) pair.loop.run_one();
  EXPECT_EQ(pair.server->error(), IoError::kTls);
}

TEST(Carrier, IsToldByAlpnAndElseByTheFirstByte) {
  EXPECT_EQ(carrier_of_alpn("http/1.1"), Carrier::kHttp);
  EXPECT_EQ(carrier_of_alpn("stun.turn"), Carrier::kTurn);
  EXPECT_EQ(carrier_of_alpn("h2"), Carrier::kUnknown);
  EXPECT_EQ(carrier_of_alpn(""), Carrier::kUnknown);
  EXPECT_EQ(carrier_of_first_byte('G'), Carrier::kHttp);
  EXPECT_EQ(carrier_of_first_byte(0x00), Carrier::kTurn);
  EXPECT_EQ(carrier_of_first_byte(0x03), Carrier::kTurn);
  EXPECT_EQ(carrier_of_first_byte(0x04), Carrier::kUnknown);
  EXPECT_EQ(carrier_of_first_byte('g'), Carrier::kUnknown);
}

TEST(Carrier, IsToldOnAConnectionWithoutTakingAByte) {
  const Folder folder;
  const auto context = self_signed(folder);
  Handshake pair(context);
  auto client = pair.as_client(TlsClientContext::pinned({context.pin()}));
  TlsPipe& server = ***pair.server;
  EXPECT_EQ(*run(pair.loop, tell_carrier(server, 5s)), Carrier::kHttp);  // our client offers http/1.1
  ASSERT_TRUE(run(pair.loop, (*client)->write(bytes_of("PX"))));
  EXPECT_EQ(*run(pair.loop, server.peek()), 'P');
  Bytes buffer(8);
  const auto got = run(pair.loop, server.read_some(buffer));
  EXPECT_EQ(*got, 2U);
  EXPECT_EQ(buffer[0], 'P');
}

}  // namespace
}  // namespace turnpike::io
