#include "core/datagram/demultiplexer.h"

#include <gtest/gtest.h>

#include <vector>

namespace turnpike::datagram {
namespace {

const Endpoint kServer{IpAddress::v4(192, 0, 2, 1), 3478};
const Endpoint kPeer{IpAddress::v4(198, 51, 100, 2), 4001};

Bytes stun(std::size_t attributes = 12, std::uint16_t type = 0x0101) {
  Bytes out;
  ByteWriter writer(out);
  writer.u16(type);
  writer.u16(static_cast<std::uint16_t>(attributes));
  writer.u32(0x2112a442);
  out.resize(20 + attributes, 0x55);
  return out;
}

Bytes quic(std::size_t size = 32) { return Bytes(size, 0x47); }

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(Demultiplexer, TellsStunByItsCookieAndLength) {
  const Demultiplexer demultiplexer;
  EXPECT_EQ(demultiplexer.kind_of(kPeer, stun()), Kind::kStun);
  EXPECT_EQ(demultiplexer.kind_of(kPeer, stun(0)), Kind::kStun);
  EXPECT_EQ(demultiplexer.kind_of(kPeer, quic()), Kind::kQuic);
}

TEST(Demultiplexer, LeavesToQuicWhateverIsNotQuiteStun) {
  const Demultiplexer demultiplexer;
  Bytes wrong_cookie = stun();
  wrong_cookie[7] ^= 1;
  Bytes longer = stun();
  longer.push_back(0);
  Bytes shorter = stun();
  shorter.pop_back();
  const Bytes bare = copy_of(ByteView(stun()).first(19));
  for (const Bytes& bytes : {wrong_cookie, longer, shorter, bare, stun(10), stun(12, 0x0401), Bytes{0}}) {
    EXPECT_EQ(demultiplexer.kind_of(kPeer, bytes), Kind::kQuic) << bytes.size();
  }
}

TEST(Demultiplexer, GivesEverythingFromALiveAllocationsServerToTurn) {
  Demultiplexer demultiplexer;
  ASSERT_TRUE(demultiplexer.add_turn_server(kServer));
  EXPECT_EQ(demultiplexer.kind_of(kServer, quic()), Kind::kTurn);
  EXPECT_EQ(demultiplexer.kind_of(kServer, stun()), Kind::kTurn);
  EXPECT_EQ(demultiplexer.kind_of({kServer.address, 3479}, stun()), Kind::kStun);
  demultiplexer.remove_turn_server(kServer);
  EXPECT_EQ(demultiplexer.kind_of(kServer, quic()), Kind::kQuic);
}

TEST(Demultiplexer, SplitsABatchOfMixedKindsIntoRunsInTheirOrder) {
  const Demultiplexer demultiplexer;
  const Bytes bytes = joined({quic(), quic(), stun(), quic(), stun(), stun(), quic(9)});
  DatagramBatch rest{.remote = kPeer, .local = {}, .bytes = bytes, .segment_size = 32, .ecn = Ecn::kCe};
  std::vector<std::pair<Kind, std::size_t>> runs;
  Bytes seen;
  while (const auto run = demultiplexer.take_run(rest)) {
    runs.emplace_back(run->kind, run->batch.count());
    EXPECT_EQ(run->batch.ecn, Ecn::kCe);
    seen.insert(seen.end(), run->batch.bytes.begin(), run->batch.bytes.end());
  }
  const std::vector<std::pair<Kind, std::size_t>> expected = {
      {Kind::kQuic, 2}, {Kind::kStun, 1}, {Kind::kQuic, 1}, {Kind::kStun, 2}, {Kind::kQuic, 1}};
  EXPECT_EQ(runs, expected);
  EXPECT_EQ(seen, bytes);
}

TEST(Demultiplexer, LeavesATurnServersBatchWhole) {
  Demultiplexer demultiplexer;
  demultiplexer.add_turn_server(kServer);
  const Bytes bytes = joined({quic(), stun(), quic()});
  DatagramBatch rest{.remote = kServer, .local = {}, .bytes = bytes, .segment_size = 32};
  const auto run = demultiplexer.take_run(rest);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->kind, Kind::kTurn);
  EXPECT_EQ(run->batch.count(), 3U);
  EXPECT_FALSE(demultiplexer.take_run(rest));
}

TEST(Demultiplexer, RemembersSoManyServersAndNoMore) {
  Demultiplexer demultiplexer;
  for (std::size_t i = 0; i < kMaxTurnServers; ++i) {
    ASSERT_TRUE(demultiplexer.add_turn_server({kServer.address, static_cast<std::uint16_t>(i + 1)}));
  }
  EXPECT_FALSE(demultiplexer.add_turn_server(kServer));
  EXPECT_TRUE(demultiplexer.add_turn_server({kServer.address, 1}));
  EXPECT_EQ(demultiplexer.kind_of(kServer, quic()), Kind::kQuic);
}

}  // namespace
}  // namespace turnpike::datagram
