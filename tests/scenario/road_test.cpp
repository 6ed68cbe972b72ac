// The road itself: stores reach homes behind NAT over the rung that should carry them.
#include <gmock/gmock.h>

#include "sim/network.h"

namespace turnpike::sim {
namespace {

constexpr std::uint64_t kMib = store::kPieceSize;
constexpr std::size_t kHttp = path::index_of(path::Rung::kHttp);
constexpr std::size_t kRelay = path::index_of(path::Rung::kBootstrapRelay);

class ScenarioRoad : public testing::Test {
 protected:
  const std::vector<const Original*>& stores(NodeHost& at, std::initializer_list<std::uint64_t> sizes) {
    for (const std::uint64_t size : sizes) {
      originals_.push_back(&network_.make_store(size));
      at.put(*originals_.back());
    }
    return originals_;
  }
  // Plays on until every node has every store; the oracles of all scenarios are asked at the end.
  void converge(Duration limit = 10min) {
    EXPECT_TRUE(network_.world.run_until([&] { return network_.everybody_has(originals_); }, limit))
        << network_.story();
    EXPECT_THAT(network_.world.breaches(), testing::IsEmpty());
    EXPECT_THAT(network_.unexplained(), testing::IsEmpty());
  }
  static std::uint64_t relayed(const NodeHost& node) { return node.bytes_by_rung()[kRelay]; }
  static std::uint64_t by_http(const NodeHost& node) { return node.bytes_by_rung()[kHttp]; }

  Network network_{1};
  std::vector<const Original*> originals_;
};

TEST_F(ScenarioRoad, AnOpenHomeFeedsOneBehindACone) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  stores(source, {100'000, kMib, kMib + 1, 3 * kMib + 77, 9 * kMib});
  network_.start_all();
  converge();
  EXPECT_EQ(by_http(sink), 14 * kMib + 100'078);
  EXPECT_EQ(relayed(sink), 0U) << "the relay costs money";
  EXPECT_EQ(network_.bootstraps[0]->relayed(), 0U);
}

TEST_F(ScenarioRoad, SyncStartsWithinFiveSecondsOfTheFirstRegistration) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  stores(source, {kMib});
  network_.start_all();
  EXPECT_TRUE(network_.world.run_until([&] { return sink.wire_bytes() > 0; }, 5s)) << network_.story();
}

TEST_F(ScenarioRoad, AStoreThatIsAddedLaterArrivesToo) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  network_.add_node(Nat::kPortRestricted);
  network_.start_all();
  network_.world.run_for(1min);
  stores(source, {2 * kMib});
  converge(10s);
}

TEST_F(ScenarioRoad, TwoSymmetricHomesMeetAtTheRelay) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kSymmetric);
  NodeHost& sink = network_.add_node(Nat::kSymmetric);
  stores(source, {5 * kMib, 300'000});
  network_.start_all();
  converge();
  EXPECT_EQ(relayed(sink), 5 * kMib + 300'000);
  EXPECT_EQ(by_http(sink), 0U);
}

TEST_F(ScenarioRoad, AHomeThatIsLetOutToTheWebOnlyUsesTheRelay) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kWebOnly);
  stores(source, {4 * kMib});
  network_.start_all();
  converge();
  EXPECT_EQ(relayed(sink), 4 * kMib);
}

TEST_F(ScenarioRoad, TheFirstRelayedByteComesSoonWhereEverythingDirectIsBlocked) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kWebOnly);
  stores(source, {100'000});
  network_.start_all();
  network_.world.run_for(100ms);
  EXPECT_TRUE(network_.world.run_until([&] { return sink.wire_bytes() > 0; }, 1500ms + 800ms)) << network_.story();
}

TEST_F(ScenarioRoad, BothDirectionsOverTheRelayAtOnce) {
  network_.add_bootstrap();
  NodeHost& one = network_.add_node(Nat::kSymmetric);
  NodeHost& other = network_.add_node(Nat::kPortRestricted);
  stores(one, {3 * kMib});
  stores(other, {2 * kMib});
  network_.start_all();
  converge();
}

TEST_F(ScenarioRoad, SeveralSourcesShareOneStore) {
  network_.add_bootstrap();
  NodeHost& first = network_.add_node(Nat::kOpen);
  NodeHost& second = network_.add_node(Nat::kOpen);
  network_.add_node(Nat::kOpen);
  stores(first, {40 * kMib});
  second.put(*originals_[0]);
  network_.start_all();
  converge();
  // Two lines of 5 MB/s each carry 40 MiB in 4.2 s; one alone would take 8.4 s.
  EXPECT_LT(network_.world.elapsed(), 7s);
}

TEST_F(ScenarioRoad, ASmallQuoteIsRenewedInTimeAndCutsNothing) {
  network_.add_bootstrap({.bytes = 5 * kMib, .bytes_per_second = 0, .lifetime = 1h});
  NodeHost& source = network_.add_node(Nat::kSymmetric);
  NodeHost& sink = network_.add_node(Nat::kSymmetric);
  stores(source, {20 * kMib});
  network_.start_all();
  converge();
  EXPECT_EQ(sink.wire_bytes(), 20 * kMib) << "nothing was fetched twice";
}

TEST_F(ScenarioRoad, ACheaperPathTakesOverFromTheRelay) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kPortRestricted);
  NodeHost& sink = network_.add_node(Nat::kSymmetric);
  NodeHost& late = network_.add_node(Nat::kOpen);
  source.home().up = 500'000;
  stores(source, {30 * kMib});
  source.start();
  sink.start();
  network_.world.run_for(20s);
  const std::uint64_t before = relayed(sink);
  EXPECT_GT(before, 0U);
  late.put(*originals_[0]);
  late.start();
  converge();
  EXPECT_GT(by_http(sink), 8 * kMib);
  EXPECT_LE(relayed(sink), before + 20 * kMib);
  EXPECT_EQ(sink.wire_bytes(), 30 * kMib);
}

TEST_F(ScenarioRoad, EachRungCanBePinned) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kOpen, {.rungs = {path::Rung::kBootstrapRelay}, .sync = {}, .honesty = {}});
  stores(source, {2 * kMib});
  network_.start_all();
  converge();
  EXPECT_EQ(relayed(sink), 2 * kMib);
}

TEST_F(ScenarioRoad, NodesThatKnowEachOtherGoOnWithoutTheirBootstrap) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  stores(source, {30 * kMib});
  network_.start_all();
  EXPECT_TRUE(network_.world.run_until([&] { return sink.wire_bytes() > 2 * kMib; }, 1min));
  network_.bootstraps[0]->restart(1h);
  converge(1min);
}

}  // namespace
}  // namespace turnpike::sim
