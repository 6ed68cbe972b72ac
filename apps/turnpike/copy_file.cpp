#include "copy_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/bytes.h"
#include "core/merkle/tree.h"
#include "exit_code.h"
#include "io/disk/file.h"
#include "io/disk/hash_file.h"

namespace turnpike::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunk = 1U << 20U;
constexpr std::size_t kKernelChunk = 1U << 30U;

CopyError system_error(const fs::path& file, int code) {
  return {code == ENOENT ? kNotFound : kFailed, file.string() + ": " + std::strerror(code)};
}

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

// 0, or the errno of what failed.
int copy_by_hand(int from, int to) {
  Bytes buffer(kChunk);
  for (;;) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got == 0) return 0;
    if (got < 0) return errno;
    for (ssize_t put = 0; put < got;) {
      const ssize_t written = ::write(to, buffer.data() + put, static_cast<std::size_t>(got - put));
      if (written < 0) return errno;
      put += written;
    }
  }
}

int copy_bytes(int from, int to) {
  if (::ioctl(to, FICLONE, from) == 0) return 0;
  for (;;) {
    const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, kKernelChunk, 0);
    if (copied == 0) return 0;
    // Not between these two file systems: both offsets stand where the kernel left them, so go on by hand.
    if (copied < 0) return copy_by_hand(from, to);
  }
}

/// Every byte that is written was hashed.
std::optional<CopyError> copy_verified(int from, int to, const store::Content& expected, const fs::path& source,
                                       const fs::path& temporary) {
  merkle::TreeBuilder builder(expected.size);
  Bytes piece;
  for (std::uint64_t at = 0; at < expected.size; at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min(store::kPieceSize, expected.size - at)));
    const auto read = io::read_exactly(from, piece, at);
    if (!read)
      return CopyError{read.error() == io::DiskError::kChanged ? kDataInvalid : kFailed,
                       source.string() + " is damaged: it cannot be read to its end"};
    builder.add_leaves(merkle::hash_leaves(io::thread_hasher(), piece));
    const auto written = io::write_exactly(io::system_file_ops(), to, piece, at);
    if (!written) return CopyError{kFailed, temporary.string() + ": " + std::string(io::to_string(written.error()))};
  }
  if (builder.finish().content == expected) return std::nullopt;
  return CopyError{kDataInvalid, source.string() + " is damaged: its bytes are not the store's"};
}

std::optional<CopyError> fill(const fs::path& source, const fs::path& temporary,
                              const std::optional<store::Content>& expected) {
  const io::FileHandle from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) return system_error(source, errno);
  struct stat info{};
  if (::fstat(from.get(), &info) != 0) return system_error(source, errno);
  if (!S_ISREG(info.st_mode)) return CopyError{kFailed, source.string() + " is no regular file"};
  const auto before = io::stamp_of(from.get());

  const io::FileHandle to(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!to) return system_error(folder_of(temporary), errno);  // whose name the user has never heard
  if (expected) {
    if (auto error = copy_verified(from.get(), to.get(), *expected, source, temporary)) return error;
  } else if (const int code = copy_bytes(from.get(), to.get()); code != 0) {
    return system_error(temporary, code);
  }
  if (::fsync(to.get()) != 0) return system_error(temporary, errno);
  if (::fstat(to.get(), &info) != 0) return system_error(temporary, errno);
  if (!before || before != io::stamp_of(from.get()) || static_cast<std::uint64_t>(info.st_size) != before->size) {
    return CopyError{kFailed, source.string() + " was written to while it was copied; try again when that is over"};
  }
  return std::nullopt;
}

std::optional<CopyError> put_in_place(const fs::path& temporary, const fs::path& target, Existing existing) {
  const unsigned flags = existing == Existing::kKeep ? RENAME_NOREPLACE : 0;
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, target.c_str(), flags) != 0) {
    if (errno == EEXIST) return CopyError{kFailed, target.string() + " exists", true};
    return system_error(target, errno);
  }
  const fs::path folder = folder_of(target);
  if (!io::sync_folder(io::system_file_ops(), folder)) return system_error(folder, EIO);
  return std::nullopt;
}

}  // namespace

std::optional<CopyError> copy_file(const fs::path& source, const fs::path& target, const fs::path& temporary,
                                   Existing existing, const CopyExtras& extras) {
  auto error = fill(source, temporary, extras.expected);
  if (!error && extras.before_it_takes_its_name) error = extras.before_it_takes_its_name();
  if (!error) error = put_in_place(temporary, target, existing);
  if (error) ::unlink(temporary.c_str());
  return error;
}

bool equal_files(const fs::path& a, const fs::path& b) {
  const io::FileHandle first(::open(a.c_str(), O_RDONLY | O_CLOEXEC));
  const io::FileHandle second(::open(b.c_str(), O_RDONLY | O_CLOEXEC));
  const auto size = io::stamp_of(first.get());
  const auto other = io::stamp_of(second.get());
  if (!size || !other || size->size != other->size) return false;
  Bytes left(kChunk);
  Bytes right(kChunk);
  for (std::uint64_t at = 0; at < size->size; at += kChunk) {
    const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, size->size - at));
    if (!io::read_exactly(first.get(), std::span(left).first(length), at)) return false;
    if (!io::read_exactly(second.get(), std::span(right).first(length), at)) return false;
    if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(length), right.begin())) return false;
  }
  return true;
}

}  // namespace turnpike::cli
