#include "core/sync/sync.h"

#include <gmock/gmock.h>

#include "core/sync/sync_test_support.h"

namespace turnpike::sync {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(SyncSync, LooksUpWhatSomebodyAnnounces) {
  sync_.handle_entry(now(), store_id(1), content(3));
  collect();
  EXPECT_THAT(lookups_, testing::ElementsAre(store_id(1)));
  EXPECT_THAT(opened_, IsEmpty());
}

TEST_F(SyncSync, BringsAStoreHereFromOneSource) {
  reachable({1});
  announce(1, {by(1, content(5))});
  ASSERT_THAT(opened_, SizeIs(1));
  partial_open(opened_[0]);
  deliver_all();
  ASSERT_THAT(commits_, SizeIs(1));
  EXPECT_EQ(commits_[0].mark, Mark::kUnconfirmed);
  sync_.handle_committed(now(), commits_[0].target);
  EXPECT_EQ(sync_.store(now().mono, store_id(1)).state, "complete");
  EXPECT_EQ(sync_.bytes_by_rung()[path::index_of(path::Rung::kHttp)], 5 * kMib);
  EXPECT_EQ(sync_.transfers(now().mono)[0].state, "complete");
}

TEST_F(SyncSync, AsksForNothingThatIsVerifiedAlready) {
  reachable({1});
  announce(1, {by(1, content(6))});
  partial_open(opened_[0], {0, 1, 4});
  std::set<std::uint32_t> asked;
  deliver_all();
  for (const StartFetch& start : started_) {
    for (const PieceRange& range : start.pieces) {
      for (std::uint32_t i = range.first; i < range.first + range.count; ++i) EXPECT_TRUE(asked.insert(i).second);
    }
  }
  EXPECT_THAT(asked, testing::ElementsAre(2U, 3U, 5U));
  EXPECT_THAT(commits_, SizeIs(1));
}

TEST_F(SyncSync, CommitsAPartialThatIsWholeAlready) {
  announce(1, {by(1, content(2))});
  partial_open(opened_[0], {0, 1});
  EXPECT_THAT(started_, IsEmpty());
  EXPECT_THAT(commits_, SizeIs(1));
}

TEST_F(SyncSync, FetchesFourStoresAtOnce) {
  for (std::uint8_t i = 1; i <= 10; ++i) announce(i, {by(1, content(2, i))});
  EXPECT_THAT(opened_, SizeIs(kMaxTransfers));
}

TEST_F(SyncSync, TakesTheRarestFirst) {
  announce(9, {by(1, content(2, 9))});
  for (std::uint8_t i = 2; i <= 4; ++i) announce(i, {by(1, content(2, i))});
  ASSERT_THAT(opened_, SizeIs(4));
  announce(5, {by(1, content(2, 5)), by(2, content(2, 5)), by(3, content(2, 5))});
  announce(6, {by(1, content(2, 6))});
  announce(7, {by(1, content(2, 7)), by(2, content(2, 7))});
  partial_open(opened_[0], {0, 1});
  sync_.handle_committed(now(), opened_[0]);
  collect();
  EXPECT_EQ(opened_.back().store, store_id(6));
}

TEST_F(SyncSync, LetsWhatTheUserAskedForGoFirst) {
  reachable({1});
  for (std::uint8_t i = 1; i <= 6; ++i) announce(i, {by(1, content(2, i))});
  for (std::size_t i = 0; i < 4; ++i) partial_open(opened_[i]);
  sync_.want(now(), store_id(20));
  announce(20, {by(1, content(2, 20))});
  ASSERT_THAT(opened_, SizeIs(5)) << "in the place of one that had nothing under way";
  EXPECT_EQ(opened_[4].store, store_id(20));
  EXPECT_THAT(cancelled_, IsEmpty());
}

TEST_F(SyncSync, LetsWhatIsUnderWayArriveBeforeItMakesRoom) {
  reachable({1, 2, 3, 4});
  for (std::uint8_t i = 1; i <= 4; ++i) announce(i, {by(i, content(20, i))});
  for (std::size_t i = 0; i < 4; ++i) partial_open(opened_[i]);
  sync_.want(now(), store_id(20));
  announce(20, {by(1, content(2, 20))});
  EXPECT_THAT(opened_, SizeIs(4));
  EXPECT_THAT(cancelled_, IsEmpty());
  deliver_all();
  EXPECT_THAT(opened_, testing::Contains(Target{store_id(20), content(2, 20)}));
}

TEST_F(SyncSync, SharesOneStoreAmongSeveralSources) {
  reachable({1, 2, 3});
  announce(1, {by(1, content(60)), by(2, content(60)), by(3, content(60))});
  partial_open(opened_[0]);
  std::set<PeerId> who;
  for (const StartFetch& start : started_) who.insert(asked(start));
  EXPECT_THAT(who, SizeIs(3));
  EXPECT_EQ(sync_.book().mark_of(opened_[0]), Mark::kConfirmed);
}

TEST_F(SyncSync, LetsAnotherSourceTakeOverAndKeepsWhatIsVerified) {
  reachable({1});
  announce(1, {by(1, content(20)), by(2, content(20))});
  partial_open(opened_[0]);
  const StartFetch first = started_[0];
  piece(first, 0);
  piece(first, 1);
  reachable_.clear();
  reachable({2});
  for (const StartFetch& start : std::vector(started_)) {
    done_.insert(start.fetch);
    end(start, FetchEnd::kConnection);
  }
  wait(10s);
  std::set<std::uint32_t> again;
  for (const StartFetch& start : started_) {
    if (done_.contains(start.fetch)) continue;
    EXPECT_EQ(asked(start), peer(2));
    for (const PieceRange& range : start.pieces) again.insert(range.first);
  }
  EXPECT_THAT(again, testing::Not(IsEmpty()));
  EXPECT_FALSE(again.contains(0));
  EXPECT_FALSE(again.contains(1));
}

TEST_F(SyncSync, NeverAsksAProvenLiarForTheStoreAgain) {
  reachable({1, 2});
  announce(1, {by(1, content(8)), by(2, content(8))});
  partial_open(opened_[0]);
  for (const StartFetch& start : std::vector(started_)) {
    if (asked(start) != peer(1)) continue;
    end(start, FetchEnd::kBadData);
    done_.insert(start.fetch);
    break;
  }
  EXPECT_TRUE(sync_.book().is_blamed(opened_[0], peer(1)));
  EXPECT_FALSE(sync_.book().is_blamed(opened_[0], peer(2)));
  const std::size_t before = started_.size();
  for (std::size_t i = 0; i < before; ++i) {
    if (asked(started_[i]) == peer(1) && done_.insert(started_[i].fetch).second) end(started_[i], FetchEnd::kCancelled);
  }
  deliver_all();
  for (std::size_t i = before; i < started_.size(); ++i) EXPECT_EQ(asked(started_[i]), peer(2));
  EXPECT_THAT(commits_, SizeIs(1));
}

TEST_F(SyncSync, DropsALiarsContentOutOfTheContest) {
  reachable({1, 2});
  announce(1, {by(1, content(4, 7)), by(2, content(4, 8))});
  ASSERT_THAT(opened_, SizeIs(2)) << "contested: both are staged";
  for (const Target& target : std::vector(opened_)) partial_open(target);
  for (std::size_t i = 0; i < started_.size(); ++i) {
    const StartFetch start = started_[i];
    if (!done_.insert(start.fetch).second) continue;
    if (asked(start) == peer(1)) {
      end(start, FetchEnd::kBadData);
    } else {
      deliver(start);
    }
  }
  wait(1s);
  ASSERT_THAT(commits_, testing::Not(IsEmpty()));
  EXPECT_EQ(commits_.back().target.content, content(4, 8));
  EXPECT_EQ(commits_.back().mark, Mark::kUnconfirmed);
}

TEST_F(SyncSync, StagesContestedContentsAndServesNeither) {
  reachable({1, 2});
  announce(1, {by(1, content(2, 7)), by(2, content(2, 8))});
  for (const Target& target : std::vector(opened_)) partial_open(target);
  deliver_all();
  EXPECT_THAT(commits_, IsEmpty());
  const StoreView view = sync_.store(now().mono, store_id(1));
  EXPECT_EQ(view.state, "contested");
  EXPECT_THAT(view.reason, HasSubstr("pin one"));
  EXPECT_TRUE(view.next_action);
}

TEST_F(SyncSync, CommitsTheStagedContentThatASecondNetworkConfirms) {
  reachable({1, 2});
  announce(1, {by(1, content(2, 7)), by(2, content(2, 8))});
  for (const Target& target : std::vector(opened_)) partial_open(target);
  deliver_all();
  announce(1, {by(1, content(2, 7)), by(2, content(2, 8)), by(3, content(2, 8))});
  ASSERT_EQ(opened_.back(), (Target{store_id(1), content(2, 8)}));
  partial_open(opened_.back(), {0, 1});
  ASSERT_THAT(commits_, SizeIs(1));
  EXPECT_EQ(commits_[0].mark, Mark::kConfirmed);
  sync_.handle_committed(now(), commits_[0].target);
  collect();
  EXPECT_TRUE(released_.back().discard) << "the other one's partial is of no use";
  EXPECT_EQ(released_.back().target.content, content(2, 7));
}

TEST_F(SyncSync, CommitsTheStagedContentThatTheUserPins) {
  reachable({1, 2});
  announce(1, {by(1, content(2, 7)), by(2, content(2, 8))});
  for (const Target& target : std::vector(opened_)) partial_open(target);
  deliver_all();
  sync_.pin(now(), store_id(1), content(2, 7));
  collect();
  partial_open(opened_.back(), {0, 1});
  ASSERT_THAT(commits_, SizeIs(1));
  EXPECT_EQ(commits_[0].target.content, content(2, 7));
  EXPECT_EQ(commits_[0].mark, Mark::kPinned);
}

TEST_F(SyncSync, NeverReplacesACompleteStoreByOneThatIsNoSurer) {
  sync_.handle_local(now(), store_id(1), {.content = content(2, 1), .mark = Mark::kUnconfirmed});
  announce(1, {by(1, content(2, 9))});
  EXPECT_THAT(opened_, IsEmpty());
  sync_.handle_local(now(), store_id(2), {.content = content(2, 1), .mark = Mark::kOwn});
  announce(2, {by(1, content(2, 9)), by(2, content(2, 9)), by(3, content(2, 9))});
  EXPECT_THAT(opened_, IsEmpty());
  EXPECT_THAT(sync_.store(now().mono, store_id(2)).reason, HasSubstr("no surer"));
}

TEST_F(SyncSync, ReplacesAnUnconfirmedStoreByAConfirmedOne) {
  sync_.handle_local(now(), store_id(1), {.content = content(2, 1), .mark = Mark::kUnconfirmed});
  announce(1, {by(1, content(2, 9)), by(2, content(2, 9))});
  ASSERT_THAT(opened_, SizeIs(1));
  EXPECT_EQ(opened_[0].content, content(2, 9));
}

TEST_F(SyncSync, KeepsTheMarkOfAStoreThatTheFolderShowsAgain) {
  sync_.handle_local(now(), store_id(1), {.content = content(2, 1), .mark = Mark::kUnconfirmed});
  sync_.handle_local(now(), store_id(1), {.content = content(2, 1), .mark = Mark::kOwn});
  EXPECT_EQ(sync_.store(now().mono, store_id(1)).mark, Mark::kUnconfirmed);
}

TEST_F(SyncSync, PausesOnAFullDiskAndBlamesNobody) {
  reachable({1});
  announce(1, {by(1, content(8))});
  sync_.handle_partial_failed(now(), opened_[0], {.error = DiskError::kNoSpace, .detail = {}});
  collect();
  StoreView view = sync_.store(now().mono, store_id(1));
  EXPECT_EQ(view.state, "paused");
  EXPECT_THAT(view.reason, HasSubstr("full"));
  ASSERT_TRUE(view.next_action);
  EXPECT_FALSE(sync_.book().is_blamed(opened_[0], peer(1)));
  EXPECT_FALSE(released_.back().discard);
  wait(10s);
  EXPECT_THAT(opened_, SizeIs(2)) << "and tries again";
}

TEST_F(SyncSync, PausesWhenTheDiskFailsInTheMiddleAndGoesOnLater) {
  reachable({1});
  announce(1, {by(1, content(8))});
  partial_open(opened_[0]);
  const std::vector<StartFetch> before = started_;
  piece(before[0], 0);
  end(before[0], FetchEnd::kDisk);
  for (std::size_t i = 1; i < before.size(); ++i) end(before[i], FetchEnd::kCancelled);
  EXPECT_EQ(sync_.store(now().mono, store_id(1)).state, "paused");
  for (const StartFetch& start : before) done_.insert(start.fetch);
  wait(10s);
  ASSERT_THAT(opened_, SizeIs(2));
  partial_open(opened_[1], {0});
  deliver_all();
  EXPECT_THAT(commits_, SizeIs(1));
}

TEST_F(SyncSync, PausesWhenTheCommitFails) {
  announce(1, {by(1, content(1))});
  partial_open(opened_[0], {0});
  sync_.handle_commit_failed(now(), opened_[0], {.error = DiskError::kIo, .detail = "rename"});
  collect();
  EXPECT_EQ(sync_.store(now().mono, store_id(1)).state, "paused");
  wait(10s);
  EXPECT_THAT(opened_, SizeIs(2));
}

TEST_F(SyncSync, ExplainsWhyNobodyCanBeReachedAndTriesAgain) {
  announce(1, {by(1, content(4))});
  partial_open(opened_[0]);
  wait(5s);
  const StoreView view = sync_.store(now().mono, store_id(1));
  EXPECT_EQ(view.state, "waiting");
  EXPECT_THAT(view.reason, HasSubstr("refused"));
  ASSERT_TRUE(view.next_action);
  reachable({1});
  wait(10s);
  ASSERT_THAT(opened_, SizeIs(2));
}

TEST_F(SyncSync, GivesTheSlotOfAStoreThatIsStuckToAnother) {
  reachable({2});
  for (std::uint8_t i = 1; i <= 4; ++i) announce(i, {by(1, content(2, i))});
  announce(5, {by(2, content(2, 5)), by(3, content(2, 5))});
  ASSERT_THAT(opened_, SizeIs(4));
  for (std::size_t i = 0; i < 4; ++i) partial_open(opened_[i]);
  wait(5s);
  EXPECT_THAT(opened_, testing::Contains(Target{store_id(5), content(2, 5)}));
}

TEST_F(SyncSync, WaitsAsLongAsABusyPeerAsks) {
  reachable({1});
  announce(1, {by(1, content(4))});
  partial_open(opened_[0]);
  for (const StartFetch& start : std::vector(started_)) end(start, FetchEnd::kBusy, 60s);
  const std::size_t before = started_.size();
  wait(50s);
  EXPECT_EQ(started_.size(), before);
  EXPECT_THAT(sync_.store(now().mono, store_id(1)).reason, HasSubstr("busy"));
  wait(30s);
  ASSERT_THAT(opened_, SizeIs(2));
}

TEST_F(SyncSync, CancelsWhatRunsOverAPathBeforeItClosesIt) {
  reachable({1});
  announce(1, {by(1, content(100))});
  partial_open(opened_[0]);
  ASSERT_THAT(started_, SizeIs(2));
  sync_.handle_fetch_ended(now(), started_[0].fetch,
                           {.end = FetchEnd::kProtocol, .retry_after = {}, .disk = {}, .detail = {}});
  // The order matters to the shell: first every cancel, then the close.
  EXPECT_TRUE(std::holds_alternative<CancelFetch>(*sync_.poll_action()));
  EXPECT_TRUE(std::holds_alternative<path::Close>(paths_.poll_action()->action));
}

TEST_F(SyncSync, GivesUpAPathThatDeliversNothing) {
  reachable({1});
  announce(1, {by(1, content(4))});
  partial_open(opened_[0]);
  wait(kFetchStall + 1s);
  EXPECT_THAT(cancelled_, testing::Not(IsEmpty()));
  EXPECT_THAT(closed_, testing::Contains(path_of_.at(peer(1))));
  wait(kCancelPatience + 1s);  // and forgets fetches whose end never comes
  EXPECT_THAT(sync_.transfers(now().mono), SizeIs(testing::Le(1U)));
}

TEST_F(SyncSync, HedgesTheLastPiecesOfALargeStoreOnly) {
  reachable({1, 2});
  announce(1, {by(1, content(200)), by(2, content(200))});
  partial_open(opened_[0]);
  // One source delivers everything it is given; the other nothing.
  const PeerId slow = asked(started_[0]);
  for (std::size_t i = 0; i < started_.size(); ++i) {
    if (asked(started_[i]) != slow && done_.insert(started_[i].fetch).second) {
      elapsed_ += 100ms;
      deliver(StartFetch(started_[i]));
    }
  }
  std::map<std::uint32_t, int> times;
  for (const StartFetch& start : started_) {
    for (const PieceRange& range : start.pieces) {
      for (std::uint32_t i = range.first; i < range.first + range.count; ++i) ++times[i];
    }
  }
  int twice = 0;
  for (const auto& [index, count] : times) twice += count - 1;
  EXPECT_GT(twice, 0);
  EXPECT_LE(twice, 2) << "one in a hundred";
}

TEST_F(SyncSync, FetchesNothingBeforeItKnowsWhatIsHere) {
  Sync fresh({}, paths_, random_);
  fresh.handle_announcers(now(), 0, store_id(1), {by(1, content(2))});
  EXPECT_FALSE(fresh.poll_action());
  fresh.handle_local(now(), store_id(1), {.content = content(2)});
  fresh.handle_catalogue_ready(now());
  EXPECT_FALSE(fresh.poll_action());
}

TEST_F(SyncSync, StopsWhenTheFileTurnsUpByItself) {
  reachable({1});
  announce(1, {by(1, content(4))});
  partial_open(opened_[0]);
  sync_.handle_local(now(), store_id(1), {.content = content(4), .mark = Mark::kOwn});
  collect();
  for (const StartFetch& start : std::vector(started_)) end(start, FetchEnd::kCancelled);
  ASSERT_THAT(released_, SizeIs(1));
  EXPECT_TRUE(released_[0].discard);
}

TEST_F(SyncSync, SurvivesNewsThatFitNothing) {
  const Target nobody{store_id(9), content(1)};
  sync_.handle_partial_open(now(), nobody, {});
  sync_.handle_partial_failed(now(), nobody, {});
  sync_.handle_piece(now(), FetchId{7}, 1, 1);
  sync_.handle_fetch_ended(now(), FetchId{7}, {});
  sync_.handle_committed(now(), nobody);
  sync_.handle_commit_failed(now(), nobody, {});
  sync_.handle_local_gone(now(), store_id(9));
  sync_.unwant(now(), store_id(9));
  sync_.unpin(now(), store_id(9));
  reachable({1});
  announce(1, {by(1, content(4))});
  partial_open(opened_[0]);
  sync_.handle_piece(now(), started_[0].fetch, 4'000'000, 1);
  sync_.handle_committed(now(), opened_[0]);
  EXPECT_EQ(sync_.store(now().mono, store_id(1)).state, "fetching");
}

class SyncListed : public SyncSync {
 protected:
  SyncListed() : SyncSync({.mode = SyncMode::kListed, .max_store = 100 * kMib, .max_disk = 10 * kMib}) {}
};

TEST_F(SyncListed, FetchesOnlyWhatWasAskedFor) {
  announce(1, {by(1, content(2))});
  EXPECT_THAT(opened_, IsEmpty());
  EXPECT_EQ(sync_.store(now().mono, store_id(1)).state, "known");
  EXPECT_THAT(sync_.store(now().mono, store_id(1)).reason, HasSubstr("sync is listed"));
  sync_.want(now(), store_id(1));
  collect();
  EXPECT_THAT(opened_, SizeIs(1));
  sync_.set_mode(now(), SyncMode::kAll);
  announce(2, {by(1, content(2, 2))});
  EXPECT_THAT(opened_, SizeIs(2));
}

TEST_F(SyncListed, RefusesASizeOverTheLimitBeforeAnythingIsAllocated) {
  sync_.want(now(), store_id(1));
  announce(1, {by(1, content(101))});
  EXPECT_THAT(opened_, IsEmpty());
  EXPECT_THAT(sync_.store(now().mono, store_id(1)).reason, HasSubstr("max_store"));
}

TEST_F(SyncListed, TriesWhatTheFullDiskStoppedAgainWhenThereIsSpace) {
  sync_.want(now(), store_id(1));
  announce(1, {by(1, content(2, 1))});
  ASSERT_THAT(opened_, SizeIs(1));
  EXPECT_FALSE(sync_.book().space_wanted());
  sync_.handle_partial_failed(now(), opened_[0], {DiskError::kNoSpace, "5 MB are free"});
  collect();
  EXPECT_EQ(sync_.store(now().mono, store_id(1)).state, "paused");
  EXPECT_THAT(sync_.store(now().mono, store_id(1)).reason, HasSubstr("the disk is full (5 MB are free)"));
  EXPECT_EQ(sync_.book().space_wanted(), content(2, 1).size);
  sync_.retry_full(now());
  collect();
  EXPECT_THAT(opened_, SizeIs(2));
  EXPECT_FALSE(sync_.book().space_wanted());
}

TEST_F(SyncListed, ThrowsAwayWhatWasBegunOfAStoreThatIsRefused) {
  sync_.set_mode(now(), SyncMode::kAll);
  announce(1, {by(1, content(2, 1))});
  ASSERT_THAT(opened_, SizeIs(1));
  sync_.handle_partial_failed(now(), opened_[0], {DiskError::kIo, "x"});
  collect();
  sync_.refuse(now(), store_id(1));
  collect();
  EXPECT_EQ(sync_.store(now().mono, store_id(1)).state, "known");
  announce(1, {by(2, content(2, 1))});
  EXPECT_THAT(opened_, SizeIs(1)) << "sync brought back what was refused";
  sync_.want(now(), store_id(1));
  collect();
  EXPECT_THAT(opened_, SizeIs(2));
}

}  // namespace
}  // namespace turnpike::sync
