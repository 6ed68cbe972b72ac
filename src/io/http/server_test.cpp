#include "io/http/server.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <filesystem>

#include "io/http/client.h"
#include "io/http/range.h"
#include "io/loop/event.h"
#include "io/loop/run.h"

namespace turnpike::io::http {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFileSize = (std::size_t{3} << 20U) + 17;

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 13 + i / 255);
  return out;
}

struct TestFile {
  Bytes bytes = pattern(kFileSize);
  int fd = -1;

  TestFile() {
    char name[] = "/tmp/server_test_XXXXXX";
    fd = ::mkstemp(name);
    ::unlink(name);
    EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  ~TestFile() { ::close(fd); }
};

asio::awaitable<Response> hello(Request request) {
  const std::string name = request.query("name").value_or("nobody");
  co_return Response::text(200, "hello " + name);
}

asio::awaitable<Response> echo(Request request) {
  Response response;
  response.body = std::move(request.body);
  co_return response;
}

asio::awaitable<Response> broken(Request request) {
  const std::string path(request.path());
  throw std::runtime_error(path);
  co_return Response();
}

asio::awaitable<Response> file(const TestFile& source, Request request) {
  const std::string etag = make_etag(kFileSize, "aa");
  const auto selection = select({request.headers.find("range"), request.headers.find("if-range"),
                                 request.headers.find("if-none-match"), request.method == Method::kGet},
                                kFileSize, etag);
  Response response{selection.status, {{"ETag", etag}}, {}};
  if (!selection.content_range.empty()) response.headers.add("Content-Range", selection.content_range);
  if (selection.length > 0) response.body = FileBody{nullptr, source.fd, selection.offset, selection.length};
  co_return response;
}

// Its owner sees, after the first bytes went out, that somebody writes to it.
asio::awaitable<Response> changed(const TestFile& source, Request request) {
  const std::string path(request.path());
  Response response;
  response.body = FileBody{nullptr, source.fd, 0, 100'000, [](std::uint64_t) { return false; }};
  co_return response;
}

/// Promises `promised` bytes, writes `written` of them, and says whether that was all.
struct Produced {
  std::uint64_t promised = 0;
  std::uint64_t written = 0;
  bool says_whole = true;
};

asio::awaitable<bool> produce(Produced what, BodyWriter& writer) {
  const Bytes block = pattern(300'000);
  for (std::uint64_t done = 0; done < what.written;) {
    const auto size = std::min<std::uint64_t>(block.size(), what.written - done);
    const auto wrote = co_await writer.write(ByteView(block).first(size));
    if (!wrote) co_return false;
    done += size;
  }
  co_return what.says_whole;
}

asio::awaitable<Response> stream(Produced what, Request request) {
  const std::string path(request.path());
  Response response;
  response.body = StreamBody{what.promised, [what](BodyWriter& writer) { return produce(what, writer); }};
  co_return response;
}

asio::awaitable<void> echo_once(std::unique_ptr<BytePipe> pipe) {
  Bytes buffer(100);
  const auto got = co_await pipe->read_some(buffer);
  const auto wrote = co_await pipe->write(ByteView(buffer).first(got ? *got : 0));
  EXPECT_TRUE(wrote);
  co_await pipe->finish();
}

asio::awaitable<Response> upgrade(Request request) {
  Response response{101, {{"Connection", "Upgrade"}, {"Upgrade", "echo"}}, Upgrade{echo_once}};
  if (!request.headers.has_token("Connection", "upgrade")) response = Response::text(426, "say upgrade");
  co_return response;
}

/// A handler that answers when the test says so.
struct Gate {
  explicit Gate(const asio::any_io_executor& loop) : entered(loop), open(loop) {}

  asio::awaitable<Response> handle(Request request) {
    const std::string path(request.path());
    entered.set();
    co_await open.wait();
    co_return Response::text(200, path);
  }

  Event entered;
  Event open;
};

struct World {
  asio::io_context loop;
  TestFile source;
  Gate gate{loop.get_executor()};
  std::optional<Server> server;
  Endpoint at;

  explicit World(ServerLimits limits = {}) {
    server.emplace(loop.get_executor(), limits);
    server->route(Method::kGet, "/hello", hello);
    server->route(Method::kPost, "/echo", echo, {.max_body = 1000});
    server->route(Method::kGet, "/broken", broken);
    server->route(Method::kGet, "/files/", [this](Request request) { return file(source, std::move(request)); });
    server->route(Method::kGet, "/files/hello", hello);
    server->route(Method::kGet, "/upgrade", upgrade);
    server->route(Method::kGet, "/gate", [this](Request request) { return gate.handle(std::move(request)); });
    auto listener = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    at = (*listener)->local();
    server->listen(std::move(*listener));
  }

  std::unique_ptr<Client> client() {
    auto connected = run(loop, Client::connect(at));
    return std::move(*connected);
  }
  std::unique_ptr<BytePipe> raw() {
    auto connected = run(loop, connect(at, 5s));
    return std::move(*connected);
  }
};

asio::awaitable<Result<Bytes, IoError>> read_to_end(BytePipe& pipe) {
  Bytes all;
  Bytes buffer(4096);
  for (;;) {
    const auto got = co_await pipe.read_some(buffer);
    if (!got && got.error() == IoError::kClosed) co_return all;
    if (!got) co_return fail(got.error());
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
  }
}

/// What the server says to these very bytes, until it closes.
std::string answer_to(World& world, std::string_view request) {
  const auto pipe = world.raw();
  EXPECT_TRUE(run(world.loop, pipe->write(bytes_of(request))));
  const auto got = run(world.loop, read_to_end(*pipe));
  return got ? std::string(text_of(*got)) : std::string(to_string(got.error()));
}

struct Answer {
  unsigned status = 0;
  Headers headers;
  Bytes body;
};

Answer ask(World& world, Client& client, ClientRequest request) {
  const auto head = run(world.loop, client.request(std::move(request)));
  if (!head) return {};
  auto body = run(world.loop, client.read_all(kFileSize));
  EXPECT_TRUE(body);
  return {head->status, head->headers, body ? *body : Bytes()};
}

Answer get(World& world, Client& client, std::string target, Headers headers = {}) {
  return ask(world, client, {Method::kGet, std::move(target), std::move(headers), {}});
}

TEST(HttpServer, AnswersManyRequestsOnOneConnection) {
  World world;
  const auto client = world.client();
  for (int i = 0; i < 3; ++i) {
    const auto answer = get(world, *client, "/hello?name=you%21");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(text_of(answer.body), "hello you!");
    EXPECT_TRUE(answer.headers.find("date"));
    EXPECT_TRUE(client->is_reusable());
  }
  EXPECT_EQ(world.server->counters().accepted, 1U);
  EXPECT_EQ(world.server->counters().requests, 3U);
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  World world;
  const auto text = answer_to(world,
                              "GET /hello?name=1 HTTP/1.1\r\nHost: a\r\n\r\n"
                              "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo"
                              "GET /hello?name=3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_LT(text.find("hello 1"), text.find("two"));
  EXPECT_LT(text.find("two"), text.find("hello 3"));
  EXPECT_NE(text.find("hello 3"), std::string::npos);
}

TEST(HttpServer, SendsFilesAndPartsOfThem) {
  World world;
  const auto client = world.client();
  const auto whole = get(world, *client, "/files/x");
  EXPECT_EQ(whole.status, 200U);
  EXPECT_EQ(whole.body, world.source.bytes);
  const auto part = get(world, *client, "/files/x", {{"Range", "bytes=1000000-1999999"}});
  EXPECT_EQ(part.status, 206U);
  EXPECT_EQ(part.headers.find("Content-Range"), "bytes 1000000-1999999/" + std::to_string(kFileSize));
  EXPECT_TRUE(std::equal(part.body.begin(), part.body.end(), world.source.bytes.begin() + 1000000));
  EXPECT_EQ(part.body.size(), 1000000U);
  EXPECT_EQ(get(world, *client, "/files/x", {{"Range", "bytes=99999999-"}}).status, 416U);
  EXPECT_EQ(get(world, *client, "/files/x", {{"If-None-Match", std::string(*whole.headers.find("etag"))}}).status,
            304U);
  EXPECT_EQ(get(world, *client, "/files/hello").body, copy_of(bytes_of("hello nobody")));
  EXPECT_EQ(world.server->counters().body_bytes, kFileSize + 1000000 + 12);
}

TEST(HttpServer, BreaksOffABodyWhoseFileIsNoLongerTheSame) {
  World world;
  world.server->route(Method::kGet, "/changed",
                      [&world](Request request) { return changed(world.source, std::move(request)); });
  const auto client = world.client();
  const auto head = run(world.loop, client->request({Method::kGet, "/changed", {}, {}}));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->content_length, 100'000U);
  const auto body = run(world.loop, client->read_all(kFileSize));
  EXPECT_FALSE(body) << "a body that is not whole looked whole";
}

TEST(HttpServer, SendsABodyThatIsMadeWhileItIsSent) {
  World world;
  const Produced whole{1'000'000, 1'000'000};
  world.server->route(Method::kGet, "/made", [whole](Request r) { return stream(whole, std::move(r)); });
  const auto client = world.client();
  for (int i = 0; i < 2; ++i) {
    const auto answer = get(world, *client, "/made");
    EXPECT_EQ(answer.headers.find("Content-Length"), "1000000");
    ASSERT_EQ(answer.body.size(), 1'000'000U);
    EXPECT_TRUE(std::equal(answer.body.begin() + 900'000, answer.body.end(), pattern(300'000).begin()));
    EXPECT_TRUE(client->is_reusable());
  }
  EXPECT_EQ(world.server->counters().body_bytes, 2'000'000U);
  const auto head = run(world.loop, client->request({Method::kHead, "/made", {}, {}}));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->headers.find("Content-Length"), "1000000");
  EXPECT_TRUE(run(world.loop, client->read_all(10))->empty());
}

TEST(HttpServer, BreaksOffAMadeBodyThatIsNotWhole) {
  World world;
  for (const Produced& what : {Produced{500'000, 499'999}, Produced{500'000, 500'000, false}, Produced{500'000, 0},
                               Produced{500'000, 600'001}}) {
    const std::string path = "/" + std::to_string(what.written) + (what.says_whole ? "" : "-broken");
    world.server->route(Method::kGet, path, [what](Request r) { return stream(what, std::move(r)); });
    const auto text = answer_to(world, "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto body = text.size() - (text.find("\r\n\r\n") + 4);
    EXPECT_LE(body, 500'000U);
    if (what.says_whole && what.written != what.promised) EXPECT_LT(body, 500'000U) << what.written;
    EXPECT_EQ(world.server->counters().open, 0U) << "the connection is gone";
  }
}

TEST(HttpServer, DropsWhoDoesNotTakeAMadeBody) {
  World world({.stall_time = 50ms});
  const Produced endless{std::uint64_t{1} << 30U, std::uint64_t{1} << 30U};
  world.server->route(Method::kGet, "/made", [endless](Request r) { return stream(endless, std::move(r)); });
  const auto pipe = world.raw();
  ASSERT_TRUE(run(world.loop, pipe->write(bytes_of("GET /made HTTP/1.1\r\nHost: a\r\n\r\n"))));
  world.loop.restart();
  while (world.server->counters().open > 0 || world.server->counters().accepted == 0) world.loop.run_one();
  EXPECT_LT(world.server->counters().body_bytes, std::uint64_t{64} << 20U);
}

TEST(HttpServer, AnswersHeadWithTheSizeAndNoBody) {
  World world;
  const auto client = world.client();
  const auto head = run(world.loop, client->request({Method::kHead, "/files/x", {}, {}}));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->headers.find("Content-Length"), std::to_string(kFileSize));
  EXPECT_TRUE(run(world.loop, client->read_all(10))->empty());
  EXPECT_EQ(get(world, *client, "/hello").status, 200U);  // nothing of a body was left over
}

TEST(HttpServer, SaysWhatItDoesNotServe) {
  World world;
  const auto client = world.client();
  EXPECT_EQ(get(world, *client, "/hello/more").status, 404U);
  EXPECT_EQ(get(world, *client, "/").status, 404U);
  const auto text =
      answer_to(world, "POST /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(text.starts_with("HTTP/1.1 405 ")) << text;
  EXPECT_NE(text.find("Allow: GET, HEAD\r\n"), std::string::npos);
}

TEST(HttpServer, SurvivesAHandlerThatThrows) {
  World world;
  const auto client = world.client();
  EXPECT_EQ(get(world, *client, "/broken").status, 500U);
  EXPECT_EQ(get(world, *client, "/hello").status, 200U);
}

TEST(HttpServer, RefusesABodyOverTheRoutesLimit) {
  World world;
  const auto client = world.client();
  const Bytes most = pattern(1000);
  EXPECT_EQ(ask(world, *client, {Method::kPost, "/echo", {}, most}).body, most);
  EXPECT_EQ(ask(world, *client, {Method::kPost, "/echo", {}, pattern(1001)}).status, 413U);
  std::string chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) chunked += "64\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_TRUE(answer_to(world, chunked + "0\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(answer_to(world, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
}

TEST(HttpServer, TakesAChunkedBodyAndAsksForIt) {
  World world;
  const auto text =
      answer_to(world,
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_TRUE(text.ends_with("\r\n\r\nabcde")) << text;
  const auto pipe = world.raw();
  const std::string_view head =
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
  ASSERT_TRUE(run(world.loop, pipe->write(bytes_of(head))));
  Bytes buffer(100);
  const auto told = run(world.loop, pipe->read_some(buffer));
  EXPECT_EQ(text_of(ByteView(buffer).first(*told)), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(run(world.loop, pipe->write(bytes_of("ok"))));
  EXPECT_TRUE(text_of(*run(world.loop, read_to_end(*pipe))).ends_with("\r\n\r\nok"));
}

TEST(HttpServer, RefusesAHeadOverTheLimit) {
  World world;
  const std::string line = "GET /hello HTTP/1.1\r\nHost: a\r\n";
  const std::size_t rest = ServerLimits().max_header - line.size() - std::string_view("X: \r\n\r\n").size();
  const auto most = answer_to(world, line + "X: " + std::string(rest - 19, 'x') + "\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(most.starts_with("HTTP/1.1 200 ")) << most;
  EXPECT_TRUE(answer_to(world, line + "X: " + std::string(rest + 1, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(answer_to(world, "GET /" + std::string(20000, 'x')).starts_with("HTTP/1.1 431 "));
}

TEST(HttpServer, RefusesWhatIsNotHttp) {
  World world;
  for (const char* text :
       {"\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "\x16\x03\x01\x02\x03 hello\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"}) {
    EXPECT_TRUE(answer_to(world, text).starts_with("HTTP/1.1 400 ")) << text;
  }
  EXPECT_TRUE(answer_to(world, "GET / HTTP/2.0\r\n\r\n").starts_with("HTTP/1.1 505 "));
}

TEST(HttpServer, ClosesWhoeverIsSlowWithAHead) {
  World world({.header_time = 20ms, .idle_time = 1h});
  EXPECT_EQ(answer_to(world, "GET /hello HTT"), "");
}

TEST(HttpServer, ClosesWhoeverIsSlowWithABody) {
  World world({.header_time = 1h, .body_time = 20ms, .idle_time = 1h});
  EXPECT_EQ(answer_to(world, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab"), "");
}

TEST(HttpServer, ClosesWhoeverSaysNothing) {
  World world({.idle_time = 20ms});
  EXPECT_EQ(answer_to(world, ""), "");
  EXPECT_EQ(world.server->counters().open, 0U);
}

TEST(HttpServer, DropsWhoeverTakesNothing) {
  World world({.stall_time = 20ms});
  const auto pipe = world.raw();
  // Asked for again and again, the file fills all buffers between us; nothing is read here.
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += "GET /files/x HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(run(world.loop, pipe->write(bytes_of(requests))));
  while (world.server->counters().open == 0) world.loop.run_one();
  while (world.server->counters().open > 0) world.loop.run_one();
  EXPECT_LT(world.server->counters().requests, 20U);
}

TEST(HttpServer, CapsTheConnectionsOfOneAddress) {
  World world({.max_connections_per_address = 2});
  const auto first = world.client();
  const auto second = world.client();
  EXPECT_EQ(get(world, *first, "/hello").status, 200U);
  EXPECT_EQ(get(world, *second, "/hello").status, 200U);
  EXPECT_EQ(get(world, *world.client(), "/hello").status, 0U);
  EXPECT_EQ(world.server->counters().refused, 1U);
  first->close();
  while (world.server->counters().open > 1) world.loop.run_one();
  EXPECT_EQ(get(world, *world.client(), "/hello").status, 200U);
}

TEST(HttpServer, CapsItsConnectionsAltogether) {
  World world({.max_connections = 1});
  const auto first = world.client();
  EXPECT_EQ(get(world, *first, "/hello").status, 200U);
  EXPECT_EQ(get(world, *world.client(), "/hello").status, 0U);
}

TEST(HttpServer, EndsAConnectionAfterItsShareOfRequests) {
  World world({.max_requests = 2});
  const auto client = world.client();
  EXPECT_EQ(get(world, *client, "/hello").status, 200U);
  EXPECT_TRUE(client->is_reusable());
  EXPECT_EQ(get(world, *client, "/hello").status, 200U);
  EXPECT_FALSE(client->is_reusable());
}

TEST(HttpServer, HandsTheConnectionToAnUpgrade) {
  World world;
  const auto text = answer_to(world, "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\nping");
  EXPECT_TRUE(text.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\nping")) << text;
}

TEST(HttpServer, LetsAnswersUnderWayFinishWhenItStops) {
  World world;
  const auto idle = world.client();
  const auto busy = world.client();
  EXPECT_EQ(get(world, *idle, "/hello").status, 200U);
  std::optional<Answer> answer;
  std::optional<Result<ResponseHead, IoError>> head;
  asio::co_spawn(world.loop, detail::keep_value(busy->request({Method::kGet, "/gate", {}, {}}), head), asio::detached);
  run(world.loop, world.gate.entered.wait());
  asio::co_spawn(world.loop, world.server->stop(5s), asio::detached);
  world.loop.restart();
  world.loop.poll();
  EXPECT_EQ(run(world.loop, connect(world.at, 5s)).error(), IoError::kRefused);
  world.gate.open.set();
  while (!head) world.loop.run_one();
  ASSERT_TRUE(*head);
  EXPECT_EQ((*head)->headers.find("Connection"), "close");
  EXPECT_EQ(get(world, *idle, "/hello").status, 0U);
}

TEST(HttpServer, MayBeDestroyedWithConnectionsOpen) {
  World world;
  const auto idle = world.client();
  EXPECT_EQ(get(world, *idle, "/hello").status, 200U);
  std::optional<Result<ResponseHead, IoError>> head;
  const auto busy = world.client();
  asio::co_spawn(world.loop, detail::keep_value(busy->request({Method::kGet, "/gate", {}, {}}), head), asio::detached);
  run(world.loop, world.gate.entered.wait());
  world.server.reset();
  world.gate.open.set();
  while (!head) world.loop.run_one();
  EXPECT_FALSE(*head);
}

struct Folder {
  std::filesystem::path path;
  Folder() {
    char name[] = "/tmp/server_test_XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

struct SecureWorld : World {
  Folder folder;
  std::optional<TlsServerContext> context;
  Endpoint tls_at;

  explicit SecureWorld(ServerLimits limits = {}) : World(limits) {
    auto made = TlsServerContext::self_signed(folder.path);
    context = *made;
    auto listener = TcpListener::open(loop.get_executor(), {IpAddress::v4(127, 0, 0, 1), 0});
    tls_at = (*listener)->local();
    server->listen_tls(std::move(*listener), *context);
  }
};

TEST(HttpServer, ServesTheSameUnderTls) {
  SecureWorld world;
  const auto url = Url::parse("https://" + world.tls_at.to_string());
  auto client = run(world.loop, Client::connect(*url, TlsClientContext::pinned({world.context->pin()})));
  ASSERT_TRUE(client);
  EXPECT_EQ(text_of(get(world, **client, "/hello?name=tls").body), "hello tls");
  EXPECT_EQ(get(world, **client, "/files/x").body, world.source.bytes);
  EXPECT_EQ(ask(world, **client, {Method::kPost, "/echo", {}, pattern(900)}).body, pattern(900));
}

TEST(HttpServer, ClosesOtherCarriersOnTheTlsPort) {
  SecureWorld world;
  auto raw = run(world.loop, connect(world.tls_at, 5s));
  ASSERT_TRUE(run(world.loop, (*raw)->write(bytes_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))));
  const auto got = run(world.loop, read_to_end(**raw));
  while (world.server->counters().open > 0) world.loop.run_one();
  EXPECT_EQ(world.server->counters().tls_failures, 1U);
  EXPECT_EQ(world.server->counters().requests, 0U);
}

TEST(HttpServer, GivesUpOnASilentTlsPeer) {
  SecureWorld world({.handshake_time = 20ms});
  auto raw = run(world.loop, connect(world.tls_at, 5s));
  const auto got = run(world.loop, read_to_end(**raw));
  EXPECT_TRUE(got && got->empty());
}

}  // namespace
}  // namespace turnpike::io::http
