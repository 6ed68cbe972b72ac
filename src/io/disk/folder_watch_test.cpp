#include "io/disk/folder_watch.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/inotify.h>

#include <algorithm>
#include <cstring>

#include "io/disk/disk_test_support.h"

namespace turnpike::io {
namespace {

Bytes event(std::uint32_t mask, std::string_view name = {}) {
  inotify_event head{};
  head.mask = mask;
  head.len = name.empty() ? 0 : static_cast<std::uint32_t>((name.size() / 16 + 1) * 16);
  Bytes out(sizeof(head) + head.len);
  std::memcpy(out.data(), &head, sizeof(head));
  std::ranges::copy(name, out.begin() + sizeof(head));
  return out;
}

TEST(FolderChanges, NamesTheStoresAndTellsTheRestApart) {
  const auto id = id_from_seed(1);
  const FolderChanges store = read_changes(event(IN_CLOSE_WRITE, id.file_name()));
  EXPECT_EQ(store.stores, std::set{id});
  EXPECT_FALSE(store.others || store.lost || store.folder_gone);
  EXPECT_TRUE(read_changes(event(IN_CREATE, "notes.txt")).others);
  EXPECT_FALSE(read_changes(event(IN_ATTRIB, ".turnpike")).others);
  EXPECT_TRUE(read_changes(event(IN_Q_OVERFLOW)).lost);
  for (const auto mask : {IN_DELETE_SELF, IN_MOVE_SELF, IN_UNMOUNT, IN_IGNORED}) {
    EXPECT_TRUE(read_changes(event(static_cast<std::uint32_t>(mask))).folder_gone);
  }
}

TEST(FolderChanges, ReadsManyAndStopsAtAnEventThatIsCutOff) {
  Bytes all;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Bytes one = event(IN_MOVED_TO, id_from_seed(seed).file_name());
    all.insert(all.end(), one.begin(), one.end());
  }
  EXPECT_EQ(read_changes(all).stores.size(), 3U);
  all.pop_back();
  EXPECT_EQ(read_changes(all).stores.size(), 2U);
  EXPECT_EQ(read_changes(ByteView(all).first(3)).stores.size(), 0U);
}

TEST(FolderWatch, LeavesFileSystemsThatOthersWriteToToThePeriodicLook) {
  for (const std::uint64_t type : {std::uint64_t{NFS_SUPER_MAGIC}, std::uint64_t{0xFF534D42}, std::uint64_t{0xFE534D42},
                                   std::uint64_t{0x65735546}, std::uint64_t{V9FS_MAGIC}}) {
    EXPECT_TRUE(is_shared_file_system(type)) << type;
  }
  // As a signed 32-bit word some systems give it.
  EXPECT_TRUE(is_shared_file_system(static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(0xFF534D42)})));
  for (const std::uint64_t type :
       {0xEF53U, 0x58465342U, 0x9123683EU, 0x01021994U, 0x794C7630U}) {  // ext4, xfs, btrfs, tmpfs, overlayfs
    EXPECT_FALSE(is_shared_file_system(type)) << type;
  }
}

TEST(FolderWatch, FailsWhereThereIsNoFolder) {
  asio::io_context loop;
  const TemporaryFolder folder;
  const auto watch = FolderWatch::open(loop.get_executor(), folder.path() / "none");
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error(), DiskError::kNotFound);
}

TEST(FolderWatch, EndsAWaitWhenItIsClosed) {
  asio::io_context loop;
  const TemporaryFolder folder;
  const auto watch = FolderWatch::open(loop.get_executor(), folder.path());
  ASSERT_TRUE(watch);
  asio::post(loop, [&] { (*watch)->close(); });
  EXPECT_EQ(wait_for(loop, (*watch)->wait()).has_value(), false);
}

}  // namespace
}  // namespace turnpike::io
