#include "io/control/data_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace turnpike::io {
namespace {

namespace fs = std::filesystem;

class DataFolder : public testing::Test {
 protected:
  DataFolder() : path_(testing::TempDir() + "/data_folder_XXXXXX") { EXPECT_NE(mkdtemp(path_.data()), nullptr); }
  ~DataFolder() override { fs::remove_all(path_); }

  [[nodiscard]] fs::path data() const { return fs::path(path_) / "data"; }
  [[nodiscard]] static mode_t mode_of(const fs::path& file) {
    struct stat info{};
    EXPECT_EQ(::stat(file.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  SeededRandom random_{1};

 private:
  std::string path_;
};

TEST_F(DataFolder, IsLockedByOneAtATime) {
  auto first = DataFolderLock::take(data());
  ASSERT_TRUE(first);
  const auto second = DataFolderLock::take(data());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, ControlFault::kInUse);
  EXPECT_NE(second.error().text.find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error().text;
}

TEST_F(DataFolder, IsFreeAgainWhenItsHolderIsGone) {
  {
    const auto held = DataFolderLock::take(data());
    ASSERT_TRUE(held);
  }
  EXPECT_TRUE(DataFolderLock::take(data()));
}

TEST_F(DataFolder, StateIsForItsOwnerOnly) {
  ASSERT_TRUE(make_data_folder(data()));
  EXPECT_EQ(mode_of(data() / ".turnpike"), 0700U);
}

TEST_F(DataFolder, ThatCannotBeMadeIsNamed) {
  std::ofstream(data().parent_path() / "data") << "a file";
  const auto lock = DataFolderLock::take(data());
  ASSERT_FALSE(lock);
  EXPECT_NE(lock.error().text.find(data().string()), std::string::npos);
}

TEST_F(DataFolder, GetsAnIdentityOnceAndKeepsIt) {
  const auto made = load_identity(data(), random_);
  ASSERT_TRUE(made);
  EXPECT_EQ(mode_of(identity_key_path(data())), 0600U);
  const auto again = load_identity(data(), random_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->public_key(), made->public_key());
}

TEST_F(DataFolder, LeavesNothingButTheKeyBehind) {
  ASSERT_TRUE(load_identity(data(), random_));
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(data() / ".turnpike")) files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 1U);
}

TEST_F(DataFolder, NeverReplacesAKeyItCannotRead) {
  ASSERT_TRUE(make_data_folder(data()));
  std::ofstream(identity_key_path(data())) << "damaged";
  const auto key = load_identity(data(), random_);
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().text.find("identity.key"), std::string::npos);
  EXPECT_EQ(fs::file_size(identity_key_path(data())), 7U);
}

}  // namespace
}  // namespace turnpike::io
