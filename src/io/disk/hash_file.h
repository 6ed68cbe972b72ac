// Hashing a whole store file, step by step: bounded memory, whatever its size.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>

#include "base/result.h"
#include "core/merkle/tree.h"
#include "crypto/leaf_hash.h"
#include "io/disk/file.h"
#include "io/disk/worker_pool.h"

namespace turnpike::io {

/// The hasher of the calling thread.
[[nodiscard]] crypto::LeafHasher& thread_hasher();

/// Reads a file front to back. Beside the layer (32 bytes a MiB) it holds one piece.
class FileHashing {
 public:
  /// Bytes hashed by one step, so that hashing a large store leaves the pool's threads to others every few
  /// milliseconds.
  static constexpr std::uint64_t kStepBytes = std::uint64_t{16} << 20U;

  /// `fd` must stay open; `size`, in 1..kMaxStoreSize, is what it was when hashing began.
  FileHashing(int fd, std::uint64_t size);

  /// True when all is hashed. A file that became shorter is kChanged. Call on the pool.
  [[nodiscard]] Result<bool, DiskError> step();
  [[nodiscard]] merkle::Tree finish() { return builder_.finish(); }

 private:
  int fd_;
  std::uint64_t size_;
  std::uint64_t offset_ = 0;
  Bytes piece_;
  merkle::TreeBuilder builder_;
};

struct HashedFile {
  FileStamp stamp;
  merkle::Tree tree;
};

/// Opens and hashes a regular file, in steps on the pool. kRefused by its size; kChanged when it was written, or
/// another file came under its name, in the meantime. `pool` must outlive the call.
[[nodiscard]] asio::awaitable<Result<HashedFile, DiskError>> hash_file(WorkerPool& pool, std::filesystem::path path);

/// Opens a regular file for reading; never follows a link in the last place.
[[nodiscard]] Result<FileHandle, DiskError> open_regular(const std::filesystem::path& path);
/// The stamp of what stands under a name now.
[[nodiscard]] std::optional<FileStamp> stamp_of_path(const std::filesystem::path& path);

}  // namespace turnpike::io
