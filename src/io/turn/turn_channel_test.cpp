#include "io/turn/turn_channel.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "crypto/random.h"
#include "io/loop/convert.h"
#include "io/loop/run.h"
#include "io/turn/turn_server.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const IpAddress kLoopback = IpAddress::v4(127, 0, 0, 1);

identity::PeerId peer(std::uint8_t number) {
  Digest seed{};
  seed[0] = number;
  return {crypto::SigningKey(seed).public_key()};
}

// A server on loopback, and the two ends of one session.
struct TurnChannelTest : testing::Test {
  asio::io_context loop;
  crypto::SecureRandom random;
  TurnServer server{loop.get_executor(), config(), random};
  Endpoint udp;
  Endpoint tcp;
  std::unique_ptr<UdpSocket> silent = *UdpSocket::open(loop.get_executor(), {kLoopback, 0});
  turn::Opened opened;

  static turn::ServerConfig config() {
    turn::ServerConfig out;
    out.external = {IpAddress::v4(198, 51, 100, 1)};
    return out;
  }
  TurnChannelTest()
      : opened(*server.core().open_session(both_now(), peer(1), kLoopback, peer(2), IpAddress::Family::kV4)) {
    auto socket = *UdpSocket::open(loop.get_executor(), {kLoopback, 0});
    udp = socket->local();
    server.serve(std::move(socket));
    auto listener = *TcpListener::open(loop.get_executor(), {kLoopback, 0});
    tcp = listener->local();
    server.serve(std::move(listener));
  }

  struct End {
    std::vector<Bytes> received;
    std::string lost;
    std::optional<std::string> failure;
    bool met = false;
    bool over = false;
    std::unique_ptr<TurnChannel> channel;
  };
  std::unique_ptr<End> end(bool requester, std::vector<Endpoint> by_udp, std::vector<Endpoint> by_tcp = {}) {
    auto out = std::make_unique<End>();
    TurnChannel::Handlers handlers{.on_datagrams =
                                       [end = out.get()](const DatagramBatch& batch) {
                                         for (std::size_t i = 0; i < batch.count(); ++i) {
                                           end->received.push_back(copy_of(batch.segment(i)));
                                         }
                                       },
                                   .on_lost = [end = out.get()](const std::string& why) { end->lost = why; }};
    TurnChannelSettings settings{
        .udp = std::move(by_udp),
        .tcp = std::move(by_tcp),
        .credential = requester ? opened.requester : opened.responder,
        .partner = requester ? opened.grant.responder_relayed : opened.grant.requester_relayed};
    out->channel = std::make_unique<TurnChannel>(loop.get_executor(), std::move(settings), random, std::move(handlers));
    asio::co_spawn(loop, join(*out), asio::detached);
    return out;
  }
  static asio::awaitable<void> join(End& end) {
    end.failure = co_await end.channel->open();
    if (!end.failure) end.met = co_await end.channel->meet(5s);
    end.over = true;
  }
  template <class Done>
  void run_until(Done done) {
    while (!done() && loop.run_one_for(10s) > 0) {
    }
    ASSERT_TRUE(done());
  }
};

TEST_F(TurnChannelTest, MeetsItsPartnerThoughOneOfThemComesLater) {
  const auto early = end(true, {udp});
  run_until([&] { return server.core().allocations() == 1; });
  EXPECT_FALSE(early->met);
  const auto late = end(false, {udp});
  run_until([&] { return early->over && late->over; });
  EXPECT_TRUE(early->met);
  EXPECT_TRUE(late->met);
  EXPECT_THAT(early->received, IsEmpty()) << "what they say to meet is not the caller's";
}

TEST_F(TurnChannelTest, CarriesWholeBatchesInOrderWithAShorterLastOne) {
  const auto a = end(true, {udp});
  const auto b = end(false, {udp});
  run_until([&] { return a->met && b->met; });
  Bytes bytes(10 * 1200 + 77);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(0x40 + i / 1200);
  for (int round = 0; round < 3; ++round) {  // the first is looked at by the core, the others go by a route
    b->received.clear();
    a->channel->send({.remote = {}, .local = {}, .bytes = bytes, .segment_size = 1200});
    run_until([&] { return b->received.size() == 11; });
    for (std::size_t i = 0; i < 11; ++i) {
      ASSERT_EQ(b->received[i], copy_of(ByteView(bytes).subspan(i * 1200, i == 10 ? 77 : 1200))) << i;
    }
  }
}

TEST_F(TurnChannelTest, TakesTcpWhereUdpBringsNothing) {
  const auto blocked = end(true, {silent->local()}, {tcp});
  const auto other = end(false, {udp});
  run_until([&] { return blocked->over && other->over; });
  ASSERT_TRUE(blocked->met);
  EXPECT_TRUE(blocked->channel->over_tcp());
  EXPECT_FALSE(other->channel->over_tcp());
  const Bytes packet(1200, 0x41);
  other->channel->send({.remote = {}, .local = {}, .bytes = packet, .segment_size = packet.size()});
  run_until([&] { return blocked->received.size() == 1; });
  blocked->channel->send({.remote = {}, .local = {}, .bytes = packet, .segment_size = packet.size()});
  run_until([&] { return other->received.size() == 1; });
}

TEST_F(TurnChannelTest, SaysWhenTheServerRefusesAndTriesNoOtherTransport) {
  opened.requester.password = "wrong";
  const auto refused = end(true, {udp}, {tcp});
  run_until([&] { return refused->over; });
  ASSERT_TRUE(refused->failure);
  EXPECT_THAT(*refused->failure, HasSubstr("401"));
  EXPECT_EQ(server.counters().streams, 0U);
}

TEST_F(TurnChannelTest, SaysWhenNothingAnswers) {
  const auto nowhere = end(true, {silent->local()});
  run_until([&] { return nowhere->over; });
  EXPECT_EQ(nowhere->failure, "the relaying peer does not answer");
  const auto unknown = end(true, {});
  run_until([&] { return unknown->over; });
  EXPECT_EQ(unknown->failure, "the relaying peer has told no address");
}

TEST_F(TurnChannelTest, GivesTheSessionBackWhenBothEndsAreClosed) {
  const auto a = end(true, {udp});
  const auto b = end(false, {udp});
  run_until([&] { return a->met && b->met; });
  a->channel->close();
  b->channel->close();
  run_until([&] { return server.core().sessions() == 0; });
  EXPECT_THAT(a->lost, IsEmpty()) << "it was closed here";
}

TEST_F(TurnChannelTest, EndsAWaitForAPartnerThatDoesNotCome) {
  const auto alone = end(true, {udp});
  run_until([&] { return alone->over; });
  EXPECT_FALSE(alone->failure);
  EXPECT_FALSE(alone->met);
}

}  // namespace
}  // namespace turnpike::io
