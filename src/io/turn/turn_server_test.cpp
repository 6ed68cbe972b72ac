#include "io/turn/turn_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>

#include "crypto/random.h"
#include "io/loop/convert.h"
#include "io/loop/run.h"
#include "io/turn/turn_client.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using turn::Transport;

const IpAddress kLoopback = IpAddress::v4(127, 0, 0, 1);
const IpAddress kLoopbackV6 = *IpAddress::parse("::1");
constexpr IpAddress kExternal = IpAddress::v4(198, 51, 100, 1);

identity::PeerId peer(std::uint8_t number) {
  Digest seed{};
  seed[0] = number;
  return {crypto::SigningKey(seed).public_key()};
}

struct World {
  asio::io_context loop;
  crypto::SecureRandom random;
  TurnServer server{loop.get_executor(), config(), random};
  Endpoint udp;
  Endpoint udp_v6;
  Endpoint tcp;
  turn::Opened opened;

  static turn::ServerConfig config() {
    turn::ServerConfig out;
    out.external = {kExternal};
    return out;
  }

  World() : opened(*server.core().open_session(both_now(), peer(1), kLoopback, peer(2), IpAddress::Family::kV4)) {
    for (Endpoint* at : {&udp, &udp_v6}) {
      auto socket = *UdpSocket::open(loop.get_executor(), {at == &udp ? kLoopback : kLoopbackV6, 0});
      *at = socket->local();
      server.serve(std::move(socket));
    }
    auto listener = *TcpListener::open(loop.get_executor(), {kLoopback, 0});
    tcp = listener->local();
    server.serve(std::move(listener));
  }
};

/// One end of a session: what it was told, and what it got.
struct End {
  World& world;
  std::vector<turn::Client::Event> events;
  std::vector<Bytes> received;
  std::unique_ptr<TurnClient> client;

  End(World& of, const turn::Credential& credential, const Endpoint& server, Transport transport) : world(of) {
    const turn::ClientConfig config{.username = credential.username, .password = credential.password};
    TurnClient::Handlers handlers{
        .on_event = [this](const turn::Client::Event& event) { events.push_back(event); },
        .on_data = [this](const Endpoint&, ByteView data) { received.push_back(copy_of(data)); }};
    const auto loop = world.loop.get_executor();
    if (transport == Transport::kUdp) {
      auto socket = *UdpSocket::open(loop, {server.address, 0});
      client = std::make_unique<TurnClient>(loop, std::move(socket), server, config, world.random, std::move(handlers));
    } else {
      auto pipe = *run(world.loop, connect(server, 5s));
      client = std::make_unique<TurnClient>(loop, std::move(pipe), config, world.random, std::move(handlers));
    }
  }
  [[nodiscard]] bool is_bound() const {
    return std::ranges::any_of(events, [](const auto& e) { return std::holds_alternative<turn::Client::Bound>(e); });
  }
};

struct Joined : World {
  End a;
  End b;

  Joined(Transport one, Transport two, bool second_over_v6 = false)
      : a(*this, opened.requester, one == Transport::kUdp ? udp : tcp, one),
        b(*this, opened.responder, two == Transport::kUdp ? (second_over_v6 ? udp_v6 : udp) : tcp, two) {
    a.client->bind(to_b());
    b.client->bind(to_a());
    run_until([this] { return a.is_bound() && b.is_bound(); });
  }
  [[nodiscard]] const Endpoint& to_a() const { return opened.grant.requester_relayed; }
  [[nodiscard]] const Endpoint& to_b() const { return opened.grant.responder_relayed; }

  template <class Done>
  void run_until(Done done) {
    while (!done() && loop.run_one_for(5s) > 0) {
    }
    ASSERT_TRUE(done());
  }
  // Both ways, so that the first packets have been seen by the core and the rest go by a route.
  void talk(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const Bytes data(100 + i % 7, static_cast<std::uint8_t>(i));
      ASSERT_TRUE(a.client->send(to_b(), data));
      run_until([&] { return b.received.size() == i + 1; });
      ASSERT_EQ(b.received.back(), data);
      ASSERT_TRUE(b.client->send(to_a(), data));
      run_until([&] { return a.received.size() == i + 1; });
      ASSERT_EQ(a.received.back(), data);
    }
  }
};

TEST(TurnServerIo, CarriesBothWaysBetweenAnyTwoTransportsAndFamilies) {
  for (const auto& [one, two, v6] : {std::tuple{Transport::kUdp, Transport::kUdp, false},
                                     {Transport::kUdp, Transport::kUdp, true},
                                     {Transport::kUdp, Transport::kTcp, false},
                                     {Transport::kTcp, Transport::kUdp, true},
                                     {Transport::kTcp, Transport::kTcp, false}}) {
    Joined j(one, two, v6);
    j.talk(20);
    EXPECT_GE(j.server.counters().forwarded, 38U) << "all but the first each way by a route";
  }
}

TEST(TurnServerIo, LosesNothingBetweenTwoStreamsHoweverSlowlyOneReads) {
  Joined j(Transport::kTcp, Transport::kTcp);
  constexpr std::size_t kPackets = 20'000;  // 20 MB: more than all queues and socket buffers hold
  const Bytes data(1000, 'x');
  std::size_t sent = 0;
  j.run_until([&] {
    while (sent < kPackets && j.a.client->send(j.to_b(), data)) ++sent;
    return j.b.received.size() == kPackets;
  });
  EXPECT_EQ(j.server.counters().dropped_blocked, 0U);
}

TEST(TurnServerIo, ForgetsTheAllocationOfAStreamThatCloses) {
  Joined j(Transport::kTcp, Transport::kUdp);
  EXPECT_EQ(j.server.core().allocations(), 2U);
  j.a.client.reset();
  j.run_until([&] { return j.server.core().allocations() == 1; });
  EXPECT_EQ(j.server.counters().streams, 0U);
}

TEST(TurnServerIo, CutsAStreamOffThatSpeaksSomethingElse) {
  for (const char* hello : {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "SSH-2.0-x\r\n"}) {  // "GE" could be a channel
    World world;
    auto pipe = *run(world.loop, connect(world.tcp, 5s));
    (void)run(world.loop, pipe->write(bytes_of(hello)));
    std::array<std::uint8_t, 16> buffer{};
    const auto got = run(world.loop, pipe->read_some(buffer));
    EXPECT_FALSE(got);
    EXPECT_EQ(world.server.counters().streams, 0U);
  }
}

TEST(TurnServerIo, TakesAMessageInPiecesFromAStream) {
  World world;
  auto pipe = *run(world.loop, connect(world.tcp, 5s));
  const Bytes request = stun::MessageWriter(stun::Class::kRequest, stun::Method::kBinding, {7}).take();
  for (const std::uint8_t byte : request) (void)run(world.loop, pipe->write(ByteView(&byte, 1)));
  std::array<std::uint8_t, 64> buffer{};
  const auto got = run(world.loop, pipe->read_some(buffer));
  ASSERT_TRUE(got);
  const auto answer = stun::MessageView::parse(ByteView(buffer).first(*got));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->message_class(), stun::Class::kSuccess);
}

TEST(TurnServerIo, TellsWhenASessionEnds) {
  Joined j(Transport::kUdp, Transport::kUdp);
  std::vector<turn::Ended> ended;
  j.server.on_session_ended([&](const turn::Ended& each) { ended.push_back(each); });
  j.talk(3);
  j.server.core().close_session(both_now(), j.opened.grant.session);
  j.server.pump();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].session, j.opened.grant.session);
  EXPECT_EQ(ended[0].requester, peer(1));
  EXPECT_EQ(ended[0].bytes, 2U * (100 + 101 + 102));
}

}  // namespace
}  // namespace turnpike::io
