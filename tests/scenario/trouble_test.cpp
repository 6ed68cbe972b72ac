// What goes wrong on the road: everything here must still arrive, be refused, or be explained.
#include <gmock/gmock.h>

#include "sim/network.h"

namespace turnpike::sim {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kMib = store::kPieceSize;

class ScenarioTrouble : public testing::Test {
 protected:
  const Original& make(std::uint64_t size) {
    originals_.push_back(&network_.make_store(size));
    return *originals_.back();
  }
  void converge(Duration limit = 15min) {
    EXPECT_TRUE(network_.world.run_until([&] { return network_.everybody_has(originals_); }, limit))
        << network_.story();
    check();
  }
  void check() {
    EXPECT_THAT(network_.world.breaches(), IsEmpty());
    EXPECT_THAT(network_.unexplained(), IsEmpty()) << network_.story();
  }
  bool run_until_pieces(const NodeHost& node, std::uint64_t pieces) {
    return network_.world.run_until([&] { return node.pieces_written() >= pieces; }, 5min);
  }

  Network network_{2};
  std::vector<const Original*> originals_;
};

TEST_F(ScenarioTrouble, TheBootstrapRestartsInMidSyncByHttp) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kSymmetric);
  for (int i = 0; i < 6; ++i) source.put(make(3 * kMib));
  network_.start_all();
  ASSERT_TRUE(run_until_pieces(sink, 4));
  network_.bootstraps[0]->restart(20s);
  converge();
  EXPECT_EQ(sink.wire_bytes(), 18 * kMib);
}

TEST_F(ScenarioTrouble, TheBootstrapRestartsUnderARelayedTransfer) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kSymmetric);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  source.put(make(20 * kMib));
  network_.start_all();
  ASSERT_TRUE(run_until_pieces(sink, 5));
  network_.bootstraps[0]->restart(30s);
  converge();
  EXPECT_EQ(sink.pieces_written(), 20U) << "verified pieces are kept";
}

TEST_F(ScenarioTrouble, ANodeIsKilledInMidStoreAndFetchesNothingTwice) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  source.put(make(20 * kMib));
  network_.start_all();
  ASSERT_TRUE(run_until_pieces(sink, 7));
  sink.kill(false);
  network_.world.run_for(3s);
  sink.start();
  converge();
  EXPECT_EQ(sink.pieces_written(), 20U);
}

TEST_F(ScenarioTrouble, APowerLossTearsTheDiskAndCostsASecondsPieces) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  source.put(make(30 * kMib));
  network_.start_all();
  ASSERT_TRUE(run_until_pieces(sink, 15));
  sink.kill(true);
  network_.world.run_for(3s);
  sink.start();
  converge();
  EXPECT_LE(sink.pieces_written(), 30U + 6U) << "the line brings five pieces a second";
}

TEST_F(ScenarioTrouble, ASourceLeavesInMidStoreAndAnotherTakesOver) {
  network_.add_bootstrap();
  NodeHost& leaver = network_.add_node(Nat::kOpen);
  NodeHost& stayer = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  const Original& store = make(20 * kMib);
  leaver.put(store);
  leaver.start();
  sink.start();
  ASSERT_TRUE(run_until_pieces(sink, 6));
  stayer.put(store);
  stayer.start();
  leaver.kill(true);
  converge();
  EXPECT_EQ(sink.pieces_written(), 20U);
}

TEST_F(ScenarioTrouble, ASourceIsUnpluggedInSilence) {
  network_.add_bootstrap();
  NodeHost& leaver = network_.add_node(Nat::kOpen);
  NodeHost& stayer = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  const Original& store = make(30 * kMib);
  leaver.put(store);
  stayer.put(store);
  network_.start_all();
  ASSERT_TRUE(run_until_pieces(sink, 6));
  leaver.home().unplugged = true;
  converge();
  EXPECT_EQ(sink.pieces_written(), 30U);
}

TEST_F(ScenarioTrouble, ALiarIsFoundOutAndTheHonestSourceIsNotBlamed) {
  for (const Honesty lie : {Honesty::kWrongBytes, Honesty::kWrongLayer, Honesty::kShort}) {
    Network network(3);
    network.add_bootstrap();
    NodeHost& liar = network.add_node(Nat::kOpen, {.rungs = {path::Rung::kHttp}, .sync = {}, .honesty = lie});
    NodeHost& honest = network.add_node(Nat::kOpen);
    NodeHost& sink = network.add_node(Nat::kPortRestricted);
    const Original& store = network.make_store(12 * kMib);
    liar.pretend(store.store, store.content());
    honest.put(store);
    network.start_all();
    EXPECT_TRUE(network.world.run_until([&] { return sink.has(store); }, 10min)) << network.story();
    EXPECT_THAT(network.world.breaches(), IsEmpty());
    const peer::StoreView view = *sink.brain().store(store.store);
    for (const std::string& line : view.history) {
      EXPECT_THAT(line,
                  testing::Not(testing::AllOf(HasSubstr(honest.id().to_string().substr(0, 16)), HasSubstr("wrong"))));
    }
  }
}

TEST_F(ScenarioTrouble, AnInventedRootIsRefusedAndTheTrueStoreFetched) {
  network_.add_bootstrap();
  NodeHost& liar = network_.add_node(Nat::kOpen);
  NodeHost& honest = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  const Original& store = make(5 * kMib);
  store::Content invented = store.content();
  invented.root[7] ^= 1U;
  liar.pretend(store.store, invented);
  honest.put(store);
  liar.start();
  honest.start();
  sink.start();
  EXPECT_TRUE(network_.world.run_until([&] { return sink.has(store); }, 10min)) << network_.story();
  check();
}

TEST_F(ScenarioTrouble, AnInventedRootAloneIsNeverCommitted) {
  network_.add_bootstrap();
  NodeHost& liar = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  const store::StoreId id{network_.world.dice().array<32>()};
  liar.pretend(id, {.size = 3 * kMib, .root = Digest{9}});
  network_.start_all();
  network_.world.run_for(10min);
  EXPECT_EQ(sink.disk().find(id), nullptr);
  EXPECT_THAT(sink.brain().store(id)->reason, HasSubstr("wrong bytes"));
  EXPECT_LT(sink.wire_bytes(), 10 * kMib) << "a liar is not asked for ever";
  check();
}

TEST_F(ScenarioTrouble, TwoAnnouncersOfDifferentBytesLeaveTheStoreContested) {
  network_.add_bootstrap();
  NodeHost& one = network_.add_node(Nat::kOpen);
  NodeHost& other = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  const Original& first = network_.make_store(3 * kMib);
  const Original& second = network_.library.make(network_.world.dice(), 2 * kMib, first.store);
  one.put(first);
  other.put(second);
  network_.start_all();
  network_.world.run_for(5min);
  EXPECT_EQ(sink.disk().find(first.store), nullptr) << "neither is served";
  const auto view = sink.brain().store(first.store);
  EXPECT_EQ(view->state, "contested");
  EXPECT_THAT(view->reason, HasSubstr("pin one"));
  EXPECT_TRUE(one.has(first)) << "a complete store is not replaced";
  check();

  sink.tell([&](peer::Peer& brain, Now now) { brain.pin(now, first.store, second.content()); });
  EXPECT_TRUE(network_.world.run_until([&] { return sink.has(second); }, 1min)) << network_.story();
  EXPECT_LE(sink.wire_bytes(), 5 * kMib) << "what was staged is not fetched again";
  check();
}

TEST_F(ScenarioTrouble, TwoNetworksOutweighOne) {
  network_.add_bootstrap();
  NodeHost& alone = network_.add_node(Nat::kOpen);
  NodeHost& one = network_.add_node(Nat::kOpen);
  NodeHost& two = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  const Original& rare = network_.make_store(2 * kMib);
  const Original& common = network_.library.make(network_.world.dice(), 3 * kMib, rare.store);
  alone.put(rare);
  one.put(common);
  two.put(common);
  alone.start();
  one.start();
  two.start();
  network_.world.run_for(2s);
  sink.start();
  EXPECT_TRUE(network_.world.run_until([&] { return sink.has(common); }, 1min)) << network_.story();
  EXPECT_EQ(sink.brain().store(common.store)->mark, sync::Mark::kConfirmed);
  check();
}

TEST_F(ScenarioTrouble, AFullDiskPausesAndGoesOnWhenThereIsRoom) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink = network_.add_node(Nat::kPortRestricted);
  const Original& store = make(10 * kMib);
  source.put(store);
  network_.start_all();
  ASSERT_TRUE(run_until_pieces(sink, 4));
  sink.disk().fail_with(sync::DiskError::kNoSpace);
  network_.world.run_for(2min);
  const auto view = sink.brain().store(store.store);
  EXPECT_THAT(view->reason, HasSubstr("full"));
  check();
  sink.disk().fail_with(std::nullopt);
  converge();
  EXPECT_EQ(sink.pieces_written(), 10U);
}

TEST_F(ScenarioTrouble, SourcesThatForgetAreBusyOrSilentAreSurvived) {
  network_.add_bootstrap();
  const Original& store = make(8 * kMib);
  for (const Honesty kind : {Honesty::kForgetful, Honesty::kBusy, Honesty::kSilent}) {
    NodeHost& node = network_.add_node(Nat::kOpen, {.rungs = {}, .sync = sync::SyncMode::kOff, .honesty = kind});
    node.pretend(store.store, store.content());
    node.start();
  }
  NodeHost& honest = network_.add_node(Nat::kOpen);
  honest.put(store);
  honest.start();
  NodeHost& sink = network_.add_node(Nat::kSymmetric);
  sink.start();
  EXPECT_TRUE(network_.world.run_until([&] { return sink.has(store); }, 5min)) << network_.story();
  check();
}

TEST_F(ScenarioTrouble, AStoreWhoseOnlySourceIsAwayArrivesWhenItIsBack) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kSymmetric);
  NodeHost& sink = network_.add_node(Nat::kSymmetric);
  source.put(make(6 * kMib));
  network_.start_all();
  ASSERT_TRUE(run_until_pieces(sink, 2));
  source.kill(true);
  network_.world.run_for(1h);
  check();
  source.start();
  converge(1min);
  EXPECT_EQ(sink.pieces_written(), 6U);
}

TEST_F(ScenarioTrouble, TheUserGetsAStoreWhileSyncIsOff) {
  network_.add_bootstrap();
  NodeHost& source = network_.add_node(Nat::kOpen);
  NodeHost& sink =
      network_.add_node(Nat::kSymmetric, {.rungs = {path::Rung::kHttp}, .sync = sync::SyncMode::kOff, .honesty = {}});
  const Original& wanted = make(3 * kMib);
  const Original& other = network_.make_store(kMib);
  source.put(wanted);
  source.put(other);
  network_.start_all();
  network_.world.run_for(1min);
  EXPECT_EQ(sink.wire_bytes(), 0U);
  sink.tell([&](peer::Peer& brain, Now now) { brain.want(now, wanted.store); });
  EXPECT_TRUE(network_.world.run_until([&] { return sink.has(wanted); }, 1min)) << network_.story();
  EXPECT_FALSE(sink.has(other));
  check();
}

}  // namespace
}  // namespace turnpike::sim
