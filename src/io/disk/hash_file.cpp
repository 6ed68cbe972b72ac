#include "io/disk/hash_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace turnpike::io {

using store::kPieceSize;

crypto::LeafHasher& thread_hasher() {
  thread_local crypto::LeafHasher hasher;
  return hasher;
}

Result<FileHandle, DiskError> open_regular(const std::filesystem::path& path) {
  // Without O_NONBLOCK, a FIFO of the right name would hold a thread of the pool for ever.
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return fail(disk_error(errno));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail(disk_error(errno));
  if (!S_ISREG(status.st_mode)) return fail(DiskError::kNotFound);
  return file;
}

std::optional<FileStamp> stamp_of_path(const std::filesystem::path& path) {
  const FileHandle file(::open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return std::nullopt;
  return stamp_of(file.get());
}

FileHashing::FileHashing(int fd, std::uint64_t size)
    : fd_(fd), size_(size), piece_(static_cast<std::size_t>(std::min(size, kPieceSize))), builder_(size) {
  static_cast<void>(::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
}

Result<bool, DiskError> FileHashing::step() {
  const std::uint64_t until = std::min(size_, offset_ + kStepBytes);
  while (offset_ < until) {
    const auto piece = std::span(piece_).first(static_cast<std::size_t>(std::min(kPieceSize, size_ - offset_)));
    if (const auto status = read_exactly(fd_, piece, offset_); !status) return fail(status.error());
    builder_.add_leaves(merkle::hash_leaves(thread_hasher(), piece));
    offset_ += piece.size();
  }
  return offset_ == size_;
}

namespace {

/// What the jobs of one hash_file share; they run one after the other.
struct Hashing {
  std::filesystem::path path;
  FileHandle file;
  FileStamp stamp;
  std::unique_ptr<FileHashing> hashing;
};

Status<DiskError> begin(Hashing& work) {
  auto file = open_regular(work.path);
  if (!file) return fail(file.error());
  const auto stamp = stamp_of(file->get());
  if (!stamp) return fail(DiskError::kIo);
  if (!store::Content{stamp->size, {}}.is_valid()) return fail(DiskError::kRefused);
  work.file = std::move(*file);
  work.stamp = *stamp;
  work.hashing = std::make_unique<FileHashing>(work.file.get(), stamp->size);
  return Ok{};
}

Result<bool, DiskError> step(Hashing& work) {
  auto done = work.hashing->step();
  if (!done || !*done) return done;
  // The same inode, size and time under the name: so the open file did not change either.
  if (stamp_of_path(work.path) != work.stamp) return fail(DiskError::kChanged);
  return done;
}

}  // namespace

asio::awaitable<Result<HashedFile, DiskError>> hash_file(WorkerPool& pool, std::filesystem::path path) {
  const auto work = std::make_shared<Hashing>();  // A job that outlives a cancelled caller still finds its file.
  work->path = std::move(path);
  auto first_step = [work] { return begin(*work); };
  const auto begun = co_await pool.run(std::move(first_step));
  if (!begun) co_return fail(begun.error());
  for (;;) {
    auto next_step = [work] { return step(*work); };
    const auto done = co_await pool.run(std::move(next_step));
    if (!done) co_return fail(done.error());
    if (*done) break;
  }
  co_return HashedFile{work->stamp, work->hashing->finish()};
}

}  // namespace turnpike::io
