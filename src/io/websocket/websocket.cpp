#include "io/websocket/websocket.h"

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "crypto/random.h"
#include "io/websocket/connection.h"
#include "io/websocket/frame.h"

namespace turnpike::io {

class WebSocketConnection final : public WebSocket {
 public:
  WebSocketConnection(std::unique_ptr<BytePipe> lower, WebSocketRole role, WebSocketLimits limits,
                      const asio::any_io_executor& loop)
      : core_(std::make_shared<WebSocketCore>(std::move(lower), role, limits, loop)) {
    core_->start();
  }
  WebSocketConnection(const WebSocketConnection&) = delete;
  WebSocketConnection& operator=(const WebSocketConnection&) = delete;
  ~WebSocketConnection() override { core_->close(); }

  asio::awaitable<Result<Bytes, IoError>> read_message() override { return core_->read_message(); }
  Status<IoError> send(Bytes message) override { return core_->enqueue(std::move(message)); }
  asio::awaitable<Status<IoError>> write(ByteView message) override { return core_->transmit({}, message); }
  asio::awaitable<void> finish(CloseCode code, std::string reason) override {
    return core_->finish(code, std::move(reason));
  }
  void close() override { core_->close(); }
  std::uint16_t peer_close_code() const override { return core_->peer_close_code(); }
  std::size_t queued() const override { return core_->queued(); }
  Endpoint remote() const override { return core_->remote(); }

  [[nodiscard]] WebSocketCore& core() { return *core_; }

 private:
  std::shared_ptr<WebSocketCore> core_;
};

namespace {

class WebSocketPipe final : public BytePipe {
 public:
  explicit WebSocketPipe(std::unique_ptr<WebSocket> socket)
      // A WebSocket can only be made by WebSocketConnection: its constructor is private to it.
      : socket_(std::move(socket)), core_(static_cast<WebSocketConnection&>(*socket_).core()) {}

  asio::awaitable<Result<std::size_t, IoError>> read_some(std::span<std::uint8_t> into) override {
    return core_.read_stream(into);
  }
  asio::awaitable<Status<IoError>> write(ByteView bytes) override { return core_.transmit({}, bytes); }
  asio::awaitable<Status<IoError>> write_both(ByteView head, ByteView body) override {
    return core_.transmit(head, body);
  }
  asio::awaitable<Status<IoError>> wait_readable() override { return core_.wait_payload(); }
  asio::awaitable<void> finish() override { return core_.finish(CloseCode::kNormal, {}); }
  void close() override { core_.close(); }
  Endpoint remote() const override { return core_.remote(); }

 private:
  std::unique_ptr<WebSocket> socket_;
  WebSocketCore& core_;
};

asio::awaitable<void> run_handler(std::unique_ptr<BytePipe> pipe, WebSocketLimits limits, WebSocketHandler handler) {
  const auto loop = co_await asio::this_coro::executor;
  auto socket = std::make_unique<WebSocketConnection>(std::move(pipe), WebSocketRole::kServer, limits, loop);
  co_await handler(std::move(socket));
}

/// What is wrong with the request as a handshake (RFC 6455 §4.2.1), as the answer to it.
std::optional<http::Response> refuse_handshake(const http::Request& request) {
  const auto& headers = request.headers;
  const bool asks = request.method == http::Method::kGet && headers.has_token("Upgrade", "websocket") &&
                    headers.has_token("Connection", "upgrade");
  const bool knows_us = headers.find("Sec-WebSocket-Version") == "13";
  if (!asks || !knows_us) {
    auto response = http::Response::text(426, "This is a WebSocket: RFC 6455, version 13.\n");
    response.headers.add("Upgrade", "websocket");
    response.headers.add("Sec-WebSocket-Version", "13");
    return response;
  }
  if (!is_valid_key(headers.find("Sec-WebSocket-Key").value_or(""))) {
    return http::Response::text(400, "Sec-WebSocket-Key must be 16 bytes in base64.\n");
  }
  return std::nullopt;
}

bool is_accepted(const http::ResponseHead& head, std::string_view key) {
  const auto& headers = head.headers;
  return headers.has_token("Upgrade", "websocket") && headers.has_token("Connection", "upgrade") &&
         headers.find("Sec-WebSocket-Accept") == accept_of(key) && !headers.find("Sec-WebSocket-Extensions") &&
         !headers.find("Sec-WebSocket-Protocol");
}

/// One line of printable ASCII: what a server says may end up on a terminal or in a log.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, text.find_last_not_of(" \r\n") + 1));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

asio::awaitable<WebSocketRefusal> refusal_of(http::Client& client, http::ResponseHead head) {
  constexpr std::size_t kMaxText = 1024;
  constexpr std::size_t kMaxBody = std::size_t{64} << 10U;
  WebSocketRefusal out{IoError::kRefused, head.status, {}, 0};
  const auto body = co_await client.read_all(kMaxBody);
  if (body) out.text = printable(text_of(ByteView(*body).first(std::min(body->size(), kMaxText))));
  const auto retry = head.headers.find("Retry-After").value_or("");
  std::from_chars(retry.data(), retry.data() + retry.size(), out.retry_after);
  co_return out;
}

http::ClientLimits patience(Duration timeout) {
  http::ClientLimits limits;
  limits.connect_time = timeout;
  limits.head_time = timeout;
  limits.stall_time = timeout;
  return limits;
}

asio::awaitable<Result<ConnectedWebSocket, WebSocketRefusal>> upgrade(http::Client& client, Url url,
                                                                      http::Headers extra, WebSocketLimits limits) {
  const auto loop = co_await asio::this_coro::executor;
  std::array<std::uint8_t, 16> nonce{};
  crypto::SecureRandom random;
  random.fill(nonce);
  const std::string key = make_key(nonce);
  http::ClientRequest request{http::Method::kGet, url.target, std::move(extra), {}};
  request.headers.add("Upgrade", "websocket");
  request.headers.add("Connection", "Upgrade");
  request.headers.add("Sec-WebSocket-Version", "13");
  request.headers.add("Sec-WebSocket-Key", key);
  auto head = co_await client.request(std::move(request));
  if (!head) co_return fail(WebSocketRefusal{head.error(), 0, {}, 0});
  if (head->status != 101) {
    auto refusal = co_await refusal_of(client, std::move(*head));
    co_return fail(std::move(refusal));
  }
  if (!is_accepted(*head, key)) co_return fail(WebSocketRefusal{IoError::kProtocol, 101, {}, 0});
  auto socket = std::make_unique<WebSocketConnection>(client.take_pipe(), WebSocketRole::kClient, limits, loop);
  co_return ConnectedWebSocket{std::move(socket), std::move(head->headers)};
}

}  // namespace

std::unique_ptr<BytePipe> as_pipe(std::unique_ptr<WebSocket> socket) {
  return std::make_unique<WebSocketPipe>(std::move(socket));
}

http::Response accept_websocket(const http::Request& request, http::Headers extra, WebSocketLimits limits,
                                WebSocketHandler handler) {
  if (auto refused = refuse_handshake(request)) return std::move(*refused);
  http::Response response{101, std::move(extra), {}};
  response.headers.add("Upgrade", "websocket");
  response.headers.add("Connection", "Upgrade");
  response.headers.add("Sec-WebSocket-Accept", accept_of(*request.headers.find("Sec-WebSocket-Key")));
  response.body = http::Upgrade{[limits, handler = std::move(handler)](std::unique_ptr<BytePipe> pipe) {
    return run_handler(std::move(pipe), limits, handler);
  }};
  return response;
}

asio::awaitable<Result<ConnectedWebSocket, WebSocketRefusal>> connect_websocket(
    Url url, std::optional<TlsClientContext> tls, http::Headers extra, WebSocketLimits limits, Duration timeout) {
  auto client = co_await http::Client::connect(url, std::move(tls), patience(timeout));
  if (!client) co_return fail(WebSocketRefusal{client.error(), 0, {}, 0});
  co_return co_await upgrade(**client, std::move(url), std::move(extra), limits);
}

asio::awaitable<Result<ConnectedWebSocket, WebSocketRefusal>> open_websocket(std::unique_ptr<BytePipe> pipe, Url url,
                                                                             http::Headers extra,
                                                                             WebSocketLimits limits, Duration timeout) {
  http::Client client(std::move(pipe), url.authority(), patience(timeout));
  co_return co_await upgrade(client, std::move(url), std::move(extra), limits);
}

}  // namespace turnpike::io
