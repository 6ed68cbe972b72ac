// What an endpoint says to those it has no connection with, and what it believes of such talk.
#include "core/quic/stateless.h"

#include <gtest/gtest.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <chrono>
#include <deque>

#include "core/quic/endpoint_test_support.h"

namespace turnpike::quic {
namespace {

using namespace std::chrono_literals;
using channel::CloseReason;

/// The first datagram a client sends.
Bytes first_datagram(World& world, std::optional<ConnectionId>* id = nullptr) {
  const auto made = world.client.connect(world.both(), {CarrierId::kSocket, EndpointPair::kServer}, {});
  if (id != nullptr) *id = made;
  Bytes buffer(65536);
  const auto out = world.client.poll_transmit(world.now, buffer);
  return copy_of(out->datagrams.segment(0));
}

DatagramBatch from(const turnpike::Endpoint& source, const Bytes& bytes) {
  return {.remote = source, .local = {}, .bytes = bytes, .segment_size = bytes.size()};
}

std::vector<Bytes> answers(World& world) {
  std::vector<Bytes> out;
  Bytes buffer(65536);
  while (const auto answer = world.server.poll_transmit(world.now, buffer)) {
    for (std::size_t i = 0; i < answer->datagrams.count(); ++i) out.push_back(copy_of(answer->datagrams.segment(i)));
  }
  return out;
}

turnpike::Endpoint stranger(std::size_t index) {
  return {IpAddress::v4(203, static_cast<std::uint8_t>(index / 200), static_cast<std::uint8_t>(index % 200), 1), 4001};
}

TEST(QuicStateless, AsksForARetryAboveSoManyHalfOpenConnectionsAndLetsTheProvenIn) {
  World world;
  for (std::size_t i = 0; i < kRetryAbove; ++i) {
    world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(i), first_datagram(world)));
  }
  EXPECT_EQ(world.server.half_open(), kRetryAbove);
  EXPECT_EQ(world.server.counters().retries, 0U);
  answers(world);

  world.connect();
  EXPECT_EQ(world.server.counters().retries, 1U);
  EXPECT_TRUE(world.dialling()->is_established());
}

TEST(QuicStateless, DoesNotTakeATokenFromAnotherAddressOrAnotherTime) {
  for (const bool late : {true, false}) {
    World world;
    for (std::size_t i = 0; i < kRetryAbove; ++i) {
      world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(i), first_datagram(world)));
    }
    answers(world);
    world.dial();
    Bytes with_token;
    world.tap = [&](bool up, Bytes& datagram) {
      if (up && world.server.counters().retries > 0) {
        with_token = datagram;
        return false;
      }
      return true;
    };
    world.run(2s, [&] { return !with_token.empty(); });
    ASSERT_FALSE(with_token.empty());
    const std::size_t before = world.server.connections();
    if (late) world.now += kRetryTokenLifetime + 1s;
    const turnpike::Endpoint source = late ? EndpointPair::kClient : stranger(999);
    world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(source, with_token));
    EXPECT_LE(world.server.connections(), before);
  }
}

TEST(QuicStateless, HoldsHalfOpenConnectionsToTheirLimits) {
  World world({.limits = {.half_open = 80, .half_open_per_network = 5}});
  for (std::uint8_t i = 0; i < 10; ++i) {
    const turnpike::Endpoint neighbour{IpAddress::v4(203, 0, 113, i), 4001};
    world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(neighbour, first_datagram(world)));
  }
  EXPECT_EQ(world.server.half_open(), 5U);
  world.run(15s);
  events_of<channel::Closed>(world.server);
  EXPECT_EQ(world.server.half_open(), 0U);
}

TEST(QuicStateless, RefusesConnectionsAboveTheLimitInWords) {
  World world({.limits = {.connections = 1}});
  world.connect();
  const ConnectionId second = *world.client.connect(world.both(), {CarrierId::kSocket, EndpointPair::kServer}, {});
  EXPECT_TRUE(world.run(2s, [&] { return world.client.find(second)->closed().has_value(); }));
  EXPECT_EQ(world.client.find(second)->closed(), CloseReason::kPeerError);
  EXPECT_EQ(world.server.counters().refused, 1U);
  EXPECT_FALSE(world.client.connect(world.both(), {}, {}) && false);
}

TEST(QuicStateless, NeverAnswersMoreThanItWasSent) {
  World world;
  const Bytes initial = first_datagram(world);
  world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(1), initial));
  std::size_t sent = 0;
  for (int i = 0; i < 30; ++i) {
    for (const Bytes& answer : answers(world)) sent += answer.size();
    world.now += 1s;
    world.server.handle_timeout(world.both());
  }
  EXPECT_LE(sent, 3 * initial.size());  // RFC 9000, section 8.1

  Bytes small(initial.begin(), initial.begin() + 1199);
  world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(2), small));
  EXPECT_TRUE(answers(world).empty());
}

TEST(QuicStateless, TellsItsVersionsToWhoeverAsksInAnother) {
  World world;
  Bytes other = first_datagram(world);
  other[1] = 0xfa;
  world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(1), other));
  const auto told = answers(world);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_LE(told[0].size(), other.size());
  EXPECT_EQ(copy_of(ByteView(told[0]).subspan(1, 4)), Bytes(4, 0));
  EXPECT_EQ(copy_of(ByteView(told[0]).last(4)), (Bytes{0, 0, 0, 1}));
  EXPECT_EQ(world.server.counters().version_negotiations, 1U);
  other.resize(1100);
  world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(1), other));
  EXPECT_TRUE(answers(world).empty());
}

/// A version negotiation to the client that sent `initial`, offering `version`.
Bytes version_negotiation(const Bytes& initial, std::uint32_t version, bool right_ids = true) {
  const std::size_t dcid = initial[5];
  const std::size_t scid = initial[6 + dcid];
  Bytes out{0xc0, 0, 0, 0, 0};
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(scid));
  writer.bytes(ByteView(initial).subspan(7 + dcid, scid));
  writer.u8(static_cast<std::uint8_t>(dcid));
  writer.bytes(ByteView(initial).subspan(6, dcid));
  if (!right_ids) out.back() ^= 1;
  writer.u32(version);
  return out;
}

TEST(QuicStateless, DoesNotBelieveAForgedVersionNegotiation) {
  for (const int forgery : {0, 1, 2}) {
    World world;
    std::optional<ConnectionId> id;
    const Bytes initial = first_datagram(world, &id);
    if (forgery == 0) world.inject(false, EndpointPair::kServer, version_negotiation(initial, 0xbabababa, false));
    if (forgery == 1) world.inject(false, EndpointPair::kServer, version_negotiation(initial, 1));  // has ours
    world.inject(true, EndpointPair::kClient, initial);
    ASSERT_TRUE(world.run(2s, [&] { return world.client.find(*id)->is_established(); })) << forgery;
    if (forgery == 2) {  // too late: the server has been heard
      world.inject(false, EndpointPair::kServer, version_negotiation(initial, 0xbabababa));
      world.run(1s);
      EXPECT_FALSE(world.client.find(*id)->closed());
    }
  }
}

TEST(QuicStateless, DoesNotBelieveAForgedRetry) {
  World world;
  std::optional<ConnectionId> id;
  const Bytes initial = first_datagram(world, &id);
  const std::size_t dcid = initial[5];
  const std::size_t scid = initial[6 + dcid];
  Bytes retry{0xf0, 0, 0, 0, 1};
  ByteWriter writer(retry);
  writer.u8(static_cast<std::uint8_t>(scid));
  writer.bytes(ByteView(initial).subspan(7 + dcid, scid));
  writer.u8(8);
  writer.bytes(Bytes(8, 0x66));
  writer.bytes(Bytes(30, 0x77));  // token
  writer.bytes(Bytes(16, 0x88));  // integrity tag
  world.inject(false, EndpointPair::kServer, retry);
  world.inject(true, EndpointPair::kClient, initial);
  EXPECT_TRUE(world.run(2s, [&] { return world.client.find(*id)->is_established(); }));
}

ngtcp2_cid cid_of(ByteView bytes) {
  ngtcp2_cid out{};
  ngtcp2_cid_init(&out, bytes.data(), bytes.size());
  return out;
}

TEST(QuicStateless, TrustsNoRetryOfSomebodyWhoSawItsFirstDatagram) {
  World world;
  std::optional<ConnectionId> id;
  const Bytes initial = first_datagram(world, &id);
  const std::size_t dcid = initial[5];
  const std::size_t scid = initial[6 + dcid];
  const ngtcp2_cid original = cid_of(ByteView(initial).subspan(6, dcid));
  const ngtcp2_cid client = cid_of(ByteView(initial).subspan(7 + dcid, scid));
  const ngtcp2_cid chosen = cid_of(Bytes(12, 0x66));
  const Bytes token(30, 0x77);
  Bytes retry(200);
  const ngtcp2_ssize size = ngtcp2_crypto_write_retry(retry.data(), retry.size(), NGTCP2_PROTO_VER_V1, &client, &chosen,
                                                      &original, token.data(), token.size());
  ASSERT_GT(size, 0);
  retry.resize(static_cast<std::size_t>(size));
  world.inject(false, EndpointPair::kServer, retry);  // its tag is right: anybody can make one (RFC 9001, section 5.8)
  EXPECT_TRUE(world.run(5s, [&] { return world.client.find(*id)->closed().has_value(); }));
  EXPECT_FALSE(world.client.find(*id)->is_established()) << "the server names another id than the client chose";
  EXPECT_EQ(world.client.find(*id)->closed(), CloseReason::kBadHandshake);
  world.run(30s);
  EXPECT_EQ(world.server.half_open(), 0U);
}

TEST(QuicStateless, GivesReplayedInitialsNothing) {
  World world;
  std::deque<Bytes> seen;
  world.tap = [&](bool up, Bytes& datagram) {
    if (up && (datagram[0] & 0x80U) != 0) seen.push_back(datagram);
    return true;
  };
  world.connect();
  const std::size_t connections = world.server.connections();
  for (int round = 0; round < 20; ++round) {
    for (const Bytes& datagram : seen) world.inject(true, EndpointPair::kClient, datagram);
    world.run(50ms);
  }
  EXPECT_EQ(world.server.connections(), connections) << "they are the first connection's";
  const Bytes bytes = pattern(100'000);
  EXPECT_EQ(world.exchange(bytes, bytes, 5s).at_client, bytes);

  world.dialling()->close();
  world.client.touch(world.id);
  world.run(10s);
  events_of<channel::Closed>(world.server);
  events_of<channel::Closed>(world.client);
  for (const Bytes& datagram : seen) world.inject(true, EndpointPair::kClient, datagram);
  world.run(15s);
  for (const auto& [id, closed] : events_of<channel::Closed>(world.server))
    EXPECT_NE(closed.reason, CloseReason::kClosedByPeer);
  EXPECT_EQ(world.server.connections(), 0U) << "nobody can go on with them";
}

TEST(QuicStateless, LimitsWhatStrangersCanMakeItSay) {
  World world;
  Bytes nonsense(1200, 0x47);
  std::size_t said = 0;
  for (int i = 0; i < 5000; ++i) {
    nonsense[1] = static_cast<std::uint8_t>(i);
    nonsense[2] = static_cast<std::uint8_t>(i >> 8);
    world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(1), nonsense));
    said += answers(world).size();
  }
  EXPECT_EQ(said, kMaxStatelessPerSecond);
  world.now += 1s;
  for (int i = 0; i < 500; ++i)
    world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(1), nonsense));
  EXPECT_EQ(answers(world).size(), kMaxStatelessQueue);
}

TEST(QuicStateless, DoesNotAnswerWhatMayBeAResetItself) {
  World world;
  const Bytes reset(21, 0x47);
  world.server.handle_datagrams(world.both(), CarrierId::kSocket, from(stranger(1), reset));
  EXPECT_TRUE(answers(world).empty());
}

}  // namespace
}  // namespace turnpike::quic
