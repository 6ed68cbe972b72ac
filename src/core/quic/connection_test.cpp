// How connections and their streams end, and what a peer that does not play by the rules gets.
#include "core/quic/connection.h"

#include <gtest/gtest.h>

#include <chrono>

#include "core/quic/certificate_test_support.h"
#include "core/quic/connection_state.h"
#include "core/quic/endpoint_test_support.h"

namespace turnpike::quic {
namespace {

using namespace std::chrono_literals;
using channel::CloseReason;

const WallTime kLater{EndpointPair::kWall.unix_ms + 200ULL * 365 * 24 * 3600 * 1000};

std::optional<CloseReason> ending_of_dialler(World& world) {
  world.dial();
  world.run(15s, [&] {
    world.drain();
    return world.dialling()->closed().has_value();
  });
  return world.dialling()->closed();
}

TEST(QuicConnection, RefusesAnybodyButWhomItDialled) {
  SeededRandom random(9);
  World world({.expected = identity::PeerId{crypto::SigningKey::generate(random).public_key()}});
  EXPECT_EQ(ending_of_dialler(world), CloseReason::kWrongPeer);
  EXPECT_FALSE(world.dialling()->peer());
}

TEST(QuicConnection, RefusesAServerWithoutLibp2psExtension) {
  World world({.server_certificate = forged_certificate({}, EndpointPair::kWall)});
  EXPECT_EQ(ending_of_dialler(world), CloseReason::kBadIdentity);
}

TEST(QuicConnection, RefusesAServerWithSomebodyElsesExtension) {
  SeededRandom random(9);
  const Bytes stolen = extension_of(make_certificate(crypto::SigningKey::generate(random), EndpointPair::kWall).der);
  World world({.server_certificate = forged_certificate(stolen, EndpointPair::kWall)});
  EXPECT_EQ(ending_of_dialler(world), CloseReason::kBadIdentity);
}

TEST(QuicConnection, RefusesAServerWhoseCertificateHasExpired) {
  World world({.client_wall = kLater});
  const ConnectionId id = *world.client.connect({world.now, kLater}, {CarrierId::kSocket, EndpointPair::kServer}, {});
  world.run(5s, [&] { return world.client.find(id)->closed().has_value(); });
  EXPECT_EQ(world.client.find(id)->closed(), CloseReason::kBadIdentity);
}

TEST(QuicConnection, RefusesAClientWithABadCertificateAndTheClientHearsIt) {
  for (const Bytes& extension : {Bytes{}, Bytes{0x30, 0x00}}) {
    World world({.client_certificate = forged_certificate(extension, EndpointPair::kWall)});
    EXPECT_EQ(ending_of_dialler(world), CloseReason::kBadHandshake);  // all that a client is told
    world.drain();
    EXPECT_EQ(world.server_closed, CloseReason::kBadIdentity);
    EXPECT_EQ(world.server.half_open(), 0U);
  }
}

TEST(QuicConnection, GivesUpAHandshakeThatNobodyAnswers) {
  World world;
  world.to_server.dead = true;
  EXPECT_EQ(ending_of_dialler(world), CloseReason::kHandshakeTimeout);
}

TEST(QuicConnection, LeavesNothingBehindWhereverAHandshakeIsBroken) {
  for (int steps = 0; steps < 24; ++steps) {
    for (const bool at_client : {true, false}) {
      for (const bool politely : {true, false}) {
        World world;
        world.dial();
        for (int i = 0; i < steps; ++i) world.step(world.now + 1s);
        world.accepted();
        Endpoint& endpoint = at_client ? world.client : world.server;
        const auto id = at_client ? std::optional(world.id) : world.server_id;
        if (!id || endpoint.find(*id) == nullptr) continue;
        if (politely) {
          endpoint.find(*id)->close();
          endpoint.touch(*id);
        } else {
          endpoint.drop(*id);
        }
        world.run(20s);  // whatever is under way has come
        const auto quiet = [&] {
          events_of<channel::Closed>(world.client);
          events_of<channel::Closed>(world.server);
          return world.client.connections() + world.server.connections() == 0;
        };
        EXPECT_TRUE(world.run(3min, quiet)) << steps << at_client << politely;
        world.run(10s);
        EXPECT_EQ(world.server.half_open(), 0U);
        EXPECT_EQ(world.client.connection_ids() + world.server.connection_ids(), 0U);
      }
    }
  }
}

TEST(QuicConnection, EndsAStreamBothWaysWhicheverSideResetsItAndWhenever) {
  for (const bool by_client : {true, false}) {
    for (int rounds = 0; rounds < 12; ++rounds) {
      World world;
      world.connect();
      const auto stream = world.open();
      world.write(stream, pattern(200'000));
      if (rounds % 3 == 2) world.finish(stream);
      for (int i = 0; i < rounds * 3; ++i) {
        world.step(world.now + 1s);
        world.drain();
      }
      if (by_client) {
        world.dialling()->reset(stream);
        world.client.touch(world.id);
        EXPECT_FALSE(world.dialling()->is_open(stream));
      } else if (!world.inbound_streams.empty()) {
        world.serving()->reset(world.inbound);
        world.server.touch(*world.server_id);
      }
      EXPECT_TRUE(world.run(5s,
                            [&] {
                              world.drain();
                              const bool none = world.serving()->streams() == 0 && world.dialling()->streams() == 0;
                              return none || (!by_client && world.inbound_streams.empty());
                            }))
          << by_client << rounds;
      if (!by_client && world.inbound_streams.empty()) continue;
      world.run(1s, [&] {
        world.drain();
        return false;
      });
      const Bytes bytes = pattern(100'000);
      EXPECT_EQ(world.exchange(bytes, bytes, 10s).at_client, bytes) << "the connection goes on";
    }
  }
}

TEST(QuicConnection, RefusesAProtocolItDoesNotSpeak) {
  World world;
  world.connect();
  const auto stream = *world.dialling()->open_stream("/other/1");
  world.client.touch(world.id);
  std::size_t refused = 0;
  EXPECT_TRUE(world.run(5s, [&] {
    world.drain();
    refused += events_of<channel::StreamRefused>(world.client).size();
    return refused > 0 && world.serving()->streams() == 0;
  }));
  EXPECT_FALSE(world.dialling()->is_open(stream));
  EXPECT_TRUE(world.inbound_streams.empty());
}

TEST(QuicConnection, OpensSoManyStreamsAndNoMoreUntilOneEnds) {
  World world({.limits = {.inbound_streams = 4}});
  world.connect();
  std::vector<channel::StreamId> streams;
  while (const auto stream = world.dialling()->open_stream("/echo/1")) streams.push_back(*stream);
  EXPECT_EQ(streams.size(), 4U);
  world.client.touch(world.id);
  world.run(1s);
  world.dialling()->reset(streams[0]);
  world.client.touch(world.id);
  world.run(1s);
  EXPECT_TRUE(world.dialling()->open_stream("/echo/1"));

  World own({.client_limits = {.outbound_streams = 3}});
  own.connect();
  std::size_t opened = 0;
  while (own.dialling()->open_stream("/echo/1")) ++opened;
  EXPECT_EQ(opened, 3U);
}

TEST(QuicConnection, EndsAStreamWhoseNegotiationTakesTooLong) {
  World world({.client_limits = {.negotiation_timeout = 2s, .busy_silence = 60s}});
  world.connect();
  events_of<channel::Established>(world.client);
  const auto stream = world.open();
  world.to_client.dead = true;
  EXPECT_TRUE(world.run(3s, [&] { return !world.dialling()->is_open(stream); }));
  EXPECT_EQ(events_of<channel::StreamReset>(world.client).size(), 1U);
}

TEST(QuicConnection, DoesNotFollowACopyOfItsPeersDatagramToAForeignAddress) {
  World world;
  world.connect();
  const turnpike::Endpoint stranger{IpAddress::v4(203, 0, 113, 66), 6666};
  Bytes stolen;
  world.tap = [&](bool up, Bytes& datagram) {
    if (!up || !stolen.empty()) return true;
    stolen = datagram;
    return false;  // the stranger's copy overtakes it
  };
  const auto stream = world.open();
  world.write(stream, pattern(100));
  world.step(world.now + 1ms);
  ASSERT_FALSE(stolen.empty());
  world.inject(true, stranger, stolen);
  world.run(1s, [&] {
    world.drain();
    return false;
  });
  const Bytes bytes = pattern(500'000);
  EXPECT_EQ(world.exchange(bytes, bytes, 30s).at_client, bytes);
  EXPECT_EQ(world.serving()->path().remote, EndpointPair::kClient);
}

TEST(QuicConnection, EndsAPeerThatWantsConnectionIdsWithoutEnd) {
  World world({.limits = {.issued_connection_ids = 8}});
  world.connect();
  world.exchange(pattern(1000), pattern(1000), 3s);
  std::size_t moves = 0;
  for (std::uint16_t i = 1; i < 20 && world.serving() != nullptr && !world.serving()->closed(); ++i) {
    const CarrierId elsewhere{i};  // each move uses an id up (RFC 9000, section 9.5)
    ngtcp2_path_storage path;
    write_path({elsewhere, EndpointPair::kServer}, path);
    ConnectionState& peer = world.dialling()->state();
    moves += ngtcp2_conn_initiate_immediate_migration(peer.conn.get(), &path.path, timestamp(world.now)) == 0 ? 1U : 0U;
    world.client_carrier = elsewhere;
    world.client_seen_as.port = static_cast<std::uint16_t>(50'000 + i);
    world.client.touch(world.id);
    world.run(1s, [&] {
      world.drain();
      return false;
    });
    EXPECT_LE(world.server.connection_ids(), 16U);
  }
  EXPECT_GE(moves, 3U);
  EXPECT_LE(moves, 8U);
  EXPECT_TRUE(world.server_closed) << "it did not get more than the limit";
}

TEST(QuicConnection, SurvivesForeignSegmentsInABatchWithItsOwn) {
  World world;
  world.connect();
  const auto stream = world.open();
  world.write(stream, pattern(3000));
  Bytes buffer(65536);
  const auto out = world.client.poll_transmit(world.now, buffer);
  ASSERT_TRUE(out);
  const std::size_t segment = out->datagrams.segment_size;
  Bytes mixed(segment, 0x01);  // STUN's look
  const ByteView own = out->datagrams.bytes;
  mixed.insert(mixed.end(), own.begin(), own.begin() + static_cast<std::ptrdiff_t>(segment));
  mixed.insert(mixed.end(), segment, 0xff);  // a long header of no version
  mixed.insert(mixed.end(), segment, 0x47);  // a short one of nobody
  mixed.insert(mixed.end(), own.begin() + static_cast<std::ptrdiff_t>(segment), own.end());
  const DatagramBatch batch{.remote = EndpointPair::kClient, .local = {}, .bytes = mixed, .segment_size = segment};
  world.server.handle_datagrams(world.both(), CarrierId::kSocket, batch);
  EXPECT_TRUE(world.run(2s, [&] {
    world.drain();
    return world.at_server.size() == 3000;
  }));
  EXPECT_EQ(world.at_server, pattern(3000));
}

}  // namespace
}  // namespace turnpike::quic
