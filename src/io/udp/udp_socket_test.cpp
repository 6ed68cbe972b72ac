#include "io/udp/udp_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <vector>

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;

const Endpoint kV4{IpAddress::v4(127, 0, 0, 1), 0};
const Endpoint kV6{*IpAddress::parse("::1"), 0};
const Endpoint kAny{*IpAddress::parse("::"), 0};

struct Seen {
  Endpoint remote;
  IpAddress local;
  Ecn ecn;
  Bytes bytes;
};

/// Keeps every datagram, and how they came.
class Keeper final : public UdpReceiver {
 public:
  void on_datagrams(const DatagramBatch& batch) override {
    for (std::size_t i = 0; i < batch.count(); ++i) {
      seen.push_back({batch.remote, batch.local, batch.ecn, copy_of(batch.segment(i))});
    }
    ++batches;
    if (on_batch) on_batch(batch);
  }
  void on_drained() override { ++rounds; }

  std::vector<Seen> seen;
  std::size_t batches = 0;
  std::size_t rounds = 0;
  std::function<void(const DatagramBatch&)> on_batch;
};

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return out;
}

struct Pair {
  explicit Pair(Endpoint at = kV4, UdpOptions options = {})
      : a(std::move(*UdpSocket::open(loop.get_executor(), at, options))),
        b(std::move(*UdpSocket::open(loop.get_executor(), at, options))) {
    b->start(keeper);
  }

  DatagramBatch to_b(ByteView bytes, std::size_t segment_size) const {
    return {.remote = b->local(), .local = {}, .bytes = bytes, .segment_size = segment_size};
  }
  void run_until(std::size_t datagrams) {
    while (keeper.seen.size() < datagrams && loop.run_one_for(5s) > 0) {
    }
  }
  Bytes all() const {
    Bytes out;
    for (const Seen& one : keeper.seen) out.insert(out.end(), one.bytes.begin(), one.bytes.end());
    return out;
  }

  asio::io_context loop;
  Keeper keeper;
  std::unique_ptr<UdpSocket> a;
  std::unique_ptr<UdpSocket> b;
};

TEST(UdpSocket, CarriesABatchAsTheSameDatagramsInOneCallEachWay) {
  Pair pair;
  const Bytes bytes = pattern(10 * 1200 + 500);
  const SendOutcome out = pair.a->send(pair.to_b(bytes, 1200));
  EXPECT_EQ(out.status, SendStatus::kSent);
  EXPECT_EQ(out.sent, bytes.size());
  pair.run_until(11);
  ASSERT_EQ(pair.keeper.seen.size(), 11U);
  EXPECT_EQ(pair.all(), bytes);
  EXPECT_EQ(pair.keeper.seen.front().bytes.size(), 1200U);
  EXPECT_EQ(pair.keeper.seen.back().bytes.size(), 500U);
  EXPECT_EQ(pair.keeper.seen.front().remote, pair.a->local());
  EXPECT_EQ(pair.keeper.batches, 1U);  // loopback takes and gives trains
  EXPECT_EQ(pair.a->counters().sent_batches, 1U);
  EXPECT_EQ(pair.a->counters().sent, 11U);
  EXPECT_EQ(pair.b->counters().received, 11U);
}

TEST(UdpSocket, SendsMoreThanOneCallTakes) {
  Pair pair;
  const Bytes bytes = pattern(150 * 1000);
  EXPECT_EQ(pair.a->send(pair.to_b(bytes, 1000)).sent, bytes.size());
  pair.run_until(150);
  EXPECT_EQ(pair.all(), bytes);
  EXPECT_EQ(pair.a->counters().sent_batches, 3U);  // 64, 64 and 22
}

TEST(UdpSocket, DoesWithoutSegmentation) {
  Pair pair(kV4, {.use_segmentation = false});
  const Bytes bytes = pattern(40 * 1000 + 1);
  EXPECT_EQ(pair.a->send(pair.to_b(bytes, 1000)).sent, bytes.size());
  pair.run_until(41);
  EXPECT_EQ(pair.all(), bytes);
  EXPECT_EQ(pair.keeper.batches, 41U);
  EXPECT_EQ(pair.a->counters().sent_batches, 1U);  // one sendmmsg
}

TEST(UdpSocket, GathersAndCutsWhatDoesNotStandTogether) {
  for (const bool segmentation : {true, false}) {
    Pair pair(kV4, {.use_segmentation = segmentation});
    const Bytes header = {0x40, 0x00, 0x03, 0xe8};
    const Bytes body = pattern(3000);
    std::vector<ByteView> parts;
    for (std::size_t i = 0; i < 3; ++i) {
      parts.emplace_back(header);
      parts.push_back(ByteView(body).subspan(i * 1000, 1000));
    }
    const SendOutcome out = pair.a->send(GatheredBatch{pair.b->local(), {}, parts, 1004, Ecn::kNotEct});
    EXPECT_EQ(out.sent, 3012U);
    pair.run_until(3);
    ASSERT_EQ(pair.keeper.seen.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      const ByteView got = pair.keeper.seen[i].bytes;
      EXPECT_EQ(copy_of(got.first(4)), header);
      EXPECT_EQ(copy_of(got.subspan(4)), copy_of(ByteView(body).subspan(i * 1000, 1000)));
    }
  }
}

TEST(UdpSocket, CarriesEcnMarksOfBothFamilies) {
  for (const Endpoint& at : {kV4, kV6}) {
    Pair pair(at);
    for (const Ecn mark : {Ecn::kNotEct, Ecn::kEct1, Ecn::kEct0, Ecn::kCe}) {
      pair.keeper.seen.clear();
      DatagramBatch batch = pair.to_b(bytes_of("mark"), 4);
      batch.ecn = mark;
      EXPECT_EQ(pair.a->send(batch).status, SendStatus::kSent);
      pair.run_until(1);
      ASSERT_EQ(pair.keeper.seen.size(), 1U);
      EXPECT_EQ(pair.keeper.seen[0].ecn, mark);
    }
  }
}

TEST(UdpSocket, ServesIpv4PeersOnADualStackSocketWithTheirMarksAndOurAddress) {
  Pair pair(kAny);
  auto client = UdpSocket::open(pair.loop.get_executor(), kV4);
  const Endpoint server{IpAddress::v4(127, 0, 0, 1), pair.b->local().port};
  DatagramBatch batch{.remote = server, .local = {}, .bytes = bytes_of("hello"), .segment_size = 5, .ecn = Ecn::kEct0};
  ASSERT_EQ((*client)->send(batch).status, SendStatus::kSent);
  pair.run_until(1);
  ASSERT_EQ(pair.keeper.seen.size(), 1U);
  EXPECT_EQ(pair.keeper.seen[0].remote, (*client)->local());
  EXPECT_EQ(pair.keeper.seen[0].local, IpAddress::v4(127, 0, 0, 1));
  EXPECT_EQ(pair.keeper.seen[0].ecn, Ecn::kEct0);

  Keeper back;
  (*client)->start(back);
  batch = {.remote = (*client)->local(), .local = {}, .bytes = bytes_of("back"), .segment_size = 4, .ecn = Ecn::kCe};
  ASSERT_EQ(pair.b->send(batch).status, SendStatus::kSent);
  while (back.seen.empty() && pair.loop.run_one_for(5s) > 0) {
  }
  ASSERT_EQ(back.seen.size(), 1U);
  EXPECT_EQ(back.seen[0].ecn, Ecn::kCe);
}

TEST(UdpSocket, AnswersFromTheAddressItWasAskedAt) {
  Pair pair(kAny);
  auto client = UdpSocket::open(pair.loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
  Keeper answers;
  (*client)->start(answers);
  const IpAddress second = IpAddress::v4(127, 0, 0, 2);
  const DatagramBatch ask{
      .remote = {second, pair.b->local().port}, .local = {}, .bytes = bytes_of("ask"), .segment_size = 3};
  pair.keeper.on_batch = [&](const DatagramBatch& batch) {
    (void)pair.b->send(
        DatagramBatch{.remote = batch.remote, .local = batch.local, .bytes = batch.bytes, .segment_size = 3});
  };
  ASSERT_EQ((*client)->send(ask).status, SendStatus::kSent);
  while (answers.seen.empty() && pair.loop.run_one_for(5s) > 0) {
  }
  ASSERT_EQ(answers.seen.size(), 1U);
  EXPECT_EQ(answers.seen[0].remote.address, second);
}

TEST(UdpSocket, SaysThatADatagramIsTooBigAndSendsTheNext) {
  Pair pair;
  const Bytes bytes = pattern(70'000);
  EXPECT_EQ(pair.a->send(pair.to_b(bytes, 70'000)).status, SendStatus::kTooBig);
  EXPECT_EQ(pair.a->send(pair.to_b(bytes, 10'000)).sent, bytes.size());
}

TEST(UdpSocket, GivesOthersATurnAfterSoManyReceives) {
  Pair pair(kV4, {.use_segmentation = false});
  const Bytes bytes = pattern(2 * kReceivesPerWake * kReceiveMessages);
  ASSERT_EQ(pair.a->send(pair.to_b(bytes, 1)).sent, bytes.size());
  while (pair.keeper.rounds == 0 && pair.loop.run_one_for(5s) > 0) {
  }
  EXPECT_EQ(pair.keeper.seen.size(), kReceivesPerWake * kReceiveMessages);
  pair.run_until(bytes.size());
  EXPECT_EQ(pair.all(), bytes);
}

TEST(UdpSocket, GoesOnDatagramByDatagramWhereAPathRefusesTrains) {
  Pair pair;
  const int without_checksum =
      1;  // the kernel refuses UDP_SEGMENT to whoever wants no checksums, as it does for devices
  ASSERT_EQ(::setsockopt(pair.a->native_handle(), SOL_SOCKET, SO_NO_CHECK, &without_checksum, sizeof(int)), 0);
  const Bytes bytes = pattern(20 * 1000);
  EXPECT_EQ(pair.a->send(pair.to_b(bytes, 1000)).sent, bytes.size());
  EXPECT_EQ(pair.a->send(pair.to_b(bytes, 1000)).sent, bytes.size());
  pair.run_until(40);
  EXPECT_EQ(pair.keeper.seen.size(), 40U);
  EXPECT_EQ(pair.a->counters().plain_fallbacks, 1U);  // the second time it knew
  EXPECT_EQ(pair.a->counters().sent_batches, 2U);
}

TEST(UdpSocket, MayBeDestroyedByItsReceiver) {
  Pair pair(kV4, {.use_segmentation = false});
  pair.keeper.on_batch = [&](const DatagramBatch&) { pair.b.reset(); };
  const Endpoint to = pair.b->local();
  const Bytes bytes = pattern(4);
  ASSERT_EQ(pair.a->send({.remote = to, .local = {}, .bytes = bytes, .segment_size = 1}).sent, 4U);
  pair.run_until(1);
  pair.loop.run_for(0ms);
  EXPECT_EQ(pair.keeper.seen.size(), 1U);
  EXPECT_EQ(pair.keeper.rounds, 0U);
}

TEST(UdpSocket, SharesItsPortOnlyWhenTold) {
  asio::io_context loop;
  const auto first = UdpSocket::open(loop.get_executor(), kV4);
  EXPECT_EQ(UdpSocket::open(loop.get_executor(), (*first)->local()).error(), IoError::kRefused);
  const auto shared = UdpSocket::open(loop.get_executor(), kV4, {.reuse_port = true});
  EXPECT_TRUE(UdpSocket::open(loop.get_executor(), (*shared)->local(), {.reuse_port = true}));
}

TEST(UdpSocket, SendsNothingOnceClosed) {
  Pair pair;
  const DatagramBatch batch = pair.to_b(bytes_of("late"), 4);
  pair.a->close();
  EXPECT_EQ(pair.a->send(batch).status, SendStatus::kFailed);
}

}  // namespace
}  // namespace turnpike::io
