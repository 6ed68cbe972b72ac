#include "io/host/host.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/run.h"
#include "io/tcp/tcp.h"

namespace turnpike::io {
namespace {

constexpr std::string_view kEcho = "/echo/1";
const Endpoint kLoopback{IpAddress::v4(127, 0, 0, 1), 0};

class Recorder final : public HostEvents {
 public:
  void peer_connected(const HostConnection& connection) override { connected.push_back(connection.peer()); }
  void peer_identified(const std::shared_ptr<HostConnection>& connection) override {
    identified.push_back(connection->peer());
  }
  void peer_disconnected(const identity::PeerId& peer) override { disconnected.push_back(peer); }
  void strange_proposal(const Endpoint&, const std::string& proposal) override { proposals.push_back(proposal); }
  void dialling(const host::DialAddress& to) override { dialled.push_back(to.endpoint); }

  std::vector<identity::PeerId> connected;
  std::vector<identity::PeerId> identified;
  std::vector<identity::PeerId> disconnected;
  std::vector<std::string> proposals;
  std::vector<Endpoint> dialled;
};

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

/// One host, and what it heard.
struct Node {
  Node(asio::io_context& loop, Random& random, HostSettings settings = {}) : key(crypto::SigningKey::generate(random)) {
    settings.identity = &key;
    host = std::make_unique<Host>(loop.get_executor(), settings, random, &heard);
    host->handle(std::string(kEcho), {.streams = 4}, echo);
  }
  [[nodiscard]] identity::PeerId id() const { return {key.public_key()}; }

  crypto::SigningKey key;
  Recorder heard;
  std::unique_ptr<Host> host;
};

class IoHost : public testing::Test {
 protected:
  ~IoHost() override {
    a_.host->close_all();
    b_.host->close_all();
    loop_.restart();
    loop_.run_for(std::chrono::seconds(3));
  }
  Endpoint listening(Node& node) { return *node.host->listen(kLoopback); }
  Result<std::shared_ptr<HostConnection>, HostDialFailure> dial(Node& from, Node& to, std::vector<Endpoint> addresses,
                                                                Duration time = kDialTime) {
    return run(loop_, from.host->dial(to.id(), std::move(addresses), path::Found::kBootstrap, time));
  }
  std::shared_ptr<HostConnection> joined() {
    const auto dialled = dial(a_, b_, {listening(b_)});
    EXPECT_TRUE(dialled) << (dialled ? "" : dialled.error().detail);
    return *dialled;
  }
  void until(const std::function<bool()>& holds) {
    const Instant latest = now() + std::chrono::seconds(5);
    loop_.restart();
    while (!holds() && now() < latest) loop_.run_one_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(holds());
  }

  asio::io_context loop_{1};
  SeededRandom random_{11};
  Node a_{loop_, random_};
  Node b_{loop_, random_};
};

TEST_F(IoHost, ConnectsTwoStrangersAndTellsBothWhoTheOtherIs) {
  const auto connection = joined();
  EXPECT_EQ(connection->peer(), b_.id());
  until([&] { return !b_.heard.connected.empty(); });
  EXPECT_THAT(b_.heard.connected, testing::ElementsAre(a_.id()));
  EXPECT_EQ(b_.host->connections().at(0).connection.found, path::Found::kInbound);
  EXPECT_EQ(a_.host->connections().at(0).connection.found, path::Found::kBootstrap);
}

TEST_F(IoHost, CarriesStreamsBothWaysOverOneConnection) {
  const auto connection = joined();
  const Bytes message(300'000, 9);
  EXPECT_EQ(run(loop_, ask_echo(*connection, message)), message);
  until([&] { return b_.host->find(a_.id()) != nullptr; });
  EXPECT_EQ(run(loop_, ask_echo(*b_.host->find(a_.id()), message)), message);
  EXPECT_EQ(b_.host->connections().size(), 1U);
}

TEST_F(IoHost, TellsWhoItIsAndWhatItSpeaks) {
  b_.host->set_addresses({multiaddr::Multiaddr::tcp({IpAddress::v4(192, 0, 2, 1), 4001})});
  const auto connection = joined();
  run(loop_, connection->identified());
  ASSERT_TRUE(connection->info());
  EXPECT_TRUE(connection->info()->speaks(kEcho));
  EXPECT_TRUE(connection->info()->speaks(ping::kProtocol));
  EXPECT_EQ(connection->info()->addresses(), b_.host->addresses());
  ASSERT_TRUE(connection->info()->observed);
  EXPECT_EQ(connection->info()->observed->tcp_endpoint()->address, kLoopback.address);
  EXPECT_EQ(a_.host->connections().at(0).agent, "turnpike");
}

TEST_F(IoHost, PushesNewsToThoseWhoAreConnected) {
  const auto connection = joined();
  run(loop_, connection->identified());
  EXPECT_TRUE(connection->info()->addresses().empty());
  b_.host->set_addresses({multiaddr::Multiaddr::tcp({IpAddress::v4(192, 0, 2, 1), 4001})});
  b_.host->handle("/new/1", {}, echo);
  until([&] { return connection->info()->speaks("/new/1"); });
  EXPECT_EQ(connection->info()->addresses(), b_.host->addresses());
}

TEST_F(IoHost, Pings) {
  const auto connection = joined();
  const auto round_trip = run(loop_, a_.host->ping(*connection));
  ASSERT_TRUE(round_trip);
  EXPECT_LT(*round_trip, std::chrono::seconds(1));
}

TEST_F(IoHost, DialsFromThePortItListensOn) {
  const Endpoint here = listening(a_);
  joined();
  until([&] { return !b_.host->connections().empty(); });
  EXPECT_EQ(b_.host->connections().at(0).connection.remote.port, here.port);
}

TEST_F(IoHost, SaysWhereItsPortSendsFirst) {
  listening(a_);
  const auto connection = joined();
  EXPECT_THAT(a_.heard.dialled, testing::ElementsAre(connection->remote()));
  EXPECT_THAT(b_.heard.dialled, testing::IsEmpty());
}

TEST_F(IoHost, TellsOfAProposalThatIsNoSecurityProtocolAndRefusesIt) {
  const auto pipe = *run(loop_, connect(listening(b_), std::chrono::seconds(1)));
  const Bytes greeting = copy_of(bytes_of("\x13/multistream/1.0.0\n\x0c/strange/1x\n"));
  EXPECT_TRUE(run(loop_, pipe->write(greeting)));
  Bytes answer;
  while (!text_of(answer).ends_with("na\n")) {
    Bytes piece(64);
    const auto got = run(loop_, pipe->read_some(piece));
    ASSERT_TRUE(got);
    answer.insert(answer.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
  }
  pipe->close();
  until([&] { return !b_.heard.proposals.empty(); });
  EXPECT_THAT(b_.heard.proposals, testing::ElementsAre("/strange/1x"));
}

TEST_F(IoHost, RacesAddressesPastTheDeadOnes) {
  const Endpoint there = listening(b_);
  const auto closed = TcpListener::open(loop_.get_executor(), kLoopback);
  const Endpoint dead = (*closed)->local();
  (*closed)->close();
  const auto dialled = dial(a_, b_, {dead, there});
  ASSERT_TRUE(dialled) << dialled.error().detail;
  EXPECT_EQ((*dialled)->remote(), there);
}

TEST_F(IoHost, SaysWhenSomebodyElseAnswersAndGoesOnToTheNextAddress) {
  Node other(loop_, random_);
  const Endpoint wrong = listening(other);
  const auto refused = dial(a_, b_, {wrong});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error, HostDialError::kWrongPeer);
  EXPECT_TRUE(dial(a_, b_, {wrong, listening(b_)}));
  other.host->close_all();
}

TEST_F(IoHost, SaysWhenNobodyAnswers) {
  const auto closed = TcpListener::open(loop_.get_executor(), kLoopback);
  const Endpoint dead = (*closed)->local();
  (*closed)->close();
  const auto refused = dial(a_, b_, {dead});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error, HostDialError::kUnreachable);
  EXPECT_EQ(dial(a_, b_, {}).error().error, HostDialError::kNoAddress);
}

TEST_F(IoHost, GivesUpOnWhoAcceptsAndNeverSpeaks) {
  const auto silent = TcpListener::open(loop_.get_executor(), kLoopback);
  const auto refused = dial(a_, b_, {(*silent)->local()}, std::chrono::milliseconds(300));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error, HostDialError::kTimeout);
}

TEST_F(IoHost, UsesTheConnectionThatStandsInsteadOfDialling) {
  const auto first = joined();
  const auto again = dial(a_, b_, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, first);
  until([&] { return b_.host->find(a_.id()) != nullptr; });
  EXPECT_TRUE(dial(b_, a_, {})) << "also in the other direction, where no address is known";
}

TEST_F(IoHost, TellsWhenThePeersLastConnectionIsGone) {
  joined();
  until([&] { return !b_.heard.connected.empty(); });
  a_.host->close_all();
  until([&] { return !b_.heard.disconnected.empty(); });
  EXPECT_THAT(b_.heard.disconnected, testing::ElementsAre(a_.id()));
  EXPECT_TRUE(b_.host->connections().empty());
}

TEST_F(IoHost, ResetsStreamsBeyondAProtocolsLimitAndNoOthers) {
  const auto connection = joined();
  std::vector<std::unique_ptr<LinkStream>> streams;
  for (int i = 0; i < 5; ++i) {
    streams.push_back(connection->open(kEcho));
    run(loop_, [](LinkStream& stream) -> asio::awaitable<void> {
      const Bytes byte(1, 1);
      (void)co_await stream.write(byte);
      (void)co_await stream.wait_readable(now() + std::chrono::seconds(5));
    }(*streams.back()));
  }
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(streams[static_cast<std::size_t>(i)]->is_usable()) << i;
  EXPECT_FALSE(streams[4]->is_usable());
  streams.pop_back();
  streams.pop_back();
  until([&] { return b_.host->connections().at(0).connection.streams == 3; });
  EXPECT_EQ(run(loop_, ask_echo(*connection, Bytes(3, 1))), Bytes(3, 1)) << "a stream that ended made room";
}

TEST(IoHostLimits, CutsHandshakesThatTakeTooLong) {
  asio::io_context loop{1};
  SeededRandom random{5};
  HostSettings settings;
  settings.channel.handshake_timeout = std::chrono::milliseconds(100);
  settings.limits.pending_per_network = 2;
  Node node(loop, random, settings);
  const Endpoint here = *node.host->listen(kLoopback);
  // Three that connect and say nothing: two are held for as long as a handshake may take, the third is shown out at
  // once.
  std::vector<std::unique_ptr<BytePipe>> slow;
  for (int i = 0; i < 3; ++i) slow.push_back(*run(loop, connect(here, std::chrono::seconds(1))));
  Bytes byte(1);
  const auto third = run(loop, slow[2]->read_some(byte));
  EXPECT_FALSE(third);
  const auto end_of = [&](BytePipe& pipe) {
    Bytes greeting(64);
    while (run(loop, pipe.read_some(greeting))) {
    }
  };
  const Instant began = now();
  end_of(*slow[0]);
  end_of(*slow[1]);
  EXPECT_LT(now() - began, std::chrono::seconds(2));
  const auto next = run(loop, connect(here, std::chrono::seconds(1)));
  EXPECT_TRUE(next);
  node.host->close_all();
  loop.restart();
  loop.run_for(std::chrono::seconds(1));
}

TEST(IoHostLimits, LetsTheNewestConnectionOfAPeerReplaceItsOldest) {
  asio::io_context loop{1};
  SeededRandom random{5};
  HostSettings settings;
  settings.limits.per_peer = 1;
  Node server(loop, random, settings);
  const Endpoint here = *server.host->listen(kLoopback);
  const crypto::SigningKey key = crypto::SigningKey::generate(random);
  const HostSettings same{.identity = &key, .agent = "twice", .limits = {}, .channel = {}};
  Host first(loop.get_executor(), same, random);
  Host second(loop.get_executor(), same, random);
  const auto dead = run(loop, first.dial(server.id(), {here}, path::Found::kKnown));
  ASSERT_TRUE(dead);
  const auto fresh = run(loop, second.dial(server.id(), {here}, path::Found::kKnown));
  ASSERT_TRUE(fresh);
  EXPECT_EQ(run(loop, (*dead)->closed()), channel::CloseReason::kClosedByPeer);
  EXPECT_TRUE((*fresh)->is_open());
  EXPECT_EQ(server.host->connections().size(), 1U);
  first.close_all();
  second.close_all();
  server.host->close_all();
  loop.restart();
  loop.run_for(std::chrono::seconds(1));
}

TEST(IoHostLimits, NoticesThatAnotherProgramHasThePort) {
  asio::io_context loop{1};
  SeededRandom random{5};
  Node node(loop, random);
  const auto taken = TcpListener::open(loop.get_executor(), kLoopback);
  const auto refused = node.host->listen((*taken)->local());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), IoError::kRefused);
  Node other(loop, random);
  const Endpoint shared = *other.host->listen(kLoopback);
  EXPECT_FALSE(node.host->listen(shared)) << "not even when that one would share it";
  node.host->close_all();
  other.host->close_all();
  loop.restart();
  loop.run_for(std::chrono::seconds(1));
}

}  // namespace
}  // namespace turnpike::io
