#include "core/sync/transfer.h"

#include <gmock/gmock.h>

#include "core/sync/sync_test_support.h"

namespace turnpike::sync {
namespace {

using testing::Each;
using testing::SizeIs;

/// One peer, whose connections break with all that is fetched over them.
class SyncTransfer : public SyncSync {
 protected:
  SyncTransfer() : SyncSync({}, path::Rung::kDirect) {
    reachable({1});
    announce(1, {by(1, content(20))});
    partial_open(opened_.at(0));
  }

  /// Ends the fetches under way as the shell does when their path is gone; gives those that were started instead.
  std::vector<StartFetch> break_path() {
    const std::vector<StartFetch> before = started_;
    for (const StartFetch& start : before) {
      if (done_.insert(start.fetch).second) end(start, FetchEnd::kPathLost);
    }
    return {started_.begin() + static_cast<std::ptrdiff_t>(before.size()), started_.end()};
  }
};

TEST_F(SyncTransfer, GoesOnAtOnceOverAnotherPathWhenTheOneThatDeliveredIsLost) {
  ASSERT_THAT(started_, SizeIs(kFetchesPerPathAndStore)) << "of which one ends while the other has just delivered";
  const path::PathId lost = started_[0].path;
  piece(started_[0], 0);
  const std::vector<StartFetch> instead = break_path();
  ASSERT_THAT(instead, SizeIs(kFetchesPerPathAndStore)) << "without waiting for anything";
  EXPECT_THAT(instead, Each(testing::Field(&StartFetch::path, testing::Ne(lost))));
  for (const StartFetch& start : instead) {
    for (const PieceRange& range : start.pieces) EXPECT_GT(range.first, 0U) << "what is verified is asked for again";
  }
}

TEST_F(SyncTransfer, DoesNotHammerAPeerWhosePathsBreakBeforeTheyDeliver) {
  for (int tenths = 0; tenths < 600; ++tenths) {
    break_path();
    wait(100ms);
    if (opened_.size() > 1) partial_open(opened_.back());
  }
  std::set<path::PathId> paths;
  for (const StartFetch& start : started_) paths.insert(start.path);
  EXPECT_GE(paths.size(), 3U) << "in a minute";
  EXPECT_LE(paths.size(), 6U) << "in a minute";
}

TEST_F(SyncTransfer, LeavesAPeerInPeaceAboutTheStoreWhoseStreamItEndsWhileOthersComeThrough) {
  piece(started_[1], started_[1].pieces[0].first);
  end(started_[0], FetchEnd::kConnection);
  end(started_[1], FetchEnd::kCancelled);
  const std::size_t before = started_.size();
  wait(3s);
  EXPECT_EQ(started_.size(), before);
  EXPECT_THAT(closed_, testing::IsEmpty()) << "the path is as good as it was";
  wait(4s);
  EXPECT_GT(opened_.size(), 1U) << "and it is asked again";
}

}  // namespace
}  // namespace turnpike::sync
