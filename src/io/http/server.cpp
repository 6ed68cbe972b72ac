#include "io/http/server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <deque>
#include <exception>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "io/http/behind_proxy.h"
#include "io/http/parser.h"
#include "io/http/serialize.h"
#include "io/http/stream_body.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/loop/event.h"
#include "io/tcp/prefixed_pipe.h"

namespace turnpike::io::http {
namespace {

/// A body leaves in stretches of this size, and the peer has `stall_time` for each: 9 KB/s is fast enough.
constexpr std::size_t kStretch = std::size_t{256} << 10U;
/// What a file body offers the carrier at once. For each part of it that the carrier takes the peer has `stall_time`.
constexpr std::uint64_t kFileStretch = std::uint64_t{1} << 20U;
constexpr std::uint64_t kVouchEvery = std::uint64_t{2} << 20U;  ///< After so much its owner is asked whether it still
                                                                ///< is what was promised.
constexpr std::uint64_t kHeldBack = 1024;  // of a file body, until its owner has vouched for the rest
constexpr std::size_t kFirstInput = 4096;

struct Route {
  Method method;
  std::string path;
  Handler handler;
  RouteOptions options;

  [[nodiscard]] bool takes(std::string_view wanted) const {
    return path.ends_with('/') ? wanted.starts_with(path) : wanted == path;
  }
};

/// What is counted as one address: an IPv4 address, or the /64 that one IPv6 host has to itself.
IpAddress counted_as(IpAddress address) {
  if (address.family == IpAddress::Family::kV6) std::fill(address.octets.begin() + 8, address.octets.end(), 0);
  return address;
}

/// Bytes read and not yet parsed.
struct Input {
  Bytes storage;
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] ByteView readable() const { return ByteView(storage).subspan(begin, end - begin); }
  [[nodiscard]] bool empty() const { return begin == end; }
  void consume(std::size_t size) {
    begin += size;
    if (begin < end) return;
    begin = end = 0;
    storage = Bytes();  // an idle connection holds nothing
  }
  /// Room for more, up to `limit` bytes altogether; empty if that is reached.
  [[nodiscard]] std::span<std::uint8_t> writable(std::size_t limit) {
    if (begin > 0) {
      std::copy(storage.begin() + static_cast<std::ptrdiff_t>(begin),
                storage.begin() + static_cast<std::ptrdiff_t>(end), storage.begin());
      end -= begin;
      begin = 0;
    }
    if (end == storage.size()) storage.resize(std::min(std::max(kFirstInput, 2 * storage.size()), limit));
    return std::span(storage).subspan(end);
  }
};

unsigned status_of(ParseError error) {
  switch (error) {
    case ParseError::kHeaderTooLarge:
      return 431;
    case ParseError::kBodyTooLarge:
      return 413;
    case ParseError::kBadVersion:
      return 505;
    case ParseError::kBadSyntax:
      break;
  }
  return 400;
}

Response error_response(unsigned status) { return Response::text(status, std::string(reason_of(status)) + "\n"); }

asio::awaitable<Response> call(const Handler& handler, Request request) {
  Response failed = error_response(500);
  try {
    auto response = co_await handler(std::move(request));
    co_return response;
  } catch (const std::exception&) {
    failed.headers.add("Cache-Control", "no-store");
  }
  co_return failed;
}

asio::awaitable<void> run_upgrade(Upgrade upgrade, std::unique_ptr<BytePipe> pipe) {
  auto then = std::move(upgrade.then);
  try {
    co_await then(std::move(pipe));
  } catch (const std::exception&) {
    then = nullptr;  // like a handler's: the connection pays, the loop goes on
  }
}

}  // namespace

/// Shared by the server and its connections' coroutines, which end after it.
struct Server::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor executor, ServerLimits given)
      : loop(std::move(executor)), limits(given), one_gone(loop) {}

  struct Connection;

  [[nodiscard]] bool admit(const IpAddress& address) {
    ++counters.accepted;
    auto& here = per_address[counted_as(address)];
    const bool is_full = here >= limits.max_connections_per_address && !trusted.contains(address);
    if (counters.open >= limits.max_connections || is_full) {
      ++counters.refused;
      if (here == 0) per_address.erase(counted_as(address));
      return false;
    }
    ++here;
    ++counters.open;
    return true;
  }
  /// A connection that a trusted proxy made for one client counts as that client's, too.
  [[nodiscard]] bool admit_client(const IpAddress& client) {
    auto& here = per_address[counted_as(client)];
    if (here >= limits.max_connections_per_address && !trusted.contains(client)) {
      ++counters.refused;
      return false;
    }
    ++here;
    return true;
  }
  void discount(const IpAddress& address) {
    const auto found = per_address.find(counted_as(address));
    if (--found->second == 0) per_address.erase(found);
  }
  void release(const IpAddress& address) {
    discount(address);
    --counters.open;
    one_gone.set();
  }

  [[nodiscard]] const std::string& date() {
    const WallTime time = wall_now();
    if (time.unix_ms / 1000 != dated.unix_ms / 1000) date_text = http_date(time);
    dated = time;
    return date_text;
  }

  void close_all();

  asio::any_io_executor loop;
  ServerLimits limits;
  std::deque<Route> routes;  // handlers stay where they are while they run
  std::function<void(std::unique_ptr<BytePipe>)> serve_turn;
  Counters counters;
  TrustedProxies trusted;
  std::map<IpAddress, std::size_t> per_address;
  std::vector<std::unique_ptr<TcpListener>> listeners;
  std::set<Connection*> connections;
  Event one_gone;
  bool stopping = false;
  bool is_gone = false;  ///< The server is destroyed: whatever handlers refer to may be, too.
  WallTime dated;
  std::string date_text;
};

/// One connection, for as long as its coroutine runs. Its pipe is gone once an upgrade took it.
struct Server::State::Connection {
  Connection(std::shared_ptr<State> shared, std::unique_ptr<BytePipe> owned)
      : state(std::move(shared)),
        pipe(std::move(owned)),
        remote(pipe->remote()),
        admitted(remote.address),
        deadline(state->loop, [this] { close(); }) {
    state->connections.insert(this);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    state->connections.erase(this);
    if (client) state->discount(*client);
    state->release(admitted);
  }
  /// From now on this connection is one client's. False if he has too many.
  [[nodiscard]] bool belongs_to(const IpAddress& address) {
    if (client || address == admitted) return true;
    if (!state->admit_client(address)) return false;
    client = address;
    return true;
  }
  void close() {
    if (pipe) pipe->close();
  }

  struct Incoming {
    Request request;
    Result<const Route*, unsigned> route;  ///< Or the status for what has none.
    bool keeps_alive = true;
  };
  /// The failure is the status to answer with; 0 for none.
  asio::awaitable<Result<Incoming, unsigned>> read_request();
  asio::awaitable<Status<unsigned>> read_head(RequestParser& parser);
  asio::awaitable<Status<unsigned>> read_body(RequestParser& parser);
  asio::awaitable<bool> read_more(std::size_t limit);
  [[nodiscard]] Result<const Route*, unsigned> find_route(Method method, std::string_view target);
  [[nodiscard]] std::string allowed(std::string_view path) const;

  asio::awaitable<Response> answer(Incoming& incoming);
  asio::awaitable<Status<IoError>> respond(Response response, bool is_head, bool keep_alive);
  asio::awaitable<Status<IoError>> send_bytes(std::string head, Bytes body);
  asio::awaitable<Status<IoError>> send_file(std::string head, FileBody body);
  asio::awaitable<Status<IoError>> send_stream(std::string head, StreamBody body);
  asio::awaitable<bool> take_client();
  [[nodiscard]] Endpoint client_of(const Headers& headers) const;
  asio::awaitable<void> upgrade(Response response, Endpoint whose);
  asio::awaitable<void> serve();

  std::shared_ptr<State> state;
  std::unique_ptr<BytePipe> pipe;
  Endpoint remote;
  IpAddress admitted;               ///< As whose it was let in.
  std::optional<IpAddress> client;  ///< Whose it is beside, when a trusted proxy made it.
  Deadline deadline;
  Input input;
  std::string allow;  ///< For a 405.
  bool over_tls = false;
  bool busy = false;
};

void Server::State::close_all() {
  for (const auto& listener : listeners) listener->close();
  for (Connection* const connection : connections) connection->close();
}

asio::awaitable<bool> Server::State::Connection::read_more(std::size_t limit) {
  const auto room = input.writable(limit);
  if (room.empty()) co_return false;
  const auto got = co_await pipe->read_some(room);
  if (!got) co_return false;
  input.end += *got;
  co_return true;
}

Result<const Route*, unsigned> Server::State::Connection::find_route(Method method, std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  const Method wanted = method == Method::kHead ? Method::kGet : method;
  const Route* best = nullptr;
  for (const Route& route : state->routes) {
    if (route.method == wanted && route.takes(path) && (!best || route.path.size() > best->path.size())) best = &route;
  }
  if (best) return best;
  allow = allowed(path);
  return fail(allow.empty() ? 404U : 405U);
}

std::string Server::State::Connection::allowed(std::string_view path) const {
  std::string out;
  for (const Route& route : state->routes) {
    if (!route.takes(path)) continue;
    if (!out.empty()) out += ", ";
    out += to_string(route.method);
    if (route.method == Method::kGet) out += ", HEAD";
  }
  return out;
}

asio::awaitable<Status<unsigned>> Server::State::Connection::read_head(RequestParser& parser) {
  // One more than the limit, so that it is the parser that finds a head too large.
  const std::size_t room = state->limits.max_header + 1;
  for (;;) {
    if (!input.empty()) {
      const auto taken = parser.feed(input.readable());
      if (!taken) co_return fail(status_of(taken.error()));
      input.consume(*taken);
      if (parser.has_head()) break;
    }
    const bool more = co_await read_more(room);
    if (!more) co_return fail(input.end >= room ? 431U : 0U);
  }
  co_return Ok{};
}

asio::awaitable<Status<unsigned>> Server::State::Connection::read_body(RequestParser& parser) {
  const bool is_asked_for = !parser.is_done() && input.empty() && parser.expects_continue();
  if (is_asked_for) {
    const auto told = co_await pipe->write(bytes_of("HTTP/1.1 100 Continue\r\n\r\n"));
    if (!told) co_return fail(0U);
  }
  std::size_t stuck = 0;  // unparsed bytes that the parser could do nothing with: half a chunk's head
  while (!parser.is_done()) {
    if (input.readable().size() > stuck) {
      const auto taken = parser.feed(input.readable());
      if (!taken) co_return fail(status_of(taken.error()));
      input.consume(*taken);
      stuck = *taken == 0 ? input.readable().size() : 0;
      continue;
    }
    const bool more = co_await read_more(state->limits.max_header);
    if (!more) co_return fail(input.end >= state->limits.max_header ? 400U : 0U);
  }
  co_return Ok{};
}

asio::awaitable<Result<Server::State::Connection::Incoming, unsigned>> Server::State::Connection::read_request() {
  const ServerLimits& bounds = state->limits;
  deadline.arm(bounds.idle_time);
  if (input.empty()) {
    const auto ready = co_await pipe->wait_readable();
    if (!ready) co_return fail(0U);
  }
  busy = true;
  deadline.arm(bounds.header_time);
  RequestParser parser(bounds.max_header);
  const auto has_head = co_await read_head(parser);
  if (!has_head) co_return fail(has_head.error());
  const auto route = find_route(parser.method(), parser.target());
  const auto limited = parser.limit_body(route ? (*route)->options.max_body : RouteOptions().max_body);
  if (!limited) co_return fail(status_of(limited.error()));
  deadline.arm(bounds.body_time);
  const auto read = co_await read_body(parser);
  if (!read) co_return fail(read.error());
  deadline.disarm();
  const bool keeps_alive = parser.keeps_alive();
  Incoming incoming{parser.take(), route, keeps_alive};
  incoming.request.remote = client_of(incoming.request.headers);
  incoming.request.over_tls = over_tls;
  co_return incoming;
}

asio::awaitable<Response> Server::State::Connection::answer(Incoming& incoming) {
  const bool has_route = static_cast<bool>(incoming.route);
  if (has_route) co_return co_await call((*incoming.route)->handler, std::move(incoming.request));
  Response response = error_response(incoming.route.error());
  if (response.status == 405) response.headers.add("Allow", allow);
  co_return response;
}

asio::awaitable<Status<IoError>> Server::State::Connection::send_bytes(std::string head, Bytes body) {
  ByteView rest(body);
  const ByteView first = rest.first(std::min(rest.size(), kStretch));
  deadline.arm(state->limits.stall_time);
  auto wrote = co_await pipe->write_both(bytes_of(head), first);
  rest = rest.subspan(first.size());
  while (wrote && !rest.empty()) {
    const ByteView stretch = rest.first(std::min(rest.size(), kStretch));
    deadline.arm(state->limits.stall_time);
    wrote = co_await pipe->write(stretch);
    rest = rest.subspan(stretch.size());
  }
  if (wrote) state->counters.body_bytes += body.size();
  co_return wrote;
}

asio::awaitable<Status<IoError>> Server::State::Connection::send_file(std::string head, FileBody body) {
  std::uint64_t granted = 0;    // by the pace, and not yet sent
  std::uint64_t unvouched = 0;  // sent since the owner was asked last
  Bytes nothing;
  if (body.length == 0) co_return co_await send_bytes(std::move(head), std::move(nothing));
  deadline.arm(state->limits.stall_time);
  auto wrote = co_await pipe->write_ahead(bytes_of(head));
  while (wrote && body.length > 0) {
    auto stretch = std::min<std::uint64_t>(body.length, kFileStretch);
    // The last bytes wait for the owner's word on all the others: a body that is not whole must show that it is not.
    if (body.on_sent && stretch == body.length && stretch > kHeldBack) stretch -= kHeldBack;
    if (body.pace && granted == 0) {
      deadline.disarm();  // it is we who make the peer wait
      granted = co_await body.pace(stretch);
    }
    if (body.pace) stretch = std::min(stretch, granted);
    deadline.arm(state->limits.stall_time);
    const auto sent = co_await pipe->write_some_file(body.fd, body.offset, stretch);
    if (!sent) co_return fail(sent.error());
    body.offset += *sent;
    body.length -= *sent;
    granted -= std::min(granted, *sent);
    state->counters.body_bytes += *sent;
    unvouched += *sent;
    const bool is_due = unvouched >= kVouchEvery || body.length <= kHeldBack;
    if (body.on_sent && is_due && !body.on_sent(std::exchange(unvouched, 0))) co_return fail(IoError::kOther);
  }
  co_return wrote;
}

asio::awaitable<Status<IoError>> Server::State::Connection::send_stream(std::string head, StreamBody body) {
  const Duration stall_time = state->limits.stall_time;
  deadline.arm(stall_time);
  const auto wrote = co_await pipe->write(bytes_of(head));
  deadline.disarm();
  if (!wrote) co_return wrote;
  co_return co_await send_stream_body(*pipe, deadline, stall_time, std::move(body), state->counters.body_bytes);
}

asio::awaitable<Status<IoError>> Server::State::Connection::respond(Response response, bool is_head, bool keep_alive) {
  FileBody* const file = std::get_if<FileBody>(&response.body);
  Bytes* const bytes = std::get_if<Bytes>(&response.body);
  StreamBody* const stream = std::get_if<StreamBody>(&response.body);
  const std::uint64_t length = file ? file->length : stream ? stream->length : bytes ? bytes->size() : 0;
  ResponseFrame frame{length, keep_alive, state->date()};
  const bool has_no_body = response.status == 204 || response.status == 304;
  if (has_no_body) frame.content_length.reset();
  std::string head = serialize(response, frame);
  if (file && !is_head && !has_no_body) co_return co_await send_file(std::move(head), std::move(*file));
  if (stream && !is_head && !has_no_body) co_return co_await send_stream(std::move(head), std::move(*stream));
  Bytes body;
  if (bytes && !is_head && !has_no_body) body = std::move(*bytes);
  co_return co_await send_bytes(std::move(head), std::move(body));
}

// The PROXY header of a connection that one of our proxies made. False: the connection is over.
asio::awaitable<bool> Server::State::Connection::take_client() {
  const Duration time = state->limits.header_time;
  if (!state->trusted.contains(admitted)) co_return true;
  busy = true;
  auto taken = co_await take_proxy_header(std::move(pipe), time);
  if (!taken) co_return false;
  pipe = std::move(*taken);
  remote = pipe->remote();
  co_return belongs_to(remote.address) && !state->stopping;
}

Endpoint Server::State::Connection::client_of(const Headers& headers) const {
  if (!state->trusted.contains(remote.address)) return remote;
  std::string list;
  for (const auto& [name, value] : headers.fields()) {
    if (!equals_ignoring_case(name, "X-Forwarded-For")) continue;
    if (!list.empty()) list += ", ";
    list += value;
  }
  return state->trusted.client_of(remote, list);
}

asio::awaitable<void> Server::State::Connection::upgrade(Response response, Endpoint whose) {
  const bool is_welcome = belongs_to(whose.address);
  if (!is_welcome) {
    const auto told = co_await respond(error_response(503), false, false);
    if (told) co_await pipe->finish();
    co_return;
  }
  const std::string head = serialize(response, {.content_length = {}, .keep_alive = true, .date = state->date()});
  deadline.arm(state->limits.stall_time);
  const auto wrote = co_await pipe->write(bytes_of(head));
  deadline.disarm();
  if (!wrote) co_return;
  auto taken = with_remote(with_prefix(std::move(pipe), copy_of(input.readable())), whose);
  input = Input();
  co_await run_upgrade(std::move(std::get<Upgrade>(response.body)), std::move(taken));
}

asio::awaitable<void> Server::State::Connection::serve() {
  const ServerLimits& bounds = state->limits;
  for (unsigned served = 1; !state->stopping; ++served) {
    busy = false;
    auto incoming = co_await read_request();
    if (!incoming && (incoming.error() == 0 || deadline.expired())) break;
    if (!incoming) {
      // What the peer goes on sending is not read as requests, so the connection ends with the answer.
      const auto told = co_await respond(error_response(incoming.error()), false, false);
      if (!told) break;
      co_await pipe->finish();
      break;
    }
    if (state->is_gone) break;
    ++state->counters.requests;
    const bool is_head = incoming->request.method == Method::kHead;
    const Endpoint whose = incoming->request.remote;
    auto response = co_await answer(*incoming);
    if (std::holds_alternative<Upgrade>(response.body)) {
      co_await upgrade(std::move(response), whose);
      break;
    }
    const bool keep_alive = incoming->keeps_alive && served < bounds.max_requests && !state->stopping;
    const auto wrote = co_await respond(std::move(response), is_head, keep_alive);
    if (!wrote) break;
    if (!keep_alive) {
      co_await pipe->finish();
      break;
    }
  }
}

Server::Server(asio::any_io_executor loop, ServerLimits limits)
    : state_(std::make_shared<State>(std::move(loop), limits)) {}

Server::~Server() {
  state_->stopping = true;
  state_->is_gone = true;
  state_->close_all();
}

void Server::route(Method method, std::string path, Handler handler, RouteOptions options) {
  state_->routes.push_back({method, std::move(path), std::move(handler), options});
}

void Server::trust_proxies(TrustedProxies proxies) { state_->trusted = std::move(proxies); }
void Server::on_turn(std::function<void(std::unique_ptr<BytePipe>)> serve) { state_->serve_turn = std::move(serve); }

Server::Counters Server::counters() const { return state_->counters; }

/// The coroutines that outlive the calls which start them.
struct Server::Loops {
  static asio::awaitable<void> plain(std::shared_ptr<State> state, std::unique_ptr<BytePipe> pipe) {
    State::Connection connection(std::move(state), std::move(pipe));
    const bool is_welcome = co_await connection.take_client();
    if (!is_welcome) co_return;
    co_await connection.serve();
    connection.close();
  }

  static asio::awaitable<void> secure(std::shared_ptr<State> state, std::unique_ptr<BytePipe> pipe,
                                      TlsServerContext context) {
    const auto limits = state->limits;
    State::Connection connection(state, std::move(pipe));
    const bool is_welcome = co_await connection.take_client();
    if (!is_welcome) co_return;
    connection.busy = true;
    auto secured = co_await tls_accept(std::move(connection.pipe), context, limits.handshake_time);
    if (!secured) {
      ++state->counters.tls_failures;
      co_return;
    }
    TlsPipe& tls = **secured;
    connection.pipe = std::move(*secured);
    connection.over_tls = true;
    if (state->stopping) co_return;
    const auto carrier = co_await tell_carrier(tls, limits.handshake_time);
    if (!carrier) co_return;
    if (*carrier == Carrier::kTurn && state->serve_turn) {
      state->serve_turn(std::move(connection.pipe));
      co_return;
    }
    if (*carrier != Carrier::kHttp) {
      ++state->counters.not_http;
      co_await tls.finish();
      co_return;
    }
    co_await connection.serve();
    connection.close();
  }

  static asio::awaitable<void> accept(std::shared_ptr<State> state, TcpListener& listener,
                                      std::optional<TlsServerContext> context) {
    const auto loop = state->loop;
    for (;;) {
      auto accepted = co_await listener.accept();
      if (!accepted) break;
      if (state->stopping || !state->admit((*accepted)->remote().address)) continue;
      if (context) {
        asio::co_spawn(loop, secure(state, std::move(*accepted), *context), asio::detached);
      } else {
        asio::co_spawn(loop, plain(state, std::move(*accepted)), asio::detached);
      }
    }
  }

  static void listen(const std::shared_ptr<State>& state, std::unique_ptr<TcpListener> listener,
                     std::optional<TlsServerContext> context) {
    TcpListener& kept = *state->listeners.emplace_back(std::move(listener));
    asio::co_spawn(state->loop, accept(state, kept, std::move(context)), asio::detached);
  }
};

void Server::listen(std::unique_ptr<TcpListener> listener) { Loops::listen(state_, std::move(listener), std::nullopt); }

void Server::listen_tls(std::unique_ptr<TcpListener> listener, TlsServerContext context) {
  Loops::listen(state_, std::move(listener), std::move(context));
}

asio::awaitable<void> Server::stop(Duration grace) {
  const auto state = state_;
  state->stopping = true;
  for (const auto& listener : state->listeners) listener->close();
  for (State::Connection* const connection : state->connections) {
    if (!connection->busy) connection->close();
  }
  Deadline deadline(state->loop, [state] { state->one_gone.set(); });
  deadline.arm(grace);
  while (state->counters.open > 0 && !deadline.expired()) {
    state->one_gone.reset();
    co_await state->one_gone.wait();
  }
  state->close_all();
}

}  // namespace turnpike::io::http
