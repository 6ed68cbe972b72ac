#include "node/links.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/rendezvous/control.h"
#include "io/captive/look.h"

namespace turnpike::node {
namespace {

constexpr Duration kDialTime = std::chrono::seconds(10);

std::string words_of(const io::WebSocketRefusal& refusal) {
  if (refusal.status == 0) return std::string(io::to_string(refusal.error));
  return "HTTP " + std::to_string(refusal.status) + (refusal.text.empty() ? "" : ": " + refusal.text);
}

std::string words_of(const io::DialFailure& failure) {
  if (failure.error != io::IoError::kTls) return failure.text;
  return failure.text +
         ": its key is not the pinned one, or its certificate is not trusted here; compare --bootstrap-pin with the "
         "pin "
         "that the bootstrap prints";
}

// A bootstrap that refuses does so as one: anything else may be somebody who answers in its place.
bool is_a_bootstraps(const io::WebSocketRefusal& refusal) {
  return refusal.status == 429 || refusal.status == 503 || refusal.status == 413;
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
             io::Dialer& dialer, LinkEvents& events)
    : loop_(std::move(loop)), pins_(std::move(pins)), dialer_(dialer), events_(events) {
  for (io::Url& url : bootstraps) {
    const auto scheme = url.is_tls() ? io::Url::Scheme::kWss : io::Url::Scheme::kWs;
    links_.emplace_back().url = url.with(scheme, "/v1/connect");
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

std::optional<connect::Road> Links::road(std::size_t bootstrap) const {
  const Link& link = links_.at(bootstrap);
  return link.socket ? std::optional(link.road) : std::nullopt;
}

asio::awaitable<void> Links::run(std::size_t bootstrap, std::uint64_t attempt) {
  Link& link = links_[bootstrap];
  const io::http::Headers no_extra;
  auto dialed = co_await dialer_.dial(link.url, client_tls(link.url, pins_), kDialTime);
  if (!dialed) {
    down(bootstrap, attempt, words_of(dialed.error()));
    co_await look(bootstrap, attempt);
    co_return;
  }
  const connect::Road road = dialed->road;
  auto connected = co_await io::open_websocket(std::move(dialed->pipe), link.url, no_extra, control_limits());
  if (!connected) {
    down(bootstrap, attempt, words_of(connected.error()));
    if (!is_a_bootstraps(connected.error())) co_await look(bootstrap, attempt);
    co_return;
  }
  const std::shared_ptr<io::WebSocket> socket = std::move(connected->socket);
  if (link.attempt != attempt || !link.wanted) co_return;
  link.socket = socket;
  link.road = road;
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

// One look at a time, and its news only if nothing else has happened to the link since.
asio::awaitable<void> Links::look(std::size_t bootstrap, std::uint64_t attempt) {
  Link& link = links_[bootstrap];
  if (link.attempt != attempt || link.looking) co_return;
  link.looking = true;
  auto facts = co_await io::look_who_answers(link.url, client_tls(link.url, pins_));
  link.looking = false;
  if (link.attempt != attempt || link.wanted) co_return;
  facts.another_works = std::ranges::any_of(links_, [](const Link& other) { return other.socket != nullptr; });
  events_.link_judged(bootstrap, captive::judge(facts));
}

void Links::down(std::size_t bootstrap, std::uint64_t attempt, std::string_view reason) {
  Link& link = links_[bootstrap];
  if (link.attempt != attempt || !link.wanted) return;
  link.wanted = false;
  link.socket.reset();
  events_.link_down(bootstrap, reason);
}

}  // namespace turnpike::node
