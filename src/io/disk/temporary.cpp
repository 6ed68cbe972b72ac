#include "io/disk/temporary.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "io/disk/hash_file.h"

namespace turnpike::io {
namespace {

constexpr std::string_view kPrefix = "add-";
constexpr int kAttempts = 100;

}  // namespace

Result<TemporaryFile, DiskError> TemporaryFile::create(const std::filesystem::path& data) {
  const std::string pattern = (state_folder(data) / (std::string(kPrefix) + "XXXXXX")).string();
  for (int i = 0; i < kAttempts; ++i) {
    std::string name = pattern;
    FileHandle file(::mkostemp(name.data(), O_CLOEXEC));
    if (!file) return fail(disk_error(errno));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
    // Between the two calls it may have been taken for an abandoned one.
    if (stamp_of(file.get()) != stamp_of_path(name)) continue;
    if (::fchmod(file.get(), 0644) != 0) return fail(disk_error(errno));
    return TemporaryFile(name, std::move(file));
  }
  return fail(DiskError::kBusy);
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}

TemporaryFile::~TemporaryFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

unsigned remove_abandoned_files(const std::filesystem::path& data) {
  unsigned removed = 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(state_folder(data), failed)) {
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    const auto file = open_regular(entry.path());
    if (!file || ::flock(file->get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (stamp_of(file->get()) != stamp_of_path(entry.path())) continue;
    if (::unlink(entry.path().c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace turnpike::io
