// Copying a file so that its new name holds all of it or nothing, whenever the power goes.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/store/store_id.h"

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
struct CopyExtras {
  /// The bytes must be these: they are hashed on their way, and other ones take no name (kDataInvalid).
  std::optional<store::Content> expected;
  /// Called when the copy is whole, before it takes its name; an error stops it.
  std::function<std::optional<CopyError>()> before_it_takes_its_name;
};
[[nodiscard]] std::optional<CopyError> copy_file(const std::filesystem::path& source,
                                                 const std::filesystem::path& target,
                                                 const std::filesystem::path& temporary, Existing existing,
                                                 const CopyExtras& extras = {});

/// Byte for byte. False too when either cannot be read.
[[nodiscard]] bool equal_files(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace turnpike::cli
