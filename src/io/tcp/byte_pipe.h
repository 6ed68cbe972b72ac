// An ordered, reliable pipe of bytes, whatever carries it: TCP, TLS, a relayed WebSocket.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"

namespace turnpike::io {

namespace asio = boost::asio;

enum class IoError : std::uint8_t {
  kClosed,       ///< The peer ended the stream in order, or `close` was called here.
  kTimeout,      ///< A deadline passed.
  kRefused,      ///< Nobody listens there.
  kUnreachable,  ///< No route, or no address for the name.
  kTls,          ///< Handshake or record failed: wrong pin, untrusted certificate, damaged bytes.
  kProtocol,     ///< The peer broke the rules of HTTP or WebSocket.
  kLimit,        ///< The peer, or we, would exceed a named limit.
  kCancelled,    ///< The loop is stopping.
  kOther,        ///< The connection was reset, or the system is out of something.
};
[[nodiscard]] std::string_view to_string(IoError error);

/// One reader and one writer at a time; a read and a write may be in flight together. The pipe and the buffers outlive
/// every operation on them: `close` makes pending operations end soon with kClosed, it does not wait for them.
/// All on the loop's one thread.
class BytePipe {
 public:
  BytePipe() = default;
  BytePipe(const BytePipe&) = delete;
  BytePipe& operator=(const BytePipe&) = delete;
  virtual ~BytePipe() = default;

  /// At least one byte, at most `into.size()` (which is not 0). The end of the stream is kClosed. Large buffers
  /// (64–256 KiB) keep the cost per byte low.
  [[nodiscard]] virtual asio::awaitable<Result<std::size_t, IoError>> read_some(std::span<std::uint8_t> into) = 0;
  /// All of it; it ends when the bytes are with the kernel, so a slow peer slows the writer down.
  [[nodiscard]] virtual asio::awaitable<Status<IoError>> write(ByteView bytes) = 0;

  /// Both, as one write where the carrier can: a head and a body that do not stand together.
  [[nodiscard]] virtual asio::awaitable<Status<IoError>> write_both(ByteView head, ByteView body);
  /// As `write`, of bytes that others follow at once: the carrier may hold them back for these.
  [[nodiscard]] virtual asio::awaitable<Status<IoError>> write_ahead(ByteView bytes);
  /// As many bytes of the file from `offset` as the carrier takes at once, 1 at least and at most `length`, which is
  /// not 0: sendfile on TCP, bounded reads elsewhere. The file's end before that, or a read error, is kOther, and the
  /// pipe is no longer usable.
  [[nodiscard]] virtual asio::awaitable<Result<std::uint64_t, IoError>> write_some_file(int fd, std::uint64_t offset,
                                                                                        std::uint64_t length);
  /// The same until all `length` bytes are with the kernel.
  [[nodiscard]] asio::awaitable<Status<IoError>> write_file(int fd, std::uint64_t offset, std::uint64_t length);
  /// Ends when a read would give something (bytes, the end or an error), so that whoever waits for long need not hold a
  /// buffer meanwhile. A carrier that cannot tell ends at once.
  [[nodiscard]] virtual asio::awaitable<Status<IoError>> wait_readable();
  /// The polite end: says that no more will be sent, and gives the peer a short time (kFinishTime) to take what was
  /// written; then closes. A read under way ends with kClosed; no write may be under way.
  [[nodiscard]] virtual asio::awaitable<void> finish();

  /// The abrupt end. May be called at any time, more than once.
  virtual void close() = 0;
  /// The far end of the outermost carrier, as the socket knows it.
  [[nodiscard]] virtual Endpoint remote() const = 0;
};

}  // namespace turnpike::io
