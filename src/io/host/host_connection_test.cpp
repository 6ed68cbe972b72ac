#include "io/host/host_connection.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "io/host/host.h"
#include "io/loop/convert.h"
#include "io/loop/run.h"
#include "io/udp/udp_socket.h"

// Hosts that speak QUIC and TCP: which of the two carries a connection, and that it makes no difference to its streams.
namespace turnpike::io {
namespace {

constexpr std::string_view kEcho = "/echo/1";
const Endpoint kLoopback{IpAddress::v4(127, 0, 0, 1), 0};

asio::awaitable<void> echo(std::shared_ptr<HostConnection> connection, std::unique_ptr<LinkStream> stream) {
  const std::shared_ptr<HostConnection> keep = connection;
  while (true) {
    const Status<StreamError> ready = co_await stream->wait_readable();
    if (!ready) break;
    const Bytes came = copy_of(stream->readable());
    stream->consume(came.size());
    const Status<StreamError> written = co_await stream->write(came);
    if (!written) co_return;
  }
  stream->finish();
}

asio::awaitable<Bytes> ask_echo(HostConnection& connection, Bytes message) {
  const std::unique_ptr<LinkStream> stream = connection.open(kEcho);
  if (!stream) co_return Bytes();
  (void)co_await stream->write(message);
  stream->finish();
  Bytes back;
  while (true) {
    const Status<StreamError> ready = co_await stream->wait_readable(now() + std::chrono::seconds(5));
    if (!ready) break;
    back.insert(back.end(), stream->readable().begin(), stream->readable().end());
    stream->consume(stream->readable().size());
  }
  co_return back;
}

struct Node {
  Node(asio::io_context& loop, Random& random) : key(crypto::SigningKey::generate(random)) {
    HostSettings settings;
    settings.identity = &key;
    host = std::make_unique<Host>(loop.get_executor(), settings, random);
    host->handle(std::string(kEcho), {.streams = 4}, echo);
    tcp = *host->listen(kLoopback);
    udp = *host->listen_quic(kLoopback);
  }
  [[nodiscard]] identity::PeerId id() const { return {key.public_key()}; }

  crypto::SigningKey key;
  std::unique_ptr<Host> host;
  Endpoint tcp;
  Endpoint udp;
};

class IoHostTransports : public testing::Test {
 protected:
  ~IoHostTransports() override {
    a_.host->close_all();
    b_.host->close_all();
    loop_.restart();
    loop_.run_for(std::chrono::seconds(3));
  }
  Result<std::shared_ptr<HostConnection>, HostDialFailure> dial(std::vector<Endpoint> tcp, std::vector<Endpoint> quic) {
    return run(loop_, a_.host->dial(b_.id(), std::move(tcp), path::Found::kBootstrap, kDialTime, std::move(quic)));
  }
  void hang_up(HostConnection& connection) {
    connection.close();
    (void)run(loop_, connection.closed());
  }

  asio::io_context loop_{1};
  SeededRandom random_{11};
  Node a_{loop_, random_};
  Node b_{loop_, random_};
};

TEST_F(IoHostTransports, PreferQuicAndCarryStreamsAndIdentityOverIt) {
  const auto dialled = dial({b_.tcp}, {b_.udp});
  ASSERT_TRUE(dialled) << dialled.error().detail;
  HostConnection& connection = **dialled;
  EXPECT_EQ(connection.transport(), host::Transport::kQuic);
  const Bytes message(300'000, 7);
  EXPECT_EQ(run(loop_, ask_echo(connection, message)), message);
  run(loop_, connection.identified());
  ASSERT_TRUE(connection.info());
  EXPECT_TRUE(connection.info()->speaks(kEcho));
  ASSERT_EQ(b_.host->connections().size(), 1U);
  EXPECT_EQ(b_.host->connections()[0].transport, host::Transport::kQuic);
  EXPECT_EQ(b_.host->connections()[0].connection.peer, a_.id());
  EXPECT_TRUE(run(loop_, a_.host->ping(connection)));
}

TEST_F(IoHostTransports, FallToTcpWhereUdpIsSwallowedAndRememberIt) {
  auto silent = UdpSocket::open(loop_.get_executor(), kLoopback);  // takes everything, says nothing
  const Instant began = now();
  const auto first = dial({b_.tcp}, {(*silent)->local()});
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ((*first)->transport(), host::Transport::kTcp);
  EXPECT_GE(now() - began, kDialStagger);
  hang_up(**first);
  const auto second = dial({b_.tcp}, {b_.udp});  // by now UDP would work
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->transport(), host::Transport::kTcp);
  hang_up(**second);
  a_.host->forget_transports();
  const auto third = dial({b_.tcp}, {b_.udp});
  ASSERT_TRUE(third);
  EXPECT_EQ((*third)->transport(), host::Transport::kQuic);
}

TEST_F(IoHostTransports, SayWhoAnsweredOverQuicWhenItIsSomebodyElse) {
  Node other(loop_, random_);
  const auto dialled = dial({}, {other.udp});
  ASSERT_FALSE(dialled);
  EXPECT_EQ(dialled.error().error, HostDialError::kWrongPeer);
  other.host->close_all();
}

}  // namespace
}  // namespace turnpike::io
