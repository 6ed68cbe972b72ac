#include "io/disk/folder_listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>

#include "io/disk/hash_file.h"

namespace turnpike::io {

using store::StoreId;

namespace {

constexpr std::string_view kDamaged = ".damaged";
constexpr std::size_t kStoreNameSize = 64 + 4;

bool is_recent(const FileStamp& stamp) {
  using std::chrono::nanoseconds;
  const auto now = std::chrono::duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
  const nanoseconds age = now - nanoseconds(stamp.mtime_ns);
  return age < kSettleTime && age > -kSettleTime;
}

/// The store whose damaged copy bears this name.
std::optional<StoreId> damaged_store(std::string_view name) {
  if (name.size() < kStoreNameSize || !name.substr(kStoreNameSize).starts_with(kDamaged)) return std::nullopt;
  return StoreId::from_file_name(name.substr(0, kStoreNameSize));
}

/// False where there is nothing, or no regular file, under the name.
bool look(int folder, const StoreId& id, FolderListing& out) {
  struct stat status{};
  if (::fstatat(folder, id.file_name().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (!S_ISREG(status.st_mode)) return false;
  const FileStamp stamp{static_cast<std::uint64_t>(status.st_size),
                        std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_ino};
  const bool settling = is_recent(stamp);
  if (!settling && !store::Content{stamp.size, {}}.is_valid()) {
    out.refused[id] = DiskError::kRefused;
  } else {
    out.files.push_back({id, stamp, settling});
  }
  return true;
}

}  // namespace

Result<FolderListing, DiskError> list_folder(const std::filesystem::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  if (!stream) return fail(disk_error(errno));
  const int fd = ::dirfd(stream.get());
  if (fd < 0) return fail(disk_error(errno));
  FolderListing listing;
  while (const dirent* const entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || name == ".turnpike") continue;
    const auto id = StoreId::from_file_name(name);
    if (id && look(fd, *id, listing)) continue;
    ++listing.ignored;
    if (const auto damaged = damaged_store(name)) {
      std::string& latest = listing.put_aside[*damaged];
      if (latest.size() < name.size() || (latest.size() == name.size() && latest < name)) latest = name;
    }
  }
  return listing;
}

FolderListing look_at_files(const std::filesystem::path& folder, const std::set<StoreId>& stores) {
  FolderListing listing;
  const FileHandle fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return listing;
  for (const StoreId& id : stores) static_cast<void>(look(fd.get(), id, listing));
  return listing;
}

Result<std::string, DiskError> put_aside(FileOps& ops, const std::filesystem::path& folder, const StoreId& id,
                                         const FileStamp& stamp) {
  const std::filesystem::path from = folder / id.file_name();
  const auto there = stamp_of_path(from);
  if (!there) return fail(DiskError::kNotFound);
  if (*there != stamp) return fail(DiskError::kChanged);
  for (unsigned n = 1; n <= kMaxPutAside; ++n) {
    const std::string name = id.file_name() + std::string(kDamaged) + (n == 1 ? "" : "-" + std::to_string(n));
    const std::filesystem::path to = folder / name;
    if (::syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
      if (errno == EEXIST) continue;
      if (errno != EINVAL && errno != ENOSYS) return fail(disk_error(errno));
      // A file system that cannot refuse to replace: a hard link can.
      if (::link(from.c_str(), to.c_str()) != 0) {
        if (errno == EEXIST) continue;
        return fail(disk_error(errno));
      }
      if (::unlink(from.c_str()) != 0) return fail(disk_error(errno));
    }
    if (const auto synced = sync_folder(ops, folder); !synced) return fail(synced.error());
    return name;
  }
  return fail(DiskError::kBusy);
}

}  // namespace turnpike::io
