// The kernel's word on what happens in a folder (inotify).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "base/result.h"
#include "core/store/store_id.h"
#include "io/disk/file.h"

namespace turnpike::io {

namespace asio = boost::asio;

struct FolderChanges {
  std::set<store::StoreId> stores;  ///< The files of these names came, went, were written and closed, or renamed.
  bool others = false;              ///< The same of files with other names.
  bool lost = false;                ///< The kernel's queue overflowed: anything may have happened.
  bool folder_gone = false;         ///< Moved, removed or unmounted: this watch sees nothing any more.
};

/// What the kernel wrote, as it wrote it (inotify(7)).
[[nodiscard]] FolderChanges read_changes(ByteView events);

/// Whether others than this machine's processes may write to a file system of that statfs(2) type: the kernel then
/// tells only of our own writes.
[[nodiscard]] bool is_shared_file_system(std::uint64_t type);

/// On the loop.
class FolderWatch {
 public:
  /// Fails where the folder is not there, is on a file system that others write to, or the system has no watch left.
  [[nodiscard]] static Result<std::unique_ptr<FolderWatch>, DiskError> open(asio::any_io_executor loop,
                                                                            const std::filesystem::path& folder);

  /// Waits until something happened. Nothing once the watch is closed.
  [[nodiscard]] asio::awaitable<std::optional<FolderChanges>> wait();
  void close();

 private:
  explicit FolderWatch(asio::posix::stream_descriptor events) : events_(std::move(events)) {}

  asio::posix::stream_descriptor events_;
};

}  // namespace turnpike::io
