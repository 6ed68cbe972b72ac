// Drives the bootstrap's brain: time and frames go in, frames and closings come out to the sockets they belong to.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>

#include "core/rendezvous/server.h"
#include "io/websocket/websocket.h"

namespace turnpike::bootstrap {

namespace asio = boost::asio;

/// Told when a relay session is over, so that its connections can be closed.
class RelayWatcher {
 public:
  virtual ~RelayWatcher() = default;
  virtual void session_ended(const relay::Ended& ended) = 0;
};

/// Told after everything that may have moved money: rows of the ledger may have to be written.
class MoneyWatcher {
 public:
  virtual ~MoneyWatcher() = default;
  virtual void pump() = 0;
};

/// One thread's. Must outlive the connections it serves.
class Brain {
 public:
  Brain(asio::any_io_executor loop, rendezvous::Server::Config config, Random& random);
  Brain(const Brain&) = delete;
  Brain& operator=(const Brain&) = delete;

  /// Call pump() after each call that takes the time.
  [[nodiscard]] rendezvous::Server& server() { return server_; }
  void pump();
  void watch_relay(RelayWatcher* watcher) { watcher_ = watcher; }
  void watch_money(MoneyWatcher* watcher) { money_ = watcher; }

  /// One control connection, from its upgrade to its end.
  [[nodiscard]] asio::awaitable<void> serve(std::unique_ptr<io::WebSocket> socket);
  /// Cuts every control connection, and waits for nothing any more: the bootstrap is going down.
  void close_all();

 private:
  void execute(rendezvous::Send& send);
  void execute(const rendezvous::Close& close);
  void execute(const rendezvous::ProbeFromHere& probe);
  [[nodiscard]] asio::awaitable<void> send_nonce(rendezvous::ProbeFromHere order);
  void sleep();

  asio::any_io_executor loop_;
  std::vector<IpAddress> probe_addresses_;
  rendezvous::Server server_;
  asio::steady_timer timer_;
  std::optional<Instant> armed_;
  bool stopped_ = false;
  std::map<rendezvous::ConnectionId, std::shared_ptr<io::WebSocket>> sockets_;
  RelayWatcher* watcher_ = nullptr;
  MoneyWatcher* money_ = nullptr;
};

}  // namespace turnpike::bootstrap
