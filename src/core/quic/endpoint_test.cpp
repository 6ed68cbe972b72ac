#include "core/quic/endpoint.h"

#include <gtest/gtest.h>

#include <chrono>

#include "core/quic/endpoint_pair.h"
#include "core/quic/endpoint_test_support.h"

namespace turnpike::quic {
namespace {

using namespace std::chrono_literals;
using channel::CloseReason;

TEST(QuicEndpoint, ConnectsInOneRoundTripAndProvesBothPeers) {
  World world;
  const Instant start = world.now;
  const ConnectionId id = world.dial();
  ASSERT_TRUE(world.run(5s, [&] { return world.client.find(id)->is_established(); }));
  EXPECT_LE(world.now - start, 25ms);  // one round trip is 20 ms
  EXPECT_EQ(world.client.find(id)->peer(), world.server_peer());
  ASSERT_TRUE(world.run(5s, [&] { return world.accepted() && world.serving()->is_established(); }));
  EXPECT_LE(world.now - start, 35ms);
  EXPECT_EQ(world.serving()->peer(), world.client_peer());
  EXPECT_EQ(world.client.find(id)->cipher(), "AES-128-GCM");
}

TEST(QuicEndpoint, CarriesAStreamBothWaysToItsEnds) {
  World world;
  world.connect();
  const Bytes up = pattern(3 << 20);
  const Bytes down = pattern(1 << 20, 7);
  const auto result = world.exchange(up, down, 30s);
  EXPECT_EQ(result.at_server, up);
  EXPECT_EQ(result.at_client, down);
  EXPECT_TRUE(world.run(1s, [&] { return world.dialling()->streams() == 0 && world.serving()->streams() == 0; }));
}

TEST(QuicEndpoint, LosesNothingToLossAndReordering) {
  World world;
  for (LinkShape* link : {&world.to_server, &world.to_client}) {
    link->loss_ppm = 50'000;
    link->jitter = 8ms;
  }
  world.connect();
  const Bytes up = pattern(2 << 20);
  const Bytes down = pattern(2 << 20, 3);
  const auto result = world.exchange(up, down, 120s);
  EXPECT_EQ(result.at_server, up);
  EXPECT_EQ(result.at_client, down);
}

TEST(QuicEndpoint, SendsManyPacketsOfOneSizeInOneBuffer) {
  World world;
  world.connect();
  const auto stream = world.open();
  world.dialling()->write(stream, pattern(1 << 20));
  world.client.touch(world.id);
  Bytes buffer(65536);
  std::size_t most = 0;
  while (const auto batch = world.client.poll_transmit(world.now, buffer)) {
    most = std::max(most, batch->datagrams.count());
    EXPECT_LE(batch->datagrams.bytes.size(), buffer.size());
  }
  EXPECT_GE(most, 5U);
}

TEST(QuicEndpoint, FindsTheLargestDatagramThePathTakes) {
  World world;
  world.to_server.mtu = 1400;
  world.to_server.bits_per_second = 10'000'000;
  world.connect();
  const auto result = world.exchange(pattern(4 << 20), {}, 60s);
  EXPECT_EQ(result.at_server.size(), 4U << 20U);
  EXPECT_EQ(world.dialling()->path_mtu(), 1392U);
  EXPECT_GT(world.too_large, 0U);  // it asked for more
}

TEST(QuicEndpoint, GoesOnWhenThePathSuddenlyTakesLess) {
  World world;
  world.connect();
  const Bytes first = pattern(2 << 20);
  EXPECT_EQ(world.exchange(first, {}, 30s).at_server, first);
  EXPECT_EQ(world.dialling()->path_mtu(), 1472U);
  world.to_server.mtu = 1280;
  const Bytes second = pattern(2 << 20, 9);
  EXPECT_EQ(world.exchange(second, {}, 30s).at_server, second);
  EXPECT_EQ(world.dialling()->path_mtu(), kMinDatagram);
  EXPECT_EQ(world.dialling()->counters().black_holes, 1U);
}

TEST(QuicEndpoint, FollowsAPeerWhoseNatRebindsWithoutLosingAByte) {
  World world;
  world.connect();
  const auto stream = world.open();
  const Bytes bytes = pattern(8 << 20);
  world.to_server.bits_per_second = 50'000'000;
  std::size_t written = 0;
  bool rebound = false;
  const bool done = world.run(60s, [&] {
    written += world.write(stream, ByteView(bytes).subspan(written));
    if (written == bytes.size()) world.finish(stream);
    world.drain();
    if (!rebound && world.at_server.size() > (2U << 20U)) {
      rebound = true;
      world.client_seen_as.port = 50'123;
    }
    return world.server_finished;
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(world.at_server, bytes);
  EXPECT_EQ(world.serving()->path().remote.port, 50'123);
  EXPECT_FALSE(world.dialling()->closed());
}

TEST(QuicEndpoint, ChangesItsKeysFromEitherSideInMidTransfer) {
  for (const bool by_client : {true, false}) {
    World world;
    world.connect();
    const Bytes first = pattern(300'000);
    EXPECT_EQ(world.exchange(first, first, 10s).at_client, first);
    Connection& changing = by_client ? *world.dialling() : *world.serving();
    ASSERT_TRUE(changing.update_keys(world.now));
    EXPECT_FALSE(changing.update_keys(world.now)) << "before the first is confirmed";
    EXPECT_EQ(world.exchange(first, first, 10s).at_client, first);
    EXPECT_GE(world.dialling()->counters().key_updates, 1U);
    EXPECT_GE(world.serving()->counters().key_updates, 1U);
  }
}

TEST(QuicEndpoint, UsesEcnWhereThePathCarriesItAndHeedsItsMarks) {
  World world;
  world.to_server.bits_per_second = 20'000'000;
  world.to_server.marks_congestion = true;
  world.connect();
  const Bytes bytes = pattern(2 << 20);
  EXPECT_EQ(world.exchange(bytes, {}, 60s).at_server, bytes);
  EXPECT_GT(world.dialling()->counters().marked_sent, 100U);
}

TEST(QuicEndpoint, KeepsThreeQuartersOfALongPathThatLosesPackets) {
  World world;
  const LinkShape path{.delay = 40ms, .loss_ppm = 1000, .bits_per_second = 200'000'000, .buffer = 400'000};
  world.to_server = world.to_client = path;
  world.connect();
  const Bytes bytes = pattern(100'000'000);
  const Instant start = world.now;
  EXPECT_EQ(world.exchange(bytes, {}, 60s).at_server.size(), bytes.size());
  const double seconds = std::chrono::duration<double>(world.now - start).count();
  EXPECT_GE(static_cast<double>(bytes.size()) * 8 / seconds / 200e6, 0.75);
}

TEST(QuicEndpoint, HoldsASenderBackUntilItsReaderReads) {
  World world;
  world.connect();
  const auto stream = world.open();
  const Bytes bytes = pattern(20 << 20);
  std::size_t written = 0;
  world.reads = false;
  world.run(20s, [&] {
    written += world.write(stream, ByteView(bytes).subspan(written));
    world.drain();
    return false;
  });
  EXPECT_LE(world.serving()->unread(world.inbound), Limits().stream_window);
  EXPECT_LE(written, Limits().stream_window + Limits().max_queued_per_stream);
  world.reads = true;
  EXPECT_TRUE(world.run(60s, [&] {
    written += world.write(stream, ByteView(bytes).subspan(written));
    if (written == bytes.size()) world.finish(stream);
    world.drain();
    return world.server_finished;
  }));
  EXPECT_EQ(world.at_server, bytes);
}

TEST(QuicEndpoint, SharesAConnectionFairlyAmongItsStreams) {
  World world;
  world.to_server.bits_per_second = 20'000'000;
  world.connect();
  const auto a = world.open();
  const auto b = world.open();
  const Bytes bytes = pattern(900'000);
  world.write(a, bytes);
  world.write(b, bytes);
  world.run(200ms, [&] {
    world.drain();
    return false;
  });
  const auto got_a = world.received(0);
  const auto got_b = world.received(1);
  EXPECT_GT(got_a, 50'000U);
  EXPECT_NEAR(static_cast<double>(got_a), static_cast<double>(got_b), 0.2 * static_cast<double>(got_a));
}

TEST(QuicEndpoint, StaysUpWhileIdleAndNoticesWhenNobodyIsThere) {
  World world;
  world.connect();
  world.run(5min);
  EXPECT_FALSE(world.dialling()->closed());
  world.to_server.dead = world.to_client.dead = true;
  ASSERT_TRUE(world.run(2min, [&] { return world.dialling()->closed() && world.serving()->closed(); }));
  EXPECT_EQ(world.dialling()->closed(), CloseReason::kLivenessTimeout);
}

TEST(QuicEndpoint, TakesUpATransferAfterARestOfWhateverLength) {
  for (const Duration rest : {Duration(2s), Duration(14s), Duration(40s), Duration(5min)}) {
    World world;
    world.connect();
    const Bytes bytes = pattern(100'000);
    EXPECT_EQ(world.exchange(bytes, bytes, 10s).at_client, bytes);
    world.run(rest);
    EXPECT_EQ(world.exchange(bytes, bytes, 10s).at_client, bytes);
    EXPECT_FALSE(world.dialling()->closed()) << "the silence of the rest counted against it";
  }
}

TEST(QuicEndpoint, EndsWithinTwoSecondsWhenUdpIsBlockedWhileItRests) {
  World world;
  world.connect();
  world.exchange(pattern(1000), pattern(1000), 10s);
  world.run(30s);
  world.to_client.dead = world.to_server.dead = true;
  const Instant asked = world.now;
  world.write(world.open(), pattern(1000));
  ASSERT_TRUE(world.run(5s, [&] { return world.dialling()->closed().has_value(); }));
  EXPECT_LE(world.now - asked, 2s);
}

TEST(QuicEndpoint, EndsWithinTwoSecondsWhenUdpIsBlockedInMidTransfer) {
  for (const bool whole : {true, false}) {
    World world;
    world.to_server.bits_per_second = 50'000'000;
    world.connect();
    const auto stream = world.open();
    const Bytes bytes = pattern(8 << 20);
    std::size_t written = 0;
    const auto go_on = [&] {
      written += world.write(stream, ByteView(bytes).subspan(written));
      world.drain();
      return false;
    };
    world.run(300ms, go_on);
    const Instant blocked = world.now;
    world.to_client.dead = true;
    world.to_server.dead = whole;
    ASSERT_TRUE(world.run(5s, [&] {
      go_on();
      return world.dialling()->closed().has_value();
    }));
    EXPECT_LE(world.now - blocked, 2s);
    EXPECT_EQ(world.dialling()->closed(), CloseReason::kLivenessTimeout);
  }
}

TEST(QuicEndpoint, SaysGoodbyeAndTheOtherHearsIt) {
  World world;
  world.connect();
  world.dialling()->close();
  world.client.touch(world.id);
  ASSERT_TRUE(world.run(1s, [&] { return world.serving()->closed().has_value(); }));
  EXPECT_EQ(world.serving()->closed(), CloseReason::kClosedByPeer);
  EXPECT_EQ(world.dialling()->closed(), CloseReason::kClosedByUs);
  events_of<channel::Closed>(world.client);
  EXPECT_EQ(world.client.find(world.id), nullptr);
}

TEST(QuicEndpoint, RepeatsItsGoodbyeToAPeerWhoMissedIt) {
  World world;
  world.connect();
  world.dialling()->close();
  world.client.touch(world.id);
  world.to_server.dead = true;
  world.run(10ms);
  events_of<channel::Closed>(world.client);
  world.to_server.dead = false;
  world.serving()->update_keys(world.now);
  const auto stream = world.serving()->open_stream("/echo/1");
  ASSERT_TRUE(stream);
  world.server.touch(*world.server_id);
  ASSERT_TRUE(world.run(2s, [&] { return world.serving()->closed().has_value(); }));
  EXPECT_EQ(world.serving()->closed(), CloseReason::kClosedByPeer);
}

TEST(QuicEndpoint, EndsAConnectionThatAServerHasForgottenByStatelessReset) {
  World world;
  world.connect();
  world.server.drop(*world.server_id);
  Endpoint reborn(world.both(), world.config(world.server_key), world.random);  // the same identity, nothing else
  world.dialling()->open_stream("/echo/1");
  world.client.touch(world.id);
  Bytes buffer(65536);
  const auto lost = world.client.poll_transmit(world.now, buffer);
  ASSERT_TRUE(lost);
  DatagramBatch arrived = lost->datagrams;
  arrived.remote = EndpointPair::kClient;
  const Bytes copy = copy_of(arrived.segment(0));
  arrived.bytes = copy;
  arrived.segment_size = copy.size();
  reborn.handle_datagrams(world.both(), CarrierId::kSocket, arrived);
  EXPECT_EQ(reborn.counters().stateless_resets, 1U);
  Bytes answer(65536);
  const auto reset = reborn.poll_transmit(world.now, answer);
  ASSERT_TRUE(reset);
  EXPECT_LT(reset->datagrams.bytes.size(), copy.size());
  world.inject(false, EndpointPair::kServer, copy_of(reset->datagrams.bytes));
  world.run(1ms);
  EXPECT_EQ(world.dialling()->closed(), CloseReason::kConnectionLost);
}

TEST(QuicEndpoint, PutsItsShardIntoEveryConnectionId) {
  World world({.shard = 7});
  std::size_t to_server = 0;
  std::size_t marked = 0;
  world.tap = [&](bool up, const Bytes& datagram) {
    if (up && (datagram[0] & 0x80U) == 0) {
      ++to_server;
      marked += shard_of(datagram) == 7 ? 1 : 0;
    }
    return true;
  };
  world.connect();
  world.exchange(pattern(100'000), {}, 5s);
  EXPECT_GT(to_server, 10U);
  EXPECT_EQ(marked, to_server);
}

}  // namespace
}  // namespace turnpike::quic
