#include "io/websocket/websocket.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <filesystem>

#include "io/http/server.h"
#include "io/loop/event.h"
#include "io/loop/run.h"
#include "io/websocket/frame.h"

namespace turnpike::io {
namespace {

using namespace std::chrono_literals;
using Message = Result<Bytes, IoError>;

/// A server that keeps each socket it is given for the test to use.
struct World {
  asio::io_context loop;
  http::Server server{loop.get_executor(), {}};
  WebSocketLimits limits;
  Endpoint at;
  Event arrived{loop.get_executor()};
  Event leave{loop.get_executor()};
  std::unique_ptr<WebSocket> far;

  explicit World(WebSocketLimits given = {}) : limits(given) {
    server.route(http::Method::kGet, "/ws", [this](http::Request request) { return accept(std::move(request)); });
    server.route(http::Method::kGet, "/no", refuse);
    auto listener = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    at = (*listener)->local();
    server.listen(std::move(*listener));
  }

  asio::awaitable<http::Response> accept(http::Request request) {
    const http::Headers extra{{"Turnpike-Quote", "bytes=5"}};
    co_return accept_websocket(request, extra, limits,
                               [this](std::unique_ptr<WebSocket> socket) { return keep(std::move(socket)); });
  }
  asio::awaitable<void> keep(std::unique_ptr<WebSocket> socket) {
    far = std::move(socket);
    arrived.set();
    co_await leave.wait();
  }
  static asio::awaitable<http::Response> refuse(http::Request request) {
    auto response = http::Response::text(503, "busy " + request.target);
    response.headers.add("Retry-After", "7");
    co_return response;
  }
  /// A text that would clear a terminal, and begin a line of a log.
  static asio::awaitable<http::Response> say_rudely(http::Request request) {
    const std::string text = "no\x1b[2J\nwarning: all is well \r\n";
    (void)request;
    co_return http::Response::text(403, text);
  }

  std::unique_ptr<WebSocket> connect(WebSocketLimits ours = {}) {
    const auto url = Url::parse("ws://" + at.to_string() + "/ws");
    auto connected = run(loop, connect_websocket(*url, std::nullopt, {}, ours));
    EXPECT_EQ(connected->headers.find("turnpike-quote"), "bytes=5");
    run(loop, arrived.wait());
    return std::move(connected->socket);
  }
  /// A connection after its handshake, for frames that our own client would not send.
  std::unique_ptr<BytePipe> raw() {
    auto client = run(loop, http::Client::connect(at));
    const auto head = run(loop, (*client)->request({http::Method::kGet,
                                                    "/ws",
                                                    {{"Upgrade", "websocket"},
                                                     {"Connection", "keep-alive, Upgrade"},
                                                     {"Sec-WebSocket-Version", "13"},
                                                     {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}},
                                                    {}}));
    EXPECT_EQ(head->headers.find("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    run(loop, arrived.wait());
    return (*client)->take_pipe();
  }
};

asio::awaitable<Result<Bytes, IoError>> read_to_end(BytePipe& pipe) {
  Bytes all;
  Bytes buffer(4096);
  for (;;) {
    const auto got = co_await pipe.read_some(buffer);
    if (!got) co_return all;
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

asio::awaitable<void> count_messages(WebSocket& socket, std::vector<std::size_t>& sizes, std::optional<IoError>& end) {
  for (;;) {
    const auto message = co_await socket.read_message();
    if (!message) {
      end = message.error();
      co_return;
    }
    sizes.push_back(message->size());
  }
}

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 17 + i / 253);
  return out;
}

/// A client's frame, masked with zeros.
Bytes frame(Opcode opcode, ByteView payload, bool is_final = true) {
  Bytes out = copy_of(encode_head({is_final, opcode, Mask{}, payload.size()}).view());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

/// The close code with which the server answers these bytes; 0 for none.
std::uint16_t close_code_for(World& world, const Bytes& bytes, IoError expected) {
  const auto pipe = world.raw();
  EXPECT_TRUE(run(world.loop, pipe->write(bytes)));
  const auto message = run(world.loop, world.far->read_message());
  EXPECT_FALSE(message);
  if (!message) EXPECT_EQ(message.error(), expected);
  const auto answer = run(world.loop, read_to_end(*pipe));
  const auto head = parse_head(*answer);
  if (!head || !*head || (*head)->head.opcode != Opcode::kClose) return 0;
  return parse_close(ByteView(*answer).subspan((*head)->size)).value_or(0);
}

TEST(WebSocket, CarriesMessagesBothWays) {
  World world;
  const auto near = world.connect();
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 300000U, 2U << 20U}) {
    ASSERT_TRUE(near->send(pattern(size)));
    const auto there = run(world.loop, world.far->read_message());
    ASSERT_TRUE(there) << size;
    EXPECT_EQ(*there, pattern(size));
    ASSERT_TRUE(world.far->send(pattern(size)));
    const auto back = run(world.loop, near->read_message());
    ASSERT_TRUE(back) << size;
    EXPECT_EQ(*back, pattern(size));
  }
}

TEST(WebSocket, PutsPartsTogether) {
  World world;
  const auto pipe = world.raw();
  Bytes bytes = frame(Opcode::kText, bytes_of("ab"), false);
  for (const Bytes& more : {frame(Opcode::kPing, bytes_of("?")), frame(Opcode::kContinuation, {}, false),
                            frame(Opcode::kContinuation, bytes_of("cd")), frame(Opcode::kBinary, bytes_of("next"))}) {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  for (const std::uint8_t byte : bytes) ASSERT_TRUE(run(world.loop, pipe->write(ByteView(&byte, 1))));
  EXPECT_EQ(text_of(*run(world.loop, world.far->read_message())), "abcd");
  EXPECT_EQ(text_of(*run(world.loop, world.far->read_message())), "next");
  Bytes pong(10);
  const auto got = run(world.loop, pipe->read_some(pong));
  EXPECT_EQ(ByteView(pong).first(*got)[0], 0x8a);
  EXPECT_EQ(pong[2], '?');
}

TEST(WebSocket, AnswersAMessageOverTheLimitWith1009) {
  World world({.max_message = 1000});
  const auto most = frame(Opcode::kBinary, pattern(1000));
  const auto pipe = world.raw();
  ASSERT_TRUE(run(world.loop, pipe->write(most)));
  EXPECT_TRUE(run(world.loop, world.far->read_message()));
  EXPECT_EQ(close_code_for(world, frame(Opcode::kBinary, pattern(1001)), IoError::kLimit), 1009);
  Bytes parts = frame(Opcode::kBinary, pattern(600), false);
  const Bytes rest = frame(Opcode::kContinuation, pattern(401));
  parts.insert(parts.end(), rest.begin(), rest.end());
  EXPECT_EQ(close_code_for(world, parts, IoError::kLimit), 1009);
  // A length announced but never sent costs nothing and is refused at once.
  EXPECT_EQ(
      close_code_for(world, copy_of(encode_head({true, Opcode::kBinary, Mask{}, 1ULL << 62U}).view()), IoError::kLimit),
      1009);
}

TEST(WebSocket, TellsThePeerThatItsMessageIsTooBig) {
  World world({.max_message = 1000});
  const auto near = world.connect();
  ASSERT_TRUE(near->send(pattern(3 << 20)));
  std::vector<std::size_t> sizes;
  std::optional<IoError> end;
  asio::co_spawn(world.loop, count_messages(*world.far, sizes, end), asio::detached);
  const auto told = run(world.loop, near->read_message());
  EXPECT_EQ(told.error(), IoError::kClosed);
  EXPECT_EQ(near->peer_close_code(), 1009);
}

TEST(WebSocket, AnswersBrokenFramesWith1002) {
  World world;
  const auto code = [&](Bytes bytes) { return close_code_for(world, bytes, IoError::kProtocol); };
  EXPECT_EQ(code({0x82, 0x01, 'x'}), 1002);                              // not masked
  EXPECT_EQ(code({0xc2, 0x80, 0, 0, 0, 0}), 1002);                       // compressed, which we never agreed to
  EXPECT_EQ(code(frame(Opcode::kContinuation, bytes_of("x"))), 1002);    // of nothing
  EXPECT_EQ(code(frame(Opcode::kClose, bytes_of("x"))), 1002);           // half a code
  EXPECT_EQ(code(frame(Opcode::kClose, encode_close(1005, ""))), 1002);  // a code never sent
  Bytes interleaved = frame(Opcode::kText, bytes_of("a"), false);
  const Bytes other = frame(Opcode::kBinary, bytes_of("b"));
  interleaved.insert(interleaved.end(), other.begin(), other.end());
  EXPECT_EQ(code(interleaved), 1002);
}

TEST(WebSocket, ClosesInOrder) {
  World world;
  const auto near = world.connect();
  ASSERT_TRUE(near->send(copy_of(bytes_of("last words"))));
  std::vector<std::size_t> sizes;
  std::optional<IoError> end;
  asio::co_spawn(world.loop, count_messages(*world.far, sizes, end), asio::detached);
  run(world.loop, near->finish(CloseCode::kGoingAway, "bye"));
  while (!end) world.loop.run_one();
  EXPECT_EQ(end, IoError::kClosed);
  EXPECT_EQ(sizes, std::vector<std::size_t>{10});
  EXPECT_EQ(world.far->peer_close_code(), 1001);
  EXPECT_EQ(near->peer_close_code(), 1001);
  EXPECT_EQ(near->send({}).error(), IoError::kClosed);
  EXPECT_EQ(run(world.loop, world.far->write(bytes_of("x"))).error(), IoError::kClosed);
}

TEST(WebSocket, EndsWithItsConnection) {
  World world;
  const auto near = world.connect();
  near->close();
  EXPECT_EQ(run(world.loop, world.far->read_message()).error(), IoError::kClosed);
  EXPECT_EQ(world.far->peer_close_code(), 1006);
  EXPECT_EQ(run(world.loop, near->read_message()).error(), IoError::kClosed);
}

TEST(WebSocket, MayBeDroppedWhileSomebodyReads) {
  World world;
  auto near = world.connect();
  std::optional<Message> got;
  asio::co_spawn(world.loop, detail::keep_value(near->read_message(), got), asio::detached);
  world.loop.poll();
  near.reset();
  while (!got) world.loop.run_one();
  EXPECT_EQ(got->error(), IoError::kClosed);
}

TEST(WebSocket, GivesUpAPeerThatIsHalfOpen) {
  World world({.ping_after = 10ms, .dead_after = 40ms});
  const auto silent = world.raw();  // says nothing, not even a pong
  EXPECT_EQ(run(world.loop, world.far->read_message()).error(), IoError::kTimeout);
  Bytes ping(6);
  const auto got = run(world.loop, silent->read_some(ping));
  ASSERT_TRUE(got);
  EXPECT_EQ(ping[0], 0x89);
}

TEST(WebSocket, KeepsAPeerThatAnswersPings) {
  World world({.ping_after = 10ms, .dead_after = 40ms});
  const auto near = world.connect();  // asks nothing itself for 20 s
  std::vector<std::size_t> sizes;
  std::optional<IoError> end;
  asio::co_spawn(world.loop, count_messages(*near, sizes, end), asio::detached);
  std::optional<Message> got;
  asio::co_spawn(world.loop, detail::keep_value(world.far->read_message(), got), asio::detached);
  const auto until = std::chrono::steady_clock::now() + 120ms;
  while (std::chrono::steady_clock::now() < until) world.loop.run_one_until(until);
  EXPECT_FALSE(got);
  EXPECT_FALSE(end);
  ASSERT_TRUE(near->send({1}));
  while (!got) world.loop.run_one();
  EXPECT_TRUE(*got);
}

TEST(WebSocket, BoundsWhatItKeepsForASlowReader) {
  World world({.max_queued = 1 << 20});
  const auto pipe = world.raw();  // reads nothing
  std::size_t taken = 0;
  Status<IoError> last = Ok{};
  while (taken < 1000) {
    last = world.far->send(pattern(100 << 10));
    if (!last) break;
    ++taken;
    world.loop.restart();
    world.loop.poll();
    ASSERT_LE(world.far->queued(), std::size_t{1} << 20U);
  }
  EXPECT_EQ(last.error(), IoError::kLimit);
  EXPECT_LT(taken, 1000U);  // the kernel's buffers and ours are full long before
}

TEST(WebSocket, TakesOneMessageHoweverLargeIntoAnEmptyQueue) {
  World world({.max_queued = 10});
  const auto near = world.connect();
  EXPECT_TRUE(world.far->send(pattern(1000)));
  EXPECT_EQ(world.far->send(pattern(1)).error(), IoError::kLimit);
  EXPECT_EQ(run(world.loop, near->read_message())->size(), 1000U);
}

TEST(WebSocket, IsRefusedWithAReason) {
  World world;
  const auto url = Url::parse("ws://" + world.at.to_string() + "/no");
  const auto refused = run(world.loop, connect_websocket(*url, std::nullopt, {}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 503U);
  EXPECT_EQ(refused.error().retry_after, 7U);
  EXPECT_EQ(refused.error().text, "busy /no");
}

TEST(WebSocket, MakesOnePrintableLineOfARefusal) {
  World world;
  world.server.route(http::Method::kGet, "/rude", World::say_rudely);
  const auto url = Url::parse("ws://" + world.at.to_string() + "/rude");
  const auto refused = run(world.loop, connect_websocket(*url, std::nullopt, {}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "no?[2J?warning: all is well");
}

TEST(WebSocket, RefusesRequestsThatAreNoHandshake) {
  World world;
  auto client = run(world.loop, http::Client::connect(world.at));
  const auto plain = run(world.loop, (*client)->request({http::Method::kGet, "/ws", {}, {}}));
  EXPECT_EQ(plain->status, 426U);
  EXPECT_EQ(plain->headers.find("sec-websocket-version"), "13");
  ASSERT_TRUE(run(world.loop, (*client)->read_all(1000)));
  const auto keyless = run(world.loop, (*client)->request({http::Method::kGet,
                                                           "/ws",
                                                           {{"Upgrade", "websocket"},
                                                            {"Connection", "Upgrade"},
                                                            {"Sec-WebSocket-Version", "13"},
                                                            {"Sec-WebSocket-Key", "short"}},
                                                           {}}));
  EXPECT_EQ(keyless->status, 400U);
}

TEST(WebSocket, RunsUnderTlsWithAPin) {
  World world;
  char name[] = "/tmp/websocket_test_XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(name);
  const auto context = TlsServerContext::self_signed(folder);
  auto listener = TcpListener::open(world.loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
  const auto url = Url::parse("wss://" + (*listener)->local().to_string() + "/ws");
  world.server.listen_tls(std::move(*listener), *context);
  auto near = run(world.loop, connect_websocket(*url, TlsClientContext::pinned({context->pin()}), {}, {}));
  ASSERT_TRUE(near);
  run(world.loop, world.arrived.wait());
  ASSERT_TRUE(near->socket->send(pattern(1 << 20)));
  EXPECT_EQ(*run(world.loop, world.far->read_message()), pattern(1 << 20));
  const auto stranger = run(world.loop, connect_websocket(*url, TlsClientContext::pinned({"AAAA"}), {}, {}));
  EXPECT_EQ(stranger.error().error, IoError::kTls);
  std::filesystem::remove_all(folder);
}

asio::awaitable<void> write_pieces(BytePipe& pipe, const Bytes& bytes, std::size_t piece) {
  for (ByteView rest = bytes; !rest.empty();) {
    const ByteView part = rest.first(std::min(piece, rest.size()));
    const auto wrote = co_await pipe.write(part);
    EXPECT_TRUE(wrote);
    rest = rest.subspan(part.size());
  }
  co_await pipe.finish();
}

TEST(WebSocketPipe, IsAStreamOfBytes) {
  World world({.max_message = 10});  // says nothing about a stream
  const auto near = as_pipe(world.connect());
  const auto far = as_pipe(std::move(world.far));
  const Bytes bytes = pattern(5 << 20);
  asio::co_spawn(world.loop, write_pieces(*near, bytes, 1000), asio::detached);
  const auto got = run(world.loop, read_to_end(*far));
  EXPECT_TRUE(*got == bytes);
}

TEST(WebSocketPipe, CarriesLargeFramesToAClientToo) {
  World world;
  const auto near = as_pipe(world.connect());
  const auto far = as_pipe(std::move(world.far));
  const Bytes bytes = pattern(5 << 20);
  asio::co_spawn(world.loop, write_pieces(*far, bytes, 700000), asio::detached);
  const auto got = run(world.loop, read_to_end(*near));
  EXPECT_TRUE(*got == bytes);
}

}  // namespace
}  // namespace turnpike::io
