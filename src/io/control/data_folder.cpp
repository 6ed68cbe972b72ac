#include "io/control/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "core/identity/key_file.h"

namespace turnpike::io {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

ControlError error_of(const std::string& what, int code) {
  const auto fault = code == EACCES || code == EPERM ? ControlFault::kPermission : ControlFault::kSystem;
  return {fault, what + ": " + std::strerror(code)};
}

std::string read_all(int fd, std::size_t limit) {
  std::string out(limit, '\0');
  std::size_t size = 0;
  while (size < limit) {
    const ssize_t got = ::pread(fd, out.data() + size, limit - size, static_cast<off_t>(size));
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  out.resize(size);
  return out;
}

bool write_all(int fd, ByteView bytes) {
  const ssize_t put = ::write(fd, bytes.data(), bytes.size());
  return put == static_cast<ssize_t>(bytes.size());
}

Result<crypto::SigningKey, ControlError> read_identity(const fs::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return fail(error_of(file.string(), errno));
  const std::string bytes = read_all(fd.get(), identity::kKeyFileSize + 1);
  auto key = identity::decode_key_file(bytes_of(bytes));
  if (!key) {
    return fail(ControlError{
        ControlFault::kSystem,
        file.string() + " is not an Ed25519 libp2p key file; restore it, or move it away to get a new identity"});
  }
  return *std::move(key);
}

// The file appears whole or not at all, and never replaces one that another process made meanwhile.
std::optional<ControlError> put_new_file(const fs::path& file, ByteView bytes) {
  const fs::path temporary = file.string() + "." + std::to_string(::getpid());
  const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (fd.get() < 0) return error_of(temporary.string(), errno);
  std::optional<ControlError> error;
  if (!write_all(fd.get(), bytes) || ::fsync(fd.get()) != 0) {
    error = error_of(temporary.string(), errno);
  } else if (::link(temporary.c_str(), file.c_str()) != 0 && errno != EEXIST) {
    error = error_of(file.string(), errno);
  }
  ::unlink(temporary.c_str());
  const Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!error && ::fsync(folder.get()) != 0) error = error_of(file.parent_path().string(), errno);
  return error;
}

}  // namespace

Status<ControlError> make_data_folder(const fs::path& data) {
  std::error_code error;
  fs::create_directories(data, error);
  if (error) return fail(error_of(data.string(), error.value()));
  const fs::path state = data / ".turnpike";
  if (::mkdir(state.c_str(), 0700) != 0 && errno != EEXIST) return fail(error_of(state.string(), errno));
  return Ok{};
}

Result<DataFolderLock, ControlError> DataFolderLock::take(const fs::path& data) {
  if (const auto made = make_data_folder(data); !made) return fail(made.error());
  const fs::path file = data / ".turnpike" / "lock";
  Descriptor fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) return fail(error_of(file.string(), errno));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(error_of(file.string(), errno));
    return fail(ControlError{ControlFault::kInUse, data.string() + " is in use by process " + read_all(fd.get(), 20) +
                                                       "; stop that one, or give this one another --data folder"});
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd.get(), 0) != 0 || !write_all(fd.get(), bytes_of(pid))) return fail(error_of(file.string(), errno));
  return DataFolderLock(fd.release());
}

DataFolderLock::DataFolderLock(DataFolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DataFolderLock& DataFolderLock::operator=(DataFolderLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

DataFolderLock::~DataFolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<crypto::SigningKey, ControlError> load_identity(const fs::path& data, Random& random) {
  if (const auto made = make_data_folder(data); !made) return fail(made.error());
  const fs::path file = identity_key_path(data);
  if (::access(file.c_str(), F_OK) != 0) {
    const auto error = put_new_file(file, identity::encode_key_file(crypto::SigningKey::generate(random)));
    if (error) return fail(*error);
  }
  return read_identity(file);
}

}  // namespace turnpike::io
