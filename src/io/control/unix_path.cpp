#include "io/control/unix_path.h"

#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

namespace turnpike::io {
namespace {

constexpr std::size_t kMaxDirect = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

UnixPath::UnixPath(const std::filesystem::path& path) : path_(path) {
  if (path.native().size() <= kMaxDirect) return;
  folder_ = ::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  // With -1 the path below cannot be reached either, and says so at connect or bind.
  path_ = std::filesystem::path("/proc/self/fd") / std::to_string(folder_) / path.filename();
}

UnixPath::~UnixPath() {
  if (folder_ >= 0) ::close(folder_);
}

boost::asio::local::stream_protocol::endpoint UnixPath::endpoint() const { return {path_.native()}; }

}  // namespace turnpike::io
