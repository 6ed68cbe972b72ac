// Files as the disk code sees them: an owned descriptor, what identifies a file's bytes, and calls that a test can
// fail.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace turnpike::io {

/// Why a file could not be read or written. None of them blames a peer.
enum class DiskError : std::uint8_t {
  kNotFound,   ///< No such store here.
  kChanged,    ///< The file is no longer the one that was hashed.
  kRefused,    ///< Empty, or above kMaxStoreSize.
  kNoSpace,    ///< ENOSPC, EDQUOT, or the reserve would be touched. Nothing was deleted; try again later.
  kIo,         ///< EIO and all else the system reports.
  kBusy,       ///< Another process, or another object, works on the same partial file.
  kExists,     ///< A file of that name stands where the store would be renamed to.
  kBadRequest  ///< A range, page or piece that the content does not have.
};
[[nodiscard]] std::string_view to_string(DiskError error);
/// The meaning of an errno.
[[nodiscard]] DiskError disk_error(int code);

/// Owns a file descriptor.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileHandle();

  [[nodiscard]] int get() const { return fd_; }
  /// Hands the descriptor to the caller, who must close it.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// What tells whether a file is still the one that was hashed.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;

  friend auto operator<=>(const FileStamp&, const FileStamp&) = default;
};
[[nodiscard]] std::optional<FileStamp> stamp_of(int fd);

/// The system calls by which partial files are written, so that a test can make them fail. The default makes them.
class FileOps {
 public:
  virtual ~FileOps() = default;
  virtual ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset);
  virtual int fdatasync(int fd);
  virtual int fsync(int fd);  ///< Of a folder.
  /// Bytes that an ordinary user may still write where `path` is.
  virtual std::optional<std::uint64_t> free_space(const std::filesystem::path& path);
};
[[nodiscard]] FileOps& system_file_ops();

/// Reads exactly `out.size()` bytes at `offset`; a shorter file is kChanged.
[[nodiscard]] Status<DiskError> read_exactly(int fd, std::span<std::uint8_t> out, std::uint64_t offset);
[[nodiscard]] Status<DiskError> write_exactly(FileOps& ops, int fd, ByteView data, std::uint64_t offset);
/// Reads a whole file of at most `limit` bytes; a longer one is cut there.
[[nodiscard]] Result<Bytes, DiskError> read_whole(const std::filesystem::path& path, std::size_t limit);
/// kSafe: after a loss of power there is the old file or the new one. kCache: there may be anything, and whoever reads
/// the file checks it.
enum class Durability : std::uint8_t { kSafe, kCache };
/// Writes `data` beside `path` ("<path>.new") and renames it there; no reader sees half of it.
[[nodiscard]] Status<DiskError> replace_file(FileOps& ops, const std::filesystem::path& path, ByteView data,
                                             Durability durability);
[[nodiscard]] Status<DiskError> sync_folder(FileOps& ops, const std::filesystem::path& folder);

/// Where a data folder keeps what is not a store.
[[nodiscard]] inline std::filesystem::path state_folder(const std::filesystem::path& data) {
  return data / ".turnpike";
}
/// Creates it, mode 0700, and `name` in it; either may be there already.
[[nodiscard]] Status<DiskError> make_state_folder(const std::filesystem::path& data, std::string_view name);

}  // namespace turnpike::io
