#include "io/disk/folder_listing.h"

#include <gtest/gtest.h>

#include "io/disk/disk_test_support.h"
#include "io/disk/hash_file.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using store::StoreId;

class PutAside : public testing::Test {
 protected:
  void write(ByteView bytes) { write_file(path(), bytes); }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path() / id_.file_name(); }
  Result<std::string, DiskError> put() {
    return put_aside(system_file_ops(), folder_.path(), id_, *stamp_of_path(path()));
  }

  TemporaryFolder folder_;
  const StoreId id_ = id_from_seed(1);
};

TEST_F(PutAside, KeepsEachDamagedFileBesideItsPlace) {
  write(bytes_of("first"));
  EXPECT_EQ(*put(), id_.file_name() + ".damaged");
  write(bytes_of("second"));
  EXPECT_EQ(*put(), id_.file_name() + ".damaged-2");
  EXPECT_EQ(text_of(read_file(folder_.path() / (id_.file_name() + ".damaged"))), "first");
  EXPECT_EQ(text_of(read_file(folder_.path() / (id_.file_name() + ".damaged-2"))), "second");
  EXPECT_FALSE(std::filesystem::exists(path()));
  const auto listing = list_folder(folder_.path());
  EXPECT_EQ(listing->put_aside.at(id_), id_.file_name() + ".damaged-2");
  EXPECT_TRUE(listing->files.empty());
}

TEST_F(PutAside, LeavesAFurtherOneInPlaceWhenThereAreManyAlready) {
  for (unsigned n = 0; n < kMaxPutAside; ++n) {
    write(bytes_of("damaged"));
    ASSERT_TRUE(put());
  }
  write(bytes_of("again"));
  EXPECT_EQ(put().error(), DiskError::kBusy);
  EXPECT_EQ(text_of(read_file(path())), "again");
}

TEST_F(PutAside, LeavesAFileAloneThatIsNotTheOneThatWasFoundDamaged) {
  write(bytes_of("damaged"));
  const auto stamp = *stamp_of_path(path());
  write(bytes_of("mended by hand"));
  EXPECT_EQ(put_aside(system_file_ops(), folder_.path(), id_, stamp).error(), DiskError::kChanged);
  std::filesystem::remove(path());
  EXPECT_EQ(put_aside(system_file_ops(), folder_.path(), id_, stamp).error(), DiskError::kNotFound);
}

}  // namespace
}  // namespace turnpike::io
