// Files that are being made and have no name of their own yet, and the end of those whose maker was killed.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "io/disk/file.h"

namespace turnpike::io {

/// `<data>/.turnpike/add-XXXXXX`, locked while its maker lives. Removed by the destructor where it was not renamed.
class TemporaryFile {
 public:
  /// The folders must be there.
  [[nodiscard]] static Result<TemporaryFile, DiskError> create(const std::filesystem::path& data);
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  TemporaryFile(std::filesystem::path path, FileHandle file) : path_(std::move(path)), file_(std::move(file)) {}

  std::filesystem::path path_;
  FileHandle file_;
};

/// Removes those that nobody holds any more. Gives how many there were.
unsigned remove_abandoned_files(const std::filesystem::path& data);

}  // namespace turnpike::io
