#include "bootstrap/brain.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/reach/nonce_sender.h"

namespace turnpike::bootstrap {
namespace {

// The close frame may wait for a slow peer; nobody waits for it.
asio::awaitable<void> finish(std::shared_ptr<io::WebSocket> socket, rendezvous::CloseReason reason) {
  const auto code =
      reason == rendezvous::CloseReason::kMessageTooLarge ? io::CloseCode::kTooBig : io::CloseCode::kPolicy;
  const std::string text(rendezvous::to_string(reason));
  co_await socket->finish(code, text);
}

}  // namespace

Brain::Brain(asio::any_io_executor loop, rendezvous::Server::Config config, Random& random)
    : loop_(std::move(loop)),
      probe_addresses_(config.probe_addresses),
      server_(std::move(config), random),
      timer_(loop_) {}

asio::awaitable<void> Brain::serve(std::unique_ptr<io::WebSocket> owned) {
  const std::shared_ptr<io::WebSocket> socket = std::move(owned);
  const rendezvous::ConnectionId id = server_.handle_connected(io::both_now(), socket->remote());
  sockets_.emplace(id, socket);
  pump();
  for (;;) {
    auto message = co_await socket->read_message();
    if (!message) break;
    server_.handle_message(io::both_now(), id, *message);
    pump();
  }
  if (sockets_.erase(id) > 0) {
    server_.handle_disconnected(io::both_now(), id);
    pump();
  }
}

void Brain::close_all() {
  stopped_ = true;
  timer_.cancel();
  for (const auto& [id, socket] : sockets_) socket->close();
}

void Brain::pump() {
  while (auto command = server_.poll_command()) {
    std::visit([this](auto& each) { execute(each); }, *command);
  }
  while (const auto ended = server_.relay().poll_event()) {
    if (watcher_ != nullptr) watcher_->session_ended(*ended);
  }
  if (money_ != nullptr) money_->pump();
  sleep();
}

void Brain::execute(rendezvous::Send& send) {
  const auto found = sockets_.find(send.connection);
  if (found == sockets_.end()) return;
  // A peer whose queue is full does not read: it must ask anew when it is back, rather than miss one message in
  // silence.
  if (!found->second->send(std::move(send.frame))) found->second->close();
}

void Brain::execute(const rendezvous::Close& close) {
  const auto found = sockets_.find(close.connection);
  if (found == sockets_.end()) return;
  io::log_info("control connection from {} closed: {}", found->second->remote().to_string(),
               rendezvous::to_string(close.reason));
  asio::co_spawn(loop_, finish(found->second, close.reason), asio::detached);
  sockets_.erase(found);
}

void Brain::execute(const rendezvous::ProbeFromHere& probe) {
  asio::co_spawn(loop_, send_nonce(probe), asio::detached);
}

asio::awaitable<void> Brain::send_nonce(rendezvous::ProbeFromHere given) {
  const rendezvous::ProbeFromHere order = given;
  std::optional<IpAddress> from;
  for (const IpAddress& each : probe_addresses_) {
    if (each.family == order.target.endpoint.address.family) from = each;
  }
  const auto outcome = co_await io::send_nonce(order.target, order.nonce, from);
  if (stopped_) co_return;
  server_.handle_probed(io::both_now(), order.number, outcome);
  pump();
}

void Brain::sleep() {
  if (stopped_) return;
  std::optional<Instant> next = server_.poll_timeout();
  const std::optional<Instant> relay = server_.relay().poll_timeout();
  if (relay && (!next || *relay < *next)) next = relay;
  if (next == armed_) return;
  armed_ = next;
  if (!next) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(io::to_steady(*next));
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || stopped_) return;
    armed_.reset();
    server_.handle_timeout(io::both_now());
    server_.relay().handle_timeout(io::both_now());
    pump();
  });
}

}  // namespace turnpike::bootstrap
