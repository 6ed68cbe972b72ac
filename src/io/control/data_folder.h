// What a node finds in its data folder before anything else: the lock that says it is alone, and who it is.
#pragma once

#include <filesystem>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "crypto/sign.h"
#include "io/control/control_error.h"

namespace turnpike::io {

[[nodiscard]] inline std::filesystem::path control_socket_path(const std::filesystem::path& data) {
  return data / ".turnpike" / "api.sock";
}
[[nodiscard]] inline std::filesystem::path identity_key_path(const std::filesystem::path& data) {
  return data / ".turnpike" / "identity.key";
}

/// Makes `data` and `data`/.turnpike (mode 0700) where they do not exist.
[[nodiscard]] Status<ControlError> make_data_folder(const std::filesystem::path& data);

/// Held by the one node (or bootstrap) of a data folder while it runs; the kernel drops it when the process ends,
/// however it ends.
class DataFolderLock {
 public:
  /// Makes the folders first. kInUse, with the other's process id, when somebody else holds it.
  [[nodiscard]] static Result<DataFolderLock, ControlError> take(const std::filesystem::path& data);
  DataFolderLock(DataFolderLock&& other) noexcept;
  DataFolderLock& operator=(DataFolderLock&& other) noexcept;
  ~DataFolderLock();

 private:
  explicit DataFolderLock(int fd) : fd_(fd) {}
  int fd_;
};

/// Reads `.turnpike/identity.key`, or makes it (0600, durable) when there is none. A file that is there but is no key
/// is an error: an identity is never replaced silently. Safe against two processes that make it at once.
[[nodiscard]] Result<crypto::SigningKey, ControlError> load_identity(const std::filesystem::path& data, Random& random);

}  // namespace turnpike::io
