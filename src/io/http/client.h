// One keep-alive HTTP/1.1 connection as a client: a request, then the body in the caller's own buffers.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "io/http/message.h"
#include "io/tcp/tls.h"
#include "io/tcp/url.h"

namespace turnpike::io::http {

struct ClientLimits {
  std::size_t max_header = std::size_t{16} << 10U;
  Duration connect_time = std::chrono::seconds(10);  ///< Look-up, TCP and TLS together.
  Duration head_time = std::chrono::seconds(20);     ///< From the request's last byte to the answer's blank line.
  Duration stall_time = std::chrono::seconds(20);  ///< A server that sends no byte of the body for so long is given up.
};

struct ClientRequest {
  Method method = Method::kGet;
  std::string target = "/";
  Headers headers;  ///< Host and Content-Length are added.
  Bytes body;
};

struct ResponseHead {
  unsigned status = 0;
  Headers headers;
  std::optional<std::uint64_t> content_length;  ///< Unset for chunked bodies and those that end with the connection.
};

/// Requests go one after the other; no redirect is followed. A failed operation ends the connection.
class Client {
 public:
  /// To `url`'s host and port; its target is not used here. `tls` is needed for https and wss.
  [[nodiscard]] static asio::awaitable<Result<std::unique_ptr<Client>, IoError>> connect(
      Url url, std::optional<TlsClientContext> tls, ClientLimits limits = {});
  /// To a known address, plain.
  [[nodiscard]] static asio::awaitable<Result<std::unique_ptr<Client>, IoError>> connect(Endpoint to,
                                                                                         ClientLimits limits = {});
  /// Over a pipe that exists. `authority` is what the Host header says.
  Client(std::unique_ptr<BytePipe> pipe, std::string authority, ClientLimits limits);
  ~Client();

  /// Sends and reads up to the blank line. The body of the answer before must have been read to its end.
  [[nodiscard]] asio::awaitable<Result<ResponseHead, IoError>> request(ClientRequest request);
  /// The next bytes of the body; 0 at its end. Bytes come straight from the pipe into `into`: give it ≥ 128 KiB for
  /// bulk. A body shorter than its Content-Length is kProtocol.
  [[nodiscard]] asio::awaitable<Result<std::size_t, IoError>> read_body(std::span<std::uint8_t> into);
  /// The whole rest of the body; more than `limit` bytes is kLimit.
  [[nodiscard]] asio::awaitable<Result<Bytes, IoError>> read_all(std::size_t limit);

  /// May another request follow? Only after the body's end, and if neither side said otherwise.
  [[nodiscard]] bool is_reusable() const;
  /// After a 101: the pipe, with whatever the server already sent.
  [[nodiscard]] std::unique_ptr<BytePipe> take_pipe();
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace turnpike::io::http
