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

TEST_F(MemoryTest, KnowsWhatWasFetchedUnlessTheOwnersBytesAreOrWereThere) {
  EXPECT_FALSE(memory_->fetched(id(1)));
  memory_->remember_mark(target(1, 5), sync::Mark::kUnconfirmed);
  memory_->remember_mark(target(1, 6), sync::Mark::kConfirmed);
  restart();
  ASSERT_TRUE(memory_->fetched(id(1)));
  EXPECT_EQ(memory_->fetched(id(1))->content, target(1, 6).content);
  EXPECT_EQ(memory_->fetched(id(1))->mark, sync::Mark::kConfirmed);
  memory_->remember_mark(target(1, 7), sync::Mark::kOwn);
  EXPECT_FALSE(memory_->fetched(id(1)));
  memory_->forget_mark(target(1, 7));
  restart();
  EXPECT_TRUE(memory_->fetched(id(1)));
}

TEST_F(MemoryTest, KnowsTheFileThatItsOwnerGaveAndNoOther) {
  const io::FileStamp file{.size = 5, .mtime_ns = 7, .inode = 9};
  memory_->remember_given(id(1), file);
  restart();
  EXPECT_TRUE(memory_->is_given(id(1), file));
  EXPECT_FALSE(memory_->is_given(id(2), file));
  for (const io::FileStamp& other : {io::FileStamp{4, 7, 9}, io::FileStamp{5, 6, 9}, io::FileStamp{5, 7, 8}})
    EXPECT_FALSE(memory_->is_given(id(1), other));
  memory_->forget_given(id(1));
  EXPECT_FALSE(memory_->is_given(id(1), file));
}

TEST_F(MemoryTest, KeepsPrivateAndRefusedStoresAcrossARestart) {
  EXPECT_TRUE(memory_->set_private(id(1), true));
  EXPECT_TRUE(memory_->set_private(id(2), true));
  EXPECT_TRUE(memory_->set_private(id(2), false));
  memory_->remember_refusal(id(3));
  memory_->remember_refusal(id(4));
  memory_->forget_refusal(id(4));
  memory_->remember_want(id(5));
  memory_->forget_want(id(5));
  restart();
  EXPECT_TRUE(memory_->is_private(id(1)));
  EXPECT_EQ(memory_->private_stores().size(), 1U);
  EXPECT_EQ(memory_->refused(), std::vector{id(3)});
  EXPECT_TRUE(memory_->wanted().empty());
}

}  // namespace
}  // namespace turnpike::node
