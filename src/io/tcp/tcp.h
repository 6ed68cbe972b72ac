// TCP: connecting with a deadline, listening, and the pipe over a socket.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "base/time.h"
#include "io/tcp/byte_pipe.h"

namespace turnpike::io {

/// How long `BytePipe::finish` waits for the peer to close its side.
inline constexpr Duration kFinishTime = std::chrono::seconds(2);

/// What a pipe with a short queue may have handed to the kernel that has not left yet: what is urgent waits no longer
/// than this takes.
inline constexpr int kShortQueue = 256 << 10;

/// The pipe over a connected socket. No Nagle delay, keep-alive probes on.
[[nodiscard]] std::unique_ptr<BytePipe> make_tcp_pipe(asio::ip::tcp::socket socket);

/// One attempt at one address. Racing several is the caller's business.
[[nodiscard]] asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> connect(Endpoint to, Duration timeout);

/// The same from a port on which we listen (TcpListener::open_shared), so that the far side, and the routers between,
/// see the address at which we can be reached. From any port where that one is in use towards `to`. The pipe has a
/// short queue (kShortQueue).
[[nodiscard]] asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> connect_from(std::uint16_t port, Endpoint to,
                                                                                       Duration timeout);

/// The addresses of a host, in the order of RFC 6724; an IP literal is its own address. No address is kUnreachable.
[[nodiscard]] asio::awaitable<Result<std::vector<IpAddress>, IoError>> resolve(std::string host, Duration timeout);

/// The first of the host's addresses that answers: a new one is tried every 250 ms (RFC 8305), while the others go on.
[[nodiscard]] asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> connect_host(std::string host,
                                                                                       std::uint16_t port,
                                                                                       Duration timeout);

/// A listening socket. The unspecified IPv6 address takes IPv4 too (dual stack), and such peers are shown as IPv4.
class TcpListener {
 public:
  /// Port 0 takes any free port: see `local`. A taken port is kRefused, one we may not have is kOther.
  [[nodiscard]] static Result<std::unique_ptr<TcpListener>, IoError> open(asio::any_io_executor loop, Endpoint at);
  /// One from whose port connect_from() may dial too. A port that somebody else listens on is kRefused all the same.
  /// The pipes it accepts have a short queue (kShortQueue).
  [[nodiscard]] static Result<std::unique_ptr<TcpListener>, IoError> open_shared(asio::any_io_executor loop,
                                                                                 Endpoint at);

  [[nodiscard]] Endpoint local() const;
  /// kClosed after `close`. Passing failures (too many open files) are waited out inside.
  [[nodiscard]] asio::awaitable<Result<std::unique_ptr<BytePipe>, IoError>> accept();
  void close();

 private:
  TcpListener(asio::ip::tcp::acceptor acceptor, bool is_shared)
      : acceptor_(std::move(acceptor)), is_shared_(is_shared) {}

  asio::ip::tcp::acceptor acceptor_;
  bool is_shared_;
};

}  // namespace turnpike::io
