// Copying a file so that its new name holds all of it or nothing, whenever the power goes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace turnpike::cli {

enum class Existing { kKeep, kReplace };

struct CopyError {
  int code = 1;  ///< An exit code.
  std::string text;
  bool exists = false;  ///< The target was there, and kKeep was asked for.
};

/// Shares the blocks where the file system can (reflink), else copies in the kernel, else by hand; then fsync, rename
/// and fsync of the folder. `temporary` is on the target's file system, and gone afterwards. A source that is written
/// meanwhile is an error.
[[nodiscard]] std::optional<CopyError> copy_file(const std::filesystem::path& source,
                                                 const std::filesystem::path& target,
                                                 const std::filesystem::path& temporary, Existing existing);

/// Byte for byte. False too when either cannot be read.
[[nodiscard]] bool equal_files(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace turnpike::cli
