#include "io/disk/hash_file.h"

#include <gtest/gtest.h>

#include "io/disk/disk_test_support.h"

namespace turnpike::io {
namespace {

constexpr std::uint64_t kSteps = 4;
constexpr std::uint64_t kSize = kSteps * FileHashing::kStepBytes;

class HashFileTest : public testing::Test {
 protected:
  /// Hashes the file, does `meanwhile` after the first steps, and says how it ended.
  template <class F>
  Result<HashedFile, DiskError> hash_while(F meanwhile) {
    std::optional<Result<HashedFile, DiskError>> result;
    asio::co_spawn(loop_, keep_result(hash_file(pool_, file_), result), asio::detached);
    for (int i = 0; i < 3; ++i) loop_.run_one();  // begun, and one step asked for: the next waits for the loop
    meanwhile();
    while (!result) loop_.run_one();
    return std::move(*result);
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "file";
  asio::io_context loop_;
  WorkerPool pool_{loop_.get_executor(), 1};
};

TEST_F(HashFileTest, GivesTheTreeOfTheFile) {
  const Bytes data = bytes_from_seed(kSize + 5, 1);
  write_file(file_, data);
  const auto hashed = wait_for(loop_, hash_file(pool_, file_));
  ASSERT_TRUE(hashed);
  EXPECT_EQ(hashed->tree.content, tree_of(data).content);
  EXPECT_EQ(hashed->tree.layer, tree_of(data).layer);
}

TEST_F(HashFileTest, NoticesAWriteMeanwhile) {
  write_file(file_, bytes_from_seed(kSize, 1));
  set_mtime(file_, std::chrono::seconds(1'600'000'000));
  const auto hashed = hash_while([&] {
    std::fstream out(file_, std::ios::binary | std::ios::in | std::ios::out);
    out.put('x');
  });
  EXPECT_EQ(hashed.error(), DiskError::kChanged);
}

TEST_F(HashFileTest, NoticesThatTheFileBecameShorter) {
  write_file(file_, bytes_from_seed(kSize, 1));
  const auto hashed = hash_while([&] { std::filesystem::resize_file(file_, 10); });
  EXPECT_EQ(hashed.error(), DiskError::kChanged);
}

TEST_F(HashFileTest, NoticesThatAnotherFileCameUnderTheName) {
  write_file(file_, bytes_from_seed(kSize, 1));
  const auto hashed = hash_while([&] {
    write_file(folder_.path() / "other", bytes_from_seed(10, 2));
    std::filesystem::rename(folder_.path() / "other", file_);
  });
  EXPECT_EQ(hashed.error(), DiskError::kChanged);
}

TEST_F(HashFileTest, RefusesWhatIsEmptyMissingOrNoFile) {
  EXPECT_EQ(wait_for(loop_, hash_file(pool_, file_)).error(), DiskError::kNotFound);
  write_file(file_, {});
  EXPECT_EQ(wait_for(loop_, hash_file(pool_, file_)).error(), DiskError::kRefused);
  EXPECT_EQ(wait_for(loop_, hash_file(pool_, folder_.path())).error(), DiskError::kNotFound);
}

}  // namespace
}  // namespace turnpike::io
