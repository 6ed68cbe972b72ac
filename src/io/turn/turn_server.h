// A TURN server on real sockets: UDP in batches, TCP and TLS streams, one core/turn server behind them all.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/turn/server.h"
#include "io/tcp/tcp.h"
#include "io/turn/stream_queue.h"
#include "io/udp/udp_socket.h"

namespace turnpike::io {

/// TCP and TLS connections held at a time, and of them from one /24 or /64; more are closed unanswered.
inline constexpr std::size_t kMaxTurnStreams = 4096;
inline constexpr std::size_t kMaxTurnStreamsPerNetwork = 256;
/// A stream without an allocation that says nothing for so long is closed.
inline constexpr Duration kTurnStreamIdle = std::chrono::seconds(60);

/// Everything on the loop's one thread. Must outlive the loop's running, but for `close`.
class TurnServer {
 public:
  TurnServer(asio::any_io_executor loop, turn::ServerConfig config, Random& random);
  ~TurnServer();
  TurnServer(const TurnServer&) = delete;
  TurnServer& operator=(const TurnServer&) = delete;

  /// Serves it until `close`.
  void serve(std::unique_ptr<UdpSocket> socket);
  void serve(std::unique_ptr<TcpListener> listener);
  /// One connection, whose first bytes were found to be TURN's.
  void serve(std::unique_ptr<BytePipe> pipe, turn::Transport transport);
  /// Answers NAT behaviour discovery (RFC 5780) on the sockets at these addresses, which must be served: all four.
  void discover(const stun::DiscoveryAddresses& addresses);

  /// Closes everything. Coroutines end on the loop's next turns.
  void close();

  [[nodiscard]] const asio::any_io_executor& loop() const;
  /// Call `pump` after a verb of it that takes the time.
  [[nodiscard]] turn::Server& core();
  void pump();
  /// Told of every session that ends: what is to be written down, and to whom it is charged.
  void on_session_ended(std::function<void(const turn::Ended&)> told);
  /// Told of every Binding request that was answered, if the configuration says tells_bindings.
  void on_binding(std::function<void(const turn::Server::Bound&)> told);

  struct Counters {
    std::uint64_t forwarded = 0;        ///< Packets that went by a published route.
    std::uint64_t dropped_blocked = 0;  ///< The receiver's socket or queue was full.
    std::uint64_t dropped_over = 0;     ///< Over a rate, or the end of what was granted.
    std::uint64_t streams_refused = 0;
    std::size_t streams = 0;
  };
  [[nodiscard]] const Counters& counters() const;

 private:
  struct State;
  static void start(const std::shared_ptr<State>& state, std::unique_ptr<BytePipe> pipe, turn::Transport transport);

  std::shared_ptr<State> state_;  // shared with the coroutines of the streams
};

}  // namespace turnpike::io
