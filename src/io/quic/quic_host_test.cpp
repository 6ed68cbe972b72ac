#include "io/quic/quic_host.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <chrono>

#include "core/exchange/message.h"
#include "io/channel/channel_test_support.h"
#include "io/channel/exchange_source.h"
#include "io/channel/store_server.h"
#include "io/loop/deadline.h"
#include "io/loop/run.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;

const Endpoint kLoopback{IpAddress::v4(127, 0, 0, 1), 0};

quic::Config config_of(const crypto::SigningKey& key) {
  quic::Config config;
  config.identity = &key;
  config.protocols = {std::string(exchange::kProtocol)};
  return config;
}

/// Two hosts on loopback; `right` serves a store to whoever comes.
struct Hosts {
  explicit Hosts(std::uint64_t store_size = 1000)
      : store(store_size),
        reader(store),
        server(reader),
        left_socket(std::move(*UdpSocket::open(loop.get_executor(), kLoopback))),
        right_socket(std::move(*UdpSocket::open(loop.get_executor(), kLoopback))) {
    left.emplace(loop.get_executor(), *left_socket, config_of(left_key), random);
    right.emplace(loop.get_executor(), *right_socket, config_of(right_key), random,
                  [this](std::unique_ptr<QuicLink> link) {
                    accepted.push_back(std::move(link));
                    return [this](std::unique_ptr<LinkStream> stream) { return server.serve(std::move(stream)); };
                  });
  }
  ~Hosts() {
    accepted.clear();
    left.reset();
    right.reset();
    loop.restart();
    loop.poll();
  }
  [[nodiscard]] identity::PeerId right_peer() const { return {right_key.public_key()}; }
  std::unique_ptr<QuicLink> dial() { return left->connect({quic::CarrierId::kSocket, right->local()}, right_peer()); }

  asio::io_context loop;
  SeededRandom random{5};
  crypto::SigningKey left_key = crypto::SigningKey::generate(random);
  crypto::SigningKey right_key = crypto::SigningKey::generate(random);
  TestStore store;
  MemoryReader reader;
  StoreServer server;
  std::unique_ptr<UdpSocket> left_socket;
  std::unique_ptr<UdpSocket> right_socket;
  std::vector<std::unique_ptr<QuicLink>> accepted;
  std::optional<QuicHost> left;
  std::optional<QuicHost> right;
};

class Collect final : public RangeSink {
 public:
  asio::awaitable<std::span<std::uint8_t>> space() override {
    const std::span<std::uint8_t> all(space_);
    co_return all;
  }
  void commit(std::size_t size) override {
    bytes.insert(bytes.end(), space_.begin(), space_.begin() + static_cast<std::ptrdiff_t>(size));
  }

  Bytes bytes;

 private:
  Bytes space_ = Bytes(store::kPieceSize);
};

TEST(QuicHost, FetchesAStoreOverUdpAndChangesItsKeysMeanwhile) {
  Hosts hosts(20 << 20);
  auto link = hosts.dial();
  const auto peer = wait_for(hosts.loop, link->established());
  ASSERT_TRUE(peer);
  EXPECT_EQ(*peer, hosts.right_peer());
  Stop stop;
  for (int i = 0; i < 3; ++i) {
    Collect sink;
    ExchangeSource source(*link);
    const auto got = wait_for(
        hosts.loop, source.range(hosts.store.id, hosts.store.content(), 0, hosts.store.bytes.size(), sink, stop));
    EXPECT_TRUE(got);
    EXPECT_EQ(sink.bytes, hosts.store.bytes);
    if (i == 0) EXPECT_TRUE(link->update_keys());
    if (i == 1) EXPECT_TRUE(hosts.accepted.at(0)->update_keys());
  }
  EXPECT_GE(link->counters().key_updates, 2U);
  EXPECT_GT(link->bytes_received(), 3 * hosts.store.bytes.size());
}

TEST(QuicHost, TellsBothEndsThatALinkIsOver) {
  Hosts hosts;
  auto link = hosts.dial();
  ASSERT_TRUE(wait_for(hosts.loop, link->established()));
  while (hosts.accepted.empty()) hosts.loop.run_one();
  link->close();
  EXPECT_EQ(wait_for(hosts.loop, hosts.accepted[0]->closed()), channel::CloseReason::kClosedByPeer);
  EXPECT_EQ(wait_for(hosts.loop, link->closed()), channel::CloseReason::kClosedByUs);
  EXPECT_EQ(link->open(exchange::kProtocol), nullptr);
}

TEST(QuicHost, RefusesAnybodyElse) {
  Hosts hosts;
  auto link = hosts.left->connect({quic::CarrierId::kSocket, hosts.right->local()},
                                  identity::PeerId{hosts.left_key.public_key()});
  const auto refused = wait_for(hosts.loop, link->established());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), channel::CloseReason::kWrongPeer);
}

TEST(QuicHost, LeavesItsLinksUsableThoughDeadWhenItGoesFirst) {
  Hosts hosts;
  auto link = hosts.dial();
  ASSERT_TRUE(wait_for(hosts.loop, link->established()));
  auto stream = link->open(exchange::kProtocol);
  hosts.left.reset();
  EXPECT_EQ(wait_for(hosts.loop, link->closed()), channel::CloseReason::kConnectionLost);
  const auto written = wait_for(hosts.loop, stream->write(bytes_of("x")));
  EXPECT_EQ(written.error(), StreamError::kClosed);
  EXPECT_TRUE(stream->readable().empty());
}

TEST(QuicHost, HandsStunAndTurnToThoseWhoSpeakThem) {
  Hosts hosts;
  Bytes stun;
  ByteWriter writer(stun);
  writer.u16(1);
  writer.u16(0);
  writer.u32(0x2112a442);
  stun.resize(20);
  std::size_t stun_seen = 0;
  std::size_t turn_seen = 0;
  hosts.right->on_stun([&](const DatagramBatch& batch) { stun_seen += batch.count(); });
  hosts.right->on_turn([&](const DatagramBatch& batch) { turn_seen += batch.count(); });
  auto client = UdpSocket::open(hosts.loop.get_executor(), kLoopback);
  const DatagramBatch batch{.remote = hosts.right->local(), .local = {}, .bytes = stun, .segment_size = 20};
  ASSERT_EQ((*client)->send(batch).status, SendStatus::kSent);
  while (stun_seen == 0) hosts.loop.run_one();
  hosts.right->demultiplexer().add_turn_server((*client)->local());
  ASSERT_EQ((*client)->send(batch).status, SendStatus::kSent);
  while (turn_seen == 0) hosts.loop.run_one();
  EXPECT_EQ(stun_seen, 1U);
}

/// A way that wraps datagrams by going over a second pair of sockets: what a TURN channel does.
class Detour final : public DatagramPath, public UdpReceiver {
 public:
  Detour(QuicHost& host, UdpSocket& socket) : host_(host), socket_(socket), id_(host.add_path(*this)) {
    socket.start(*this);
  }
  ~Detour() override { host_.remove_path(id_); }
  [[nodiscard]] quic::CarrierId id() const { return id_; }
  void send(const DatagramBatch& batch) override { (void)socket_.send(batch); }
  void on_datagrams(const DatagramBatch& batch) override { host_.receive(id_, batch); }

 private:
  QuicHost& host_;
  UdpSocket& socket_;
  quic::CarrierId id_;
};

TEST(QuicHost, RunsOverAnotherPathThanItsSocket) {
  Hosts hosts(3 << 20);
  auto near = UdpSocket::open(hosts.loop.get_executor(), kLoopback);
  auto far = UdpSocket::open(hosts.loop.get_executor(), kLoopback);
  Detour out(*hosts.left, **near);
  Detour in(*hosts.right, **far);
  auto link = hosts.left->connect({out.id(), (*far)->local()}, hosts.right_peer());
  ASSERT_TRUE(wait_for(hosts.loop, link->established()));
  Stop stop;
  Collect sink;
  {
    ExchangeSource source(*link);
    EXPECT_TRUE(wait_for(hosts.loop,
                         source.range(hosts.store.id, hosts.store.content(), 0, hosts.store.bytes.size(), sink, stop)));
  }
  EXPECT_EQ(sink.bytes, hosts.store.bytes);
  EXPECT_EQ(hosts.left_socket->counters().sent, 0U);
  hosts.accepted.clear();
  link.reset();
}

}  // namespace
}  // namespace turnpike::io
