#include "io/punch/punch_host.h"

#include <gtest/gtest.h>

#include <map>

#include "core/exchange/message.h"
#include "core/stun/binding_server.h"
#include "io/channel/channel_test_support.h"
#include "io/channel/exchange_source.h"
#include "io/channel/store_server.h"
#include "io/loop/deadline.h"
#include "io/loop/run.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;

const Endpoint kLoopback{IpAddress::v4(127, 0, 0, 1), 0};
constexpr std::uint64_t kStoreSize = 3'000'000;

/// One end: a UDP socket with QUIC, a STUN server for whoever asks, and punching on it.
struct End final : PunchEvents {
  End(asio::io_context& loop, Random& random_, punch::Role role_)
      : random(random_),
        role(role_),
        store(kStoreSize),
        reader(store),
        server(reader),
        socket(std::move(*UdpSocket::open(loop.get_executor(), kLoopback))),
        key(crypto::SigningKey::generate(random_)),
        credentials(punch::Credentials::draw(random_)),
        binding(random_) {
    quic::Config config;
    config.identity = &key;
    config.protocols = {std::string(exchange::kProtocol)};
    quic.emplace(loop.get_executor(), *socket, config, random, [this](std::unique_ptr<QuicLink> link) {
      accepted.push_back(std::move(link));
      return [this](std::unique_ptr<LinkStream> stream) { return server.serve(std::move(stream)); };
    });
    host.emplace(loop.get_executor(), *quic, random, *this);
    quic->on_stun([this](const DatagramBatch& batch) {
      if (deaf) return;
      host->handle_stun(batch, [this](const DatagramBatch& other) { others(other); });
    });
  }
  void others(const DatagramBatch& batch) {
    ++passed_on;
    const auto answer = binding.answer(now(), batch.remote, quic->local(), batch.bytes);
    if (answer) quic->send({.remote = answer->to, .bytes = answer->payload, .segment_size = answer->payload.size()});
  }
  void punch_opened(PunchId, const quic::Path& path, Duration) override { opened = path; }
  void punch_failed(PunchId, punch::PunchFailure why) override { failed = why; }
  void punch_lost(PunchId) override { lost = true; }

  [[nodiscard]] punch::LocalEnd local() const {
    return {.role = role,
            .credentials = credentials,
            .candidates = {{quic->local(), punch::CandidateKind::kHost}},
            .behaviour = behaviour};
  }
  [[nodiscard]] punch::RemoteEnd remote() const {
    return {.credentials = credentials,
            .candidates = {{quic->local(), punch::CandidateKind::kReflexive}},
            .behaviour = behaviour,
            .witnessed = {kLoopback.address}};
  }
  [[nodiscard]] identity::PeerId peer() const { return {key.public_key()}; }

  Random& random;
  punch::Role role;
  TestStore store;
  MemoryReader reader;
  StoreServer server;
  std::unique_ptr<UdpSocket> socket;
  crypto::SigningKey key;
  punch::Credentials credentials;
  punch::Behaviour behaviour;
  stun::BindingServer binding;
  std::vector<std::unique_ptr<QuicLink>> accepted;
  std::optional<QuicHost> quic;
  std::optional<PunchHost> host;
  bool deaf = false;
  int passed_on = 0;
  std::optional<quic::Path> opened;
  std::optional<punch::PunchFailure> failed;
  bool lost = false;
};

struct IoPunchHost : testing::Test {
  ~IoPunchHost() override {
    a.host.reset();
    b.host.reset();
    a.accepted.clear();
    b.accepted.clear();
    a.quic.reset();
    b.quic.reset();
    loop.restart();
    loop.poll();
  }

  void run_until(const std::function<bool()>& done, Duration limit = 20s) {
    const Instant end = now() + limit;
    loop.restart();
    while (!done() && now() < end) loop.run_one_for(10ms);
  }
  void punch() {
    const auto first = a.host->begin(a.local());
    const auto second = b.host->begin(b.local());
    ASSERT_TRUE(first && second);
    a.host->start(*first, b.remote());
    b.host->start(*second, a.remote());
    run_until([&] { return (a.opened && b.opened) || a.failed || b.failed; });
    ASSERT_TRUE(a.opened && b.opened);
  }
  /// What `from`, which dials, gets of the other's store.
  Bytes fetch(End& from, End& to) {
    auto link = from.quic->connect(*from.opened, to.peer());
    const auto up = run(loop, link->established());
    if (!up) return {};
    Collected sink;
    Stop stop;
    ExchangeSource source(*link);
    const auto got = run(loop, source.range(to.store.id, to.store.content(), 0, kStoreSize, sink, stop));
    link->close();
    return got ? sink.bytes : Bytes();
  }

  asio::io_context loop;
  SeededRandom random{7};
  End a{loop, random, punch::Role::kControlling};
  End b{loop, random, punch::Role::kControlled};
};

TEST_F(IoPunchHost, AStoreArrivesThroughThePunchedHole) {
  punch();
  EXPECT_EQ(a.opened->carrier, quic::CarrierId::kSocket);
  EXPECT_TRUE(fetch(a, b) == b.store.bytes);
}

TEST_F(IoPunchHost, QuicGoesByTheExtraSocketThatGotThrough) {
  a.behaviour = {.mapping = punch::Mapping::kAddressAndPortDependent, .allocation = punch::PortAllocation::kRandom};
  b.behaviour = {.mapping = punch::Mapping::kEndpointIndependent};
  a.deaf = true;  // what comes to its own port is lost, as a NAT would lose it
  punch();
  EXPECT_NE(a.opened->carrier, quic::CarrierId::kSocket);
  EXPECT_TRUE(fetch(a, b) == b.store.bytes);
}

TEST_F(IoPunchHost, QuicComesInByAnExtraSocketToo) {
  b.behaviour = {.mapping = punch::Mapping::kAddressAndPortDependent, .allocation = punch::PortAllocation::kRandom};
  a.behaviour = {.mapping = punch::Mapping::kEndpointIndependent};
  b.deaf = true;
  punch();
  EXPECT_TRUE(fetch(a, b) == b.store.bytes);
}

TEST_F(IoPunchHost, SeesItselfAsOthersDoFromTheVeryPort) {
  const auto seen = run(loop, a.host->measure({b.quic->local()}, 5s));
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].mapped, a.quic->local());
  EXPECT_EQ(seen[0].server, b.quic->local());
}

TEST_F(IoPunchHost, AServerThatDoesNotAnswerIsLeftOut) {
  b.deaf = true;
  EXPECT_TRUE(run(loop, a.host->measure({b.quic->local()}, 50ms)).empty());
}

TEST_F(IoPunchHost, StunThatIsNoCheckOfOursIsPassedOn) {
  (void)run(loop, b.host->measure({a.quic->local()}, 5s));
  EXPECT_EQ(a.passed_on, 1);
}

TEST_F(IoPunchHost, RefusesMorePunchesThanItHasRoomFor) {
  for (std::size_t i = 0; i < kMaxPunches; ++i) ASSERT_TRUE(a.host->begin(a.local()));
  EXPECT_FALSE(a.host->begin(a.local()));
  a.host->release(1);
  EXPECT_TRUE(a.host->begin(a.local()));
}

TEST_F(IoPunchHost, OneThatIsReleasedSaysNothingMore) {
  const auto id = a.host->begin(a.local());
  a.host->start(*id, b.remote());
  a.host->release(*id);
  run_until([&] { return a.opened || a.failed; }, 50ms);
  EXPECT_FALSE(a.opened || a.failed);
  EXPECT_EQ(a.host->punches(), 0U);
}

}  // namespace
}  // namespace turnpike::io
