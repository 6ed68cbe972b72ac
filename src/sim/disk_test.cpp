#include "sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/library.h"

namespace turnpike::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMib = store::kPieceSize;

class SimDisk : public testing::Test {
 protected:
  ByteView piece(std::uint32_t index) const {
    return ByteView(store_.data).subspan(index * kMib, store_.content().piece_length(index));
  }
  void write_all(Duration apart) {
    (void)disk_.open(target_);
    disk_.set_layer(target_, store_.tree.layer);
    for (std::uint32_t i = 0; i < 8; ++i) EXPECT_FALSE(disk_.write(Instant(1h) + i * apart, target_, i, piece(i)));
  }

  SeededRandom dice_{6};
  Library library_;
  const Original& store_ = library_.make(dice_, 8 * kMib);
  sync::Target target_{store_.store, store_.content()};
  Disk disk_;
};

TEST_F(SimDisk, KeepsEverythingWhenOnlyTheProcessIsKilled) {
  write_all({});
  disk_.process_killed();
  EXPECT_FALSE(disk_.is_open(target_));
  EXPECT_EQ(disk_.open(target_), std::vector<bool>(8, true));
}

TEST_F(SimDisk, LosesOrTearsOnlyWhatIsYoungerThanItsCheckpoint) {
  write_all(500ms);
  disk_.power_lost(Instant(1h) + 3500ms, dice_);
  const std::vector<bool> verified = disk_.open(target_);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_TRUE(verified[i]) << i;
}

TEST_F(SimDisk, TellsATornPieceFromAWholeOne) {
  bool torn = false;
  for (int i = 0; i < 20 && !torn; ++i) {
    write_all({});
    disk_.power_lost(Instant(1h), dice_);
    const std::vector<bool> verified = disk_.open(target_);
    torn = std::find(verified.begin(), verified.end(), false) != verified.end();
    disk_.close(target_, true);
  }
  EXPECT_TRUE(torn);
}

TEST_F(SimDisk, CommitsNothingThatIsNotWhole) {
  (void)disk_.open(target_);
  EXPECT_TRUE(disk_.commit(target_, sync::Mark::kUnconfirmed));
  write_all({});
  EXPECT_FALSE(disk_.commit(target_, sync::Mark::kUnconfirmed));
  EXPECT_EQ(disk_.find(store_.store)->data, store_.data);
}

TEST_F(SimDisk, FailsAsItIsTold) {
  (void)disk_.open(target_);
  disk_.fail_with(sync::DiskError::kNoSpace);
  EXPECT_EQ(disk_.write(Instant(1h), target_, 0, piece(0))->error, sync::DiskError::kNoSpace);
  disk_.fail_with(std::nullopt);
  EXPECT_FALSE(disk_.write(Instant(1h), target_, 0, piece(0)));
}

}  // namespace
}  // namespace turnpike::sim
