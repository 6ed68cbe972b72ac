// Addresses of Unix sockets whose path may be longer than the 107 bytes the system call takes.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>

namespace turnpike::io {

/// Valid while it lives: a long path is reached through a descriptor of its folder, under /proc/self/fd.
class UnixPath {
 public:
  explicit UnixPath(const std::filesystem::path& path);
  ~UnixPath();
  UnixPath(const UnixPath&) = delete;
  UnixPath& operator=(const UnixPath&) = delete;

  /// For bind and connect, which say what is wrong with a path that cannot be reached.
  [[nodiscard]] boost::asio::local::stream_protocol::endpoint endpoint() const;

 private:
  std::filesystem::path path_;
  int folder_ = -1;
};

}  // namespace turnpike::io
