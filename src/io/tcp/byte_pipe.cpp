#include "io/tcp/byte_pipe.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/tcp/buffer_pool.h"

namespace turnpike::io {

std::string_view to_string(IoError error) {
  switch (error) {
    case IoError::kClosed:
      return "connection closed";
    case IoError::kTimeout:
      return "timed out";
    case IoError::kRefused:
      return "connection refused";
    case IoError::kUnreachable:
      return "unreachable";
    case IoError::kTls:
      return "TLS failed";
    case IoError::kProtocol:
      return "protocol error";
    case IoError::kLimit:
      return "limit exceeded";
    case IoError::kCancelled:
      return "cancelled";
    case IoError::kOther:
      break;
  }
  return "connection failed";
}

asio::awaitable<Status<IoError>> BytePipe::write_both(ByteView head, ByteView body) {
  const auto wrote = co_await write(head);
  if (!wrote || body.empty()) co_return wrote;
  co_return co_await write(body);
}

asio::awaitable<Status<IoError>> BytePipe::write_ahead(ByteView bytes) {
  const ByteView all = bytes;
  co_return co_await write(all);
}

asio::awaitable<Result<std::uint64_t, IoError>> BytePipe::write_some_file(int fd, std::uint64_t offset,
                                                                          std::uint64_t length) {
  PooledBuffer buffer = PooledBuffer::take();
  const auto want = std::min<std::uint64_t>(length, buffer.span().size());
  ssize_t got = -1;
  do {
    got = ::pread(fd, buffer.span().data(), want, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) co_return fail(IoError::kOther);
  const auto size = static_cast<std::size_t>(got);
  const auto wrote = co_await write(buffer.span().first(size));
  if (!wrote) co_return fail(wrote.error());
  co_return std::uint64_t{size};
}

asio::awaitable<Status<IoError>> BytePipe::write_file(int fd, std::uint64_t offset, std::uint64_t length) {
  std::uint64_t done = 0;
  while (done < length) {
    const auto wrote = co_await write_some_file(fd, offset + done, length - done);
    if (!wrote) co_return fail(wrote.error());
    done += *wrote;
  }
  co_return Ok{};
}

asio::awaitable<Status<IoError>> BytePipe::wait_readable() {
  const Status<IoError> ready = Ok{};
  co_return ready;
}

asio::awaitable<void> BytePipe::finish() {
  BytePipe& self = *this;
  self.close();
  co_return;
}

}  // namespace turnpike::io
