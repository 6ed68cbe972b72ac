#include "node/links.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/rendezvous/control.h"

namespace turnpike::node {
namespace {

std::string words_of(const io::WebSocketRefusal& refusal) {
  if (refusal.status == 0 && refusal.error == io::IoError::kTls) {
    return "TLS failed: its key is not the pinned one, or its certificate is not trusted here; compare --bootstrap-pin "
           "with "
           "the pin that the bootstrap prints";
  }
  if (refusal.status == 0) return std::string(io::to_string(refusal.error));
  return "HTTP " + std::to_string(refusal.status) + (refusal.text.empty() ? "" : ": " + refusal.text);
}

io::WebSocketLimits control_limits() {
  io::WebSocketLimits limits;
  limits.max_message = rendezvous::kMaxMessageSize;
  return limits;
}

}  // namespace

std::optional<io::TlsClientContext> client_tls(const io::Url& bootstrap, const std::vector<std::string>& pins) {
  if (!bootstrap.is_tls()) return std::nullopt;
  return pins.empty() ? io::TlsClientContext::system() : io::TlsClientContext::pinned(pins);
}

Links::Links(asio::any_io_executor loop, std::vector<io::Url> bootstraps, std::vector<std::string> pins,
             LinkEvents& events)
    : loop_(std::move(loop)), pins_(std::move(pins)), events_(events) {
  for (io::Url& url : bootstraps) {
    const auto scheme = url.is_tls() ? io::Url::Scheme::kWss : io::Url::Scheme::kWs;
    links_.push_back({.url = url.with(scheme, "/v1/connect"), .attempt = 0, .socket = nullptr, .wanted = false});
  }
}

void Links::connect(std::size_t bootstrap) {
  Link& link = links_.at(bootstrap);
  link.wanted = true;
  asio::co_spawn(loop_, run(bootstrap, ++link.attempt), asio::detached);
}

void Links::close(std::size_t bootstrap) {
  Link& link = links_.at(bootstrap);
  if (!link.wanted) return;
  if (link.socket) link.socket->close();
  down(bootstrap, link.attempt, "closed here");
}

void Links::send(std::size_t bootstrap, Bytes message) {
  Link& link = links_.at(bootstrap);
  if (!link.socket) return;
  // A bootstrap that takes nothing more is as good as gone: a fresh connection starts from a known state.
  if (!link.socket->send(std::move(message))) link.socket->close();
}

void Links::close_all() {
  for (Link& link : links_) {
    link.wanted = false;
    if (link.socket) link.socket->close();
  }
}

asio::awaitable<void> Links::run(std::size_t bootstrap, std::uint64_t attempt) {
  Link& link = links_[bootstrap];
  const io::http::Headers no_extra;
  auto connected = co_await io::connect_websocket(link.url, client_tls(link.url, pins_), no_extra, control_limits());
  if (!connected) {
    down(bootstrap, attempt, words_of(connected.error()));
    co_return;
  }
  const std::shared_ptr<io::WebSocket> socket = std::move(connected->socket);
  if (link.attempt != attempt || !link.wanted) co_return;
  link.socket = socket;
  events_.link_up(bootstrap);
  for (;;) {
    auto message = co_await socket->read_message();
    if (link.attempt != attempt || !link.wanted) co_return;
    if (!message) {
      down(bootstrap, attempt, io::to_string(message.error()));
      co_return;
    }
    events_.link_message(bootstrap, *message);
  }
}

void Links::down(std::size_t bootstrap, std::uint64_t attempt, std::string_view reason) {
  Link& link = links_[bootstrap];
  if (link.attempt != attempt || !link.wanted) return;
  link.wanted = false;
  link.socket.reset();
  events_.link_down(bootstrap, reason);
}

}  // namespace turnpike::node
