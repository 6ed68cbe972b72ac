// One end of HTTP and WebSocket for other people's clients and servers to talk to.
//   net_peer serve FILE STATE    prints `http PORT`, `https PORT`, `pin PIN`; serves FILE as /file, POST /echo, and
//   echoes
//                                on /ws (messages of at most 1 MiB) and /pipe (a stream), until its input ends
//   net_peer echo URL            a WebSocket client: messages of many sizes must come back from URL as they went
//   net_peer expect-1009 URL     its peer sends more than our limit; exit 0 if we then left with 1009
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <string_view>

#include "io/http/range.h"
#include "io/http/server.h"
#include "io/loop/run.h"
#include "io/websocket/websocket.h"

using namespace turnpike;
using namespace turnpike::io;

namespace {

constexpr std::size_t kLimit = std::size_t{1} << 20U;

struct Served {
  int fd = -1;
  std::uint64_t size = 0;
  std::string etag;
};

asio::awaitable<http::Response> serve_file(const Served& file, http::Request request) {
  const auto& headers = request.headers;
  const auto selection = http::select({headers.find("Range"), headers.find("If-Range"), headers.find("If-None-Match"),
                                       request.method == http::Method::kGet},
                                      file.size, file.etag);
  http::Response response{selection.status, {{"ETag", file.etag}, {"Accept-Ranges", "bytes"}}, {}};
  if (!selection.content_range.empty()) response.headers.add("Content-Range", selection.content_range);
  if (selection.length > 0) response.body = http::FileBody{nullptr, file.fd, selection.offset, selection.length};
  co_return response;
}

asio::awaitable<http::Response> echo_body(http::Request request) {
  http::Response response;
  response.body = std::move(request.body);
  co_return response;
}

asio::awaitable<void> echo_messages(std::unique_ptr<WebSocket> socket) {
  bool alive = true;
  while (alive) {
    const auto message = co_await socket->read_message();
    if (!message) break;
    const auto wrote = co_await socket->write(*message);
    alive = static_cast<bool>(wrote);
  }
}

asio::awaitable<void> echo_stream(std::unique_ptr<WebSocket> socket) {
  const auto pipe = as_pipe(std::move(socket));
  Bytes buffer(std::size_t{128} << 10U);
  bool alive = true;
  while (alive) {
    const auto got = co_await pipe->read_some(buffer);
    if (!got) break;
    const auto wrote = co_await pipe->write(ByteView(buffer).first(*got));
    alive = static_cast<bool>(wrote);
  }
}

asio::awaitable<http::Response> accept(http::Request request, WebSocketHandler handler) {
  WebSocketLimits limits;
  limits.max_message = kLimit;
  http::Headers extra{{"Turnpike-Quote", "bytes=1"}};
  co_return accept_websocket(request, std::move(extra), limits, std::move(handler));
}

asio::awaitable<void> input_ends(asio::posix::stream_descriptor& input) {
  char ignored = 0;
  boost::system::error_code ended;
  while (!ended) {
    const auto [failed, size] =
        co_await input.async_read_some(asio::buffer(&ignored, 1), asio::as_tuple(asio::use_awaitable));
    ended = failed;
  }
}

int serve(const char* path, const char* state) {
  asio::io_context loop(1);
  Served file{::open(path, O_RDONLY | O_CLOEXEC), 0, {}};
  struct stat info{};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) return 2;
  file.size = static_cast<std::uint64_t>(info.st_size);
  file.etag = http::make_etag(file.size, "aa");

  http::Server server(loop.get_executor(), {});
  server.route(http::Method::kGet, "/file",
               [&file](http::Request request) { return serve_file(file, std::move(request)); });
  server.route(http::Method::kPost, "/echo", echo_body, {.max_body = kLimit});
  server.route(http::Method::kGet, "/ws",
               [](http::Request request) { return accept(std::move(request), echo_messages); });
  server.route(http::Method::kGet, "/pipe",
               [](http::Request request) { return accept(std::move(request), echo_stream); });
  auto plain = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
  auto secure = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
  auto context = TlsServerContext::self_signed(state);
  if (!plain || !secure || !context) return 2;
  std::printf("http %u\nhttps %u\npin %s\n", (*plain)->local().port, (*secure)->local().port, context->pin().c_str());
  std::fflush(stdout);
  server.listen(std::move(*plain));
  server.listen_tls(std::move(*secure), *context);
  asio::posix::stream_descriptor input(loop, ::dup(STDIN_FILENO));
  run(loop, input_ends(input));
  run(loop, server.stop(std::chrono::seconds(1)));
  return 0;
}

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return out;
}

/// True if every message came back.
asio::awaitable<bool> echo_all(WebSocket& socket) {
  bool equal = true;
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 700000U, 1U << 20U}) {
    const Bytes message = pattern(size);
    const auto sent = socket.send(message);
    const auto got = co_await socket.read_message();
    equal = equal && sent && got && *got == message;
    if (!equal) std::fprintf(stderr, "%zu bytes did not come back\n", size);
  }
  co_await socket.finish(CloseCode::kNormal, "done");
  co_return equal&& socket.peer_close_code() == 1000;
}

asio::awaitable<bool> leave_at_limit(WebSocket& socket) {
  const auto message = co_await socket.read_message();
  const bool refused = !message && message.error() == IoError::kLimit;
  // The peer hears the reason before the connection ends; it tells the test what it heard.
  const auto end = co_await socket.read_message();
  co_return refused && !end;
}

int client(std::string_view mode, const char* text) {
  asio::io_context loop(1);
  const auto url = Url::parse(text);
  if (!url) return 2;
  WebSocketLimits limits;
  limits.max_message = kLimit;
  auto connected = run(loop, connect_websocket(*url, std::nullopt, {}, limits));
  if (!connected) {
    std::fprintf(stderr, "no WebSocket: %s\n", std::string(to_string(connected.error().error)).c_str());
    return 1;
  }
  WebSocket& socket = *connected->socket;
  const bool passed = mode == "echo" ? run(loop, echo_all(socket)) : run(loop, leave_at_limit(socket));
  connected->socket.reset();
  loop.restart();
  loop.run();  // the close frame is still on its way
  return passed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "serve" && argc == 4) return serve(argv[2], argv[3]);
  if ((mode == "echo" || mode == "expect-1009") && argc == 3) return client(mode, argv[2]);
  std::fprintf(stderr, "usage: net_peer serve FILE STATE | echo URL | expect-1009 URL\n");
  return 2;
}
