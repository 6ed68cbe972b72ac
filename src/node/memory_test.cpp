#include "node/memory.h"

#include <gtest/gtest.h>

namespace turnpike::node {
namespace {

namespace fs = std::filesystem;

class MemoryTest : public testing::Test {
 protected:
  MemoryTest() {
    std::string pattern = (fs::temp_directory_path() / "memory-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    restart();
  }
  ~MemoryTest() override { fs::remove_all(folder_); }

  void restart() {
    memory_.reset();
    state_.reset();
    state_ = *io::StateDb::open(folder_ / "state.db");
    memory_.emplace(*state_);
  }

  static store::StoreId id(std::uint8_t n) { return {Digest{n}}; }
  static sync::Target target(std::uint8_t n, std::uint64_t size = 10) { return {id(n), {size, Digest{9}}}; }

  std::optional<Memory> memory_;

 private:
  fs::path folder_;
  std::unique_ptr<io::StateDb> state_;
};

TEST_F(MemoryTest, TakesAStoreForTheOwnersUntilItIsToldOtherwise) {
  EXPECT_EQ(memory_->mark_of(target(1)), sync::Mark::kOwn);
  memory_->remember_mark(target(1), sync::Mark::kUnconfirmed);
  EXPECT_EQ(memory_->mark_of(target(1)), sync::Mark::kUnconfirmed);
  restart();
  EXPECT_EQ(memory_->mark_of(target(1)), sync::Mark::kUnconfirmed);
  memory_->forget_marks(id(1));
  EXPECT_EQ(memory_->mark_of(target(1)), sync::Mark::kOwn);
  restart();
  EXPECT_EQ(memory_->mark_of(target(1)), sync::Mark::kOwn);
}

TEST_F(MemoryTest, TakesOtherBytesThanItWasToldOfForTheOwners) {
  memory_->remember_mark(target(1, 5), sync::Mark::kUnconfirmed);
  EXPECT_EQ(memory_->mark_of(target(1, 6)), sync::Mark::kOwn);
}

TEST_F(MemoryTest, KnowsWhatIsInPlaceAndWhatIsAboutToReplaceIt) {
  memory_->remember_mark(target(1, 5), sync::Mark::kUnconfirmed);
  memory_->remember_mark(target(1, 6), sync::Mark::kConfirmed);
  memory_->remember_mark(target(2, 7), sync::Mark::kTrusted);
  restart();
  EXPECT_EQ(memory_->mark_of(target(1, 5)), sync::Mark::kUnconfirmed);
  EXPECT_EQ(memory_->mark_of(target(1, 6)), sync::Mark::kConfirmed);
  memory_->forget_other_marks(target(1, 6));
  restart();
  EXPECT_EQ(memory_->mark_of(target(1, 5)), sync::Mark::kOwn);
  EXPECT_EQ(memory_->mark_of(target(1, 6)), sync::Mark::kConfirmed);
  EXPECT_EQ(memory_->mark_of(target(2, 7)), sync::Mark::kTrusted);
}

TEST_F(MemoryTest, KeepsEveryMark) {
  for (int value = 0; value <= static_cast<int>(sync::Mark::kPinned); ++value) {
    memory_->remember_mark(target(2), static_cast<sync::Mark>(value));
    restart();
    EXPECT_EQ(memory_->mark_of(target(2)), static_cast<sync::Mark>(value));
  }
}

TEST_F(MemoryTest, KeepsWantsAndPinsAcrossARestart) {
  const sync::Target target{id(3), {12345, Digest{9}}};
  memory_->remember_want(id(3));
  memory_->remember_want(id(4));
  memory_->remember_pin(target);
  restart();
  EXPECT_EQ(memory_->wanted().size(), 2U);
  ASSERT_EQ(memory_->pinned().size(), 1U);
  EXPECT_EQ(memory_->pinned().front(), target);
}

}  // namespace
}  // namespace turnpike::node
