// An HTTP/1.1 server over any pipe: routes to handlers, files by sendfile, limits against the slow and the many.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/time.h"
#include "io/http/forwarded.h"
#include "io/http/message.h"
#include "io/tcp/tcp.h"
#include "io/tcp/tls.h"

namespace turnpike::io::http {

/// What a peer may make the server hold or wait for.
struct ServerLimits {
  std::size_t max_header = std::size_t{16} << 10U;     ///< Bytes of request line and fields, else 431.
  std::size_t max_connections = 4096;                  ///< Altogether; more are closed unanswered.
  std::size_t max_connections_per_address = 64;        ///< IPv4 address or IPv6 /64.
  Duration header_time = std::chrono::seconds(10);     ///< From a request's first byte to its blank line.
  Duration body_time = std::chrono::seconds(30);       ///< From there to the body's last byte.
  Duration idle_time = std::chrono::seconds(60);       ///< Between requests.
  Duration stall_time = std::chrono::seconds(30);      ///< A peer that takes no byte for so long is dropped.
  Duration handshake_time = std::chrono::seconds(10);  ///< TLS, and telling the carrier.
  unsigned max_requests = 100'000;                     ///< On one connection.
};

/// Bodies of requests are refused above the route's limit with 413.
struct RouteOptions {
  std::size_t max_body = std::size_t{64} << 10U;
};

using Handler = std::function<asio::awaitable<Response>(Request)>;

class Server {
 public:
  Server(asio::any_io_executor loop, ServerLimits limits);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  ///< Closes everything. Connections' coroutines end on the loop's next turns, and touch no Server.

  /// `path` ending in '/' takes everything below it; otherwise exactly it. The longest wins. A GET route answers HEAD
  /// too (the body is dropped). No route is 404, another method 405. A handler that throws is 500.
  void route(Method method, std::string path, Handler handler, RouteOptions options = {});

  /// Reverse proxies of our own: their X-Forwarded-For, or the PROXY header before their connections, says who a
  /// request's `remote` is, and an upgraded pipe's. They themselves are under no limit per address; their clients are,
  /// for as long as a connection is theirs alone. Before `listen`.
  void trust_proxies(TrustedProxies proxies);

  /// Serve what connects, until `stop`. The TLS one tells carriers apart; what is not HTTP is closed and counted.
  void listen(std::unique_ptr<TcpListener> listener);
  void listen_tls(std::unique_ptr<TcpListener> listener, TlsServerContext context);

  /// Connections on the TLS port that speak TURN go there, whole, instead of being closed and counted as not_http.
  void on_turn(std::function<void(std::unique_ptr<BytePipe>)> serve);

  /// Takes no more connections, lets answers under way finish for `grace`, then closes the rest. Upgraded connections
  /// belong to their handlers: they count as under way, and are not closed here.
  [[nodiscard]] asio::awaitable<void> stop(Duration grace);

  struct Counters {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;   ///< Over a connection limit.
    std::uint64_t not_http = 0;  ///< Another carrier on the TLS port.
    std::uint64_t tls_failures = 0;
    std::uint64_t requests = 0;
    std::uint64_t body_bytes = 0;  ///< Of answers.
    std::size_t open = 0;
  };
  [[nodiscard]] Counters counters() const;

 private:
  struct State;
  struct Loops;
  std::shared_ptr<State> state_;
};

}  // namespace turnpike::io::http
