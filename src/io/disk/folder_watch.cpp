#include "io/disk/folder_watch.h"

#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

namespace turnpike::io {
namespace {

// A hard link and a change of mode are no writes, but bring a file in, or make it readable.
constexpr std::uint32_t kWatched = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                                   IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kFolderGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;
constexpr std::size_t kBufferSize = std::size_t{64} << 10U;

// Not in every <linux/magic.h>.
constexpr std::uint64_t kCifs = 0xFF534D42;
constexpr std::uint64_t kSmb2 = 0xFE534D42;
constexpr std::uint64_t kFuse = 0x65735546;
constexpr std::uint64_t kCeph = 0x00C36400;
constexpr std::uint64_t kLustre = 0x0BD00BD0;
constexpr std::uint64_t kGfs2 = 0x01161970;
constexpr std::uint64_t kOcfs2 = 0x7461636F;

}  // namespace

bool is_shared_file_system(std::uint64_t type) {
  switch (type & 0xFFFFFFFF) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case CODA_SUPER_MAGIC:
    case AFS_SUPER_MAGIC:
    case V9FS_MAGIC:
    case kCifs:
    case kSmb2:
    case kFuse:
    case kCeph:
    case kLustre:
    case kGfs2:
    case kOcfs2:
      return true;
    default:
      return false;
  }
}

FolderChanges read_changes(ByteView events) {
  FolderChanges out;
  while (events.size() >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, events.data(), sizeof(event));
    if (event.len > events.size() - sizeof(event)) break;
    const auto* const text = reinterpret_cast<const char*>(events.data() + sizeof(event));
    const std::string_view name(text, ::strnlen(text, event.len));
    events = events.subspan(sizeof(event) + event.len);
    out.lost = out.lost || (event.mask & IN_Q_OVERFLOW) != 0;
    out.folder_gone = out.folder_gone || (event.mask & kFolderGone) != 0;
    if (name.empty() || name == ".turnpike") continue;
    if (const auto id = store::StoreId::from_file_name(name)) {
      out.stores.insert(*id);
    } else {
      out.others = true;
    }
  }
  return out;
}

Result<std::unique_ptr<FolderWatch>, DiskError> FolderWatch::open(asio::any_io_executor loop,
                                                                  const std::filesystem::path& folder) {
  struct statfs system{};
  if (::statfs(folder.c_str(), &system) != 0) return fail(disk_error(errno));
  if (is_shared_file_system(static_cast<std::uint64_t>(system.f_type))) return fail(DiskError::kRefused);
  FileHandle fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) return fail(DiskError::kIo);
  if (::inotify_add_watch(fd.get(), folder.c_str(), kWatched) < 0) {
    return fail(errno == ENOENT ? DiskError::kNotFound : DiskError::kIo);
  }
  asio::posix::stream_descriptor events(loop, fd.release());
  return std::unique_ptr<FolderWatch>(new FolderWatch(std::move(events)));
}

asio::awaitable<std::optional<FolderChanges>> FolderWatch::wait() {
  Bytes buffer(kBufferSize);
  while (events_.is_open()) {
    const ssize_t got = ::read(events_.native_handle(), buffer.data(), buffer.size());
    if (got > 0) co_return read_changes(ByteView(buffer).first(static_cast<std::size_t>(got)));
    const bool nothing_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (!nothing_yet) break;
    const auto [failed] =
        co_await events_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (failed) break;
  }
  co_return std::nullopt;
}

void FolderWatch::close() {
  boost::system::error_code ignored;
  events_.close(ignored);
}

}  // namespace turnpike::io
