#include "io/disk/temporary.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "io/disk/disk_test_support.h"

namespace turnpike::io {
namespace {

class Temporary : public testing::Test {
 protected:
  Temporary() { EXPECT_TRUE(make_state_folder(folder_.path(), "partial")); }
  [[nodiscard]] std::filesystem::path state() const { return state_folder(folder_.path()); }
  [[nodiscard]] long files() const {
    long count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(state())) count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

  TemporaryFolder folder_;
};

TEST_F(Temporary, IsRemovedWhenItsMakerHasDone) {
  {
    const auto file = TemporaryFile::create(folder_.path());
    ASSERT_TRUE(file);
    EXPECT_EQ(files(), 1);
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(Temporary, IsLeftAloneWhileItsMakerLives) {
  const auto file = TemporaryFile::create(folder_.path());
  ASSERT_TRUE(file);
  EXPECT_EQ(remove_abandoned_files(folder_.path()), 0U);
  EXPECT_TRUE(std::filesystem::exists(file->path()));
}

TEST_F(Temporary, IsRemovedByTheNextWhenItsMakerWasKilled) {
  const pid_t maker = ::fork();
  if (maker == 0) {
    const auto file = TemporaryFile::create(folder_.path());
    ::_exit(file ? 0 : 1);  // no destructor runs, as with SIGKILL
  }
  int status = 0;
  ASSERT_EQ(::waitpid(maker, &status, 0), maker);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(files(), 1);
  write_file(state() / "state.db", bytes_of("not ours to remove"));
  EXPECT_EQ(remove_abandoned_files(folder_.path()), 1U);
  EXPECT_EQ(files(), 1);
}

}  // namespace
}  // namespace turnpike::io
