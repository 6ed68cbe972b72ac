#include "io/disk/file.h"

#include <gtest/gtest.h>

#include <array>

#include "io/disk/disk_test_support.h"

namespace turnpike::io {
namespace {

TEST(DiskFile, ReadsExactlyOrSaysThatItBecameShorter) {
  const TemporaryFolder folder;
  write_file(folder.path() / "f", bytes_of("hello"));
  const FileHandle file(::open((folder.path() / "f").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<std::uint8_t, 3> out{};
  EXPECT_TRUE(read_exactly(file.get(), out, 2));
  EXPECT_EQ(text_of(out), "llo");
  EXPECT_EQ(read_exactly(file.get(), out, 3).error(), DiskError::kChanged);
}

TEST(DiskFile, ReadsAWholeFileUpToTheLimit) {
  const TemporaryFolder folder;
  write_file(folder.path() / "f", bytes_of("hello"));
  EXPECT_EQ(text_of(*read_whole(folder.path() / "f", 100)), "hello");
  EXPECT_EQ(text_of(*read_whole(folder.path() / "f", 2)), "he");
  EXPECT_EQ(read_whole(folder.path() / "g", 2).error(), DiskError::kNotFound);
}

TEST(DiskFile, IsReplacedWholeOrNotAtAll) {
  class FullDisk final : public FileOps {
    ssize_t pwrite(int, const void*, std::size_t, off_t) override {
      errno = ENOSPC;
      return -1;
    }
  };
  const TemporaryFolder folder;
  const auto path = folder.path() / "f";
  ASSERT_TRUE(replace_file(system_file_ops(), path, bytes_of("old"), Durability::kSafe));
  FullDisk full;
  EXPECT_EQ(replace_file(full, path, bytes_of("new"), Durability::kSafe).error(), DiskError::kNoSpace);
  EXPECT_EQ(text_of(read_file(path)), "old");
  ASSERT_TRUE(replace_file(system_file_ops(), path, bytes_of("new"), Durability::kSafe));
  EXPECT_EQ(text_of(read_file(path)), "new");
}

TEST(DiskFile, KeepsTheStateFolderPrivate) {
  const TemporaryFolder folder;
  const auto data = folder.path() / "a" / "b";
  ASSERT_TRUE(make_state_folder(data, "partial"));
  ASSERT_TRUE(make_state_folder(data, "partial"));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(state_folder(data)).permissions(), perms::owner_all);
  EXPECT_TRUE(std::filesystem::is_directory(state_folder(data) / "partial"));
}

TEST(DiskFile, NamesTheErrorsThatAskForDifferentThings) {
  EXPECT_EQ(disk_error(ENOSPC), DiskError::kNoSpace);
  EXPECT_EQ(disk_error(EDQUOT), DiskError::kNoSpace);
  EXPECT_EQ(disk_error(ENOENT), DiskError::kNotFound);
  EXPECT_EQ(disk_error(EIO), DiskError::kIo);
}

}  // namespace
}  // namespace turnpike::io
