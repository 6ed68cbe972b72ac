#include "io/disk/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace turnpike::io {

std::string_view to_string(DiskError error) {
  switch (error) {
    case DiskError::kNotFound:
      return "not found";
    case DiskError::kChanged:
      return "the file changed";
    case DiskError::kRefused:
      return "empty or larger than 1 TiB";
    case DiskError::kNoSpace:
      return "no space left on the disk";
    case DiskError::kIo:
      return "the disk failed";
    case DiskError::kBusy:
      return "in use by another process";
    case DiskError::kExists:
      return "a file of that name exists";
    case DiskError::kBadRequest:
      return "no such part of the store";
  }
  return "unknown";
}

DiskError disk_error(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return DiskError::kNoSpace;
    case ENOENT:
      return DiskError::kNotFound;
    case EEXIST:
      return DiskError::kExists;
    case EWOULDBLOCK:
      return DiskError::kBusy;
    default:
      return DiskError::kIo;
  }
}

FileHandle::~FileHandle() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<FileStamp> stamp_of(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  return FileStamp{static_cast<std::uint64_t>(status.st_size),
                   std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_ino};
}

ssize_t FileOps::pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  return ::pwrite(fd, data, size, offset);
}

int FileOps::fdatasync(int fd) { return ::fdatasync(fd); }

int FileOps::fsync(int fd) { return ::fsync(fd); }

std::optional<std::uint64_t> FileOps::free_space(const std::filesystem::path& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) return std::nullopt;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

FileOps& system_file_ops() {
  static FileOps ops;
  return ops;
}

Status<DiskError> read_exactly(int fd, std::span<std::uint8_t> out, std::uint64_t offset) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(disk_error(errno));
    if (got == 0) return fail(DiskError::kChanged);
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return Ok{};
}

Status<DiskError> write_exactly(FileOps& ops, int fd, ByteView data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t put = ops.pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(disk_error(errno));
    data = data.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return Ok{};
}

Result<Bytes, DiskError> read_whole(const std::filesystem::path& path, std::size_t limit) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(disk_error(errno));
  const auto stamp = stamp_of(file.get());
  if (!stamp) return fail(DiskError::kIo);
  Bytes bytes(static_cast<std::size_t>(std::min<std::uint64_t>(stamp->size, limit)));
  if (const auto status = read_exactly(file.get(), bytes, 0); !status) return fail(status.error());
  return bytes;
}

Status<DiskError> replace_file(FileOps& ops, const std::filesystem::path& path, ByteView data, Durability durability) {
  std::filesystem::path next = path;
  next += ".new";
  const FileHandle file(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return fail(disk_error(errno));
  if (const auto status = write_exactly(ops, file.get(), data, 0); !status) return status;
  if (durability == Durability::kSafe && ops.fdatasync(file.get()) != 0) return fail(disk_error(errno));
  if (::rename(next.c_str(), path.c_str()) != 0) return fail(disk_error(errno));
  if (durability == Durability::kCache) return Ok{};
  return sync_folder(ops, path.parent_path());
}

Status<DiskError> sync_folder(FileOps& ops, const std::filesystem::path& folder) {
  const FileHandle handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || ops.fsync(handle.get()) != 0) return fail(disk_error(errno));
  return Ok{};
}

Status<DiskError> make_state_folder(const std::filesystem::path& data, std::string_view name) {
  constexpr mode_t kPrivate = 0700;
  std::error_code failed;
  std::filesystem::create_directories(data, failed);
  if (failed) return fail(disk_error(failed.value()));
  bool is_new = false;
  for (const std::filesystem::path& folder : {state_folder(data), state_folder(data) / name}) {
    const int made = ::mkdir(folder.c_str(), kPrivate);
    if (made != 0 && errno != EEXIST) return fail(disk_error(errno));
    is_new = is_new || made == 0;
  }
  if (!is_new) return Ok{};
  return sync_folder(system_file_ops(), state_folder(data));
}

}  // namespace turnpike::io
