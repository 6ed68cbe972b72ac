// WebSocket (RFC 6455) on either end: whole messages for control, a pipe of bytes for relays.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/time.h"
#include "io/http/client.h"
#include "io/http/message.h"
#include "io/tcp/byte_pipe.h"
#include "io/websocket/limits.h"

namespace turnpike::io {

/// No extension is ever agreed (no permessage-deflate) and no subprotocol. One reader at a time. Pings are answered and
/// liveness is watched without the owner's doing; a peer's silence counts only while we wait to read.
class WebSocket {
 public:
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;
  virtual ~WebSocket() = default;  ///< Abrupt, as `close`; in `finish` otherwise.

  /// One whole message, text or binary. kClosed at the peer's close frame, kTimeout for a dead peer, kLimit for a
  /// message over the limit, kProtocol for a broken frame; the connection is closed after each of these.
  [[nodiscard]] virtual asio::awaitable<Result<Bytes, IoError>> read_message() = 0;
  /// Queues one binary message and returns at once. kLimit when the queue is full (the message is not queued: the
  /// caller decides whether to drop it or the peer), kClosed when it is over.
  [[nodiscard]] virtual Status<IoError> send(Bytes message) = 0;
  /// One binary message, ending when the kernel has it: for bulk, with back-pressure. Not together with another
  /// `write`.
  [[nodiscard]] virtual asio::awaitable<Status<IoError>> write(ByteView message) = 0;

  /// Sends what is queued and a close frame, waits shortly for the peer's, and closes.
  [[nodiscard]] virtual asio::awaitable<void> finish(CloseCode code, std::string reason) = 0;
  virtual void close() = 0;

  /// The peer's close code, once it has closed; 1005 if it gave none, 0 before.
  [[nodiscard]] virtual std::uint16_t peer_close_code() const = 0;
  /// Bytes waiting in the queue of `send`.
  [[nodiscard]] virtual std::size_t queued() const = 0;
  [[nodiscard]] virtual Endpoint remote() const = 0;

 private:
  friend class WebSocketConnection;
  WebSocket() = default;
};

/// The bytes of all messages, as one stream: message borders mean nothing, and message size is not limited, as nothing
/// is collected. Each write is one binary message. Liveness goes on. `finish` closes with 1000.
[[nodiscard]] std::unique_ptr<BytePipe> as_pipe(std::unique_ptr<WebSocket> socket);

using WebSocketHandler = std::function<asio::awaitable<void>(std::unique_ptr<WebSocket>)>;

/// The answer to an upgrade request: 101 with `extra` headers, after which `handler` runs; 400 or 426 if the request is
/// no RFC 6455 handshake.
[[nodiscard]] http::Response accept_websocket(const http::Request& request, http::Headers extra, WebSocketLimits limits,
                                              WebSocketHandler handler);

/// A connected client, and what the server said with its 101.
struct ConnectedWebSocket {
  std::unique_ptr<WebSocket> socket;
  http::Headers headers;
};

/// Why a WebSocket could not be opened. `status` is the HTTP answer's, 0 if it never came to one; `retry_after` its
/// header in seconds, 0 if absent.
struct WebSocketRefusal {
  IoError error = IoError::kOther;
  unsigned status = 0;
  std::string text;  ///< The body of the refusal: one printable line, cut at 1 KiB.
  unsigned retry_after = 0;
};

/// `url` is ws:// or wss://; `tls` is needed for the latter.
[[nodiscard]] asio::awaitable<Result<ConnectedWebSocket, WebSocketRefusal>> connect_websocket(
    Url url, std::optional<TlsClientContext> tls, http::Headers extra, WebSocketLimits limits,
    Duration timeout = std::chrono::seconds(10));
/// The same over a pipe that somebody else has opened to `url`'s host, TLS included.
[[nodiscard]] asio::awaitable<Result<ConnectedWebSocket, WebSocketRefusal>> open_websocket(
    std::unique_ptr<BytePipe> pipe, Url url, http::Headers extra, WebSocketLimits limits,
    Duration timeout = std::chrono::seconds(10));

}  // namespace turnpike::io
