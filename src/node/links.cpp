#include "node/links.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>

#include "core/rendezvous/control.h"
#include "io/captive/look.h"
#include "io/http/client.h"
#include "io/tcp/tcp.h"

namespace turnpike::node {
namespace {

constexpr Duration kDialTime = std::chrono::seconds(10);
constexpr std::size_t kMaxSeenAnswer = 4096;

using Pipe = Result<std::unique_ptr<io::BytePipe>, io::IoError>;

// To the host's first address of that family, and TLS where the URL says so.
asio::awaitable<Pipe> connect_over(IpAddress::Family family, io::Url url, std::optional<io::TlsClientContext> tls) {
  const auto addresses = co_await io::resolve(url.host, kDialTime);
  if (!addresses) co_return fail(addresses.error());
  const auto address = std::ranges::find(*addresses, family, &IpAddress::family);
  if (address == addresses->end()) co_return fail(io::IoError::kUnreachable);
  const Endpoint to{*address, url.port};
  auto pipe = co_await io::connect(to, kDialTime);
  if (!pipe || !tls) co_return std::move(pipe);
  auto secured = co_await io::tls_connect(std::move(*pipe), *tls, url.host, kDialTime);
  if (!secured) co_return fail(secured.error());
  co_return std::move(*secured);
}

std::optional<IpAddress> observed_in(const Bytes& answer) {
  const auto read = nlohmann::json::parse(answer.begin(), answer.end(), nullptr, false);
  if (!read.is_object() || !read.contains("observed") || !read["observed"].is_string()) return std::nullopt;
  return IpAddress::parse(read["observed"].get<std::string>());
}

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

void Links::show(std::size_t bootstrap, IpAddress::Family family, Bytes statement) {
  const Link& link = links_.at(bootstrap);
  if (!link.socket || link.url.endpoint()) return;  // a literal has no other family
  asio::co_spawn(loop_, show_to(bootstrap, link.attempt, family, std::move(statement)), asio::detached);
}

asio::awaitable<void> Links::show_to(std::size_t bootstrap, std::uint64_t attempt, IpAddress::Family family,
                                     Bytes statement) {
  Link& link = links_[bootstrap];
  const io::Url url = link.url;
  auto pipe = co_await connect_over(family, url, client_tls(url, pins_));
  if (!pipe) co_return;
  io::http::Client client(std::move(*pipe), url.authority(), {});
  io::http::ClientRequest request{.method = io::http::Method::kPost, .target = "/v1/seen", .headers = {}, .body = {}};
  request.body = std::move(statement);
  const auto head = co_await client.request(std::move(request));
  const bool is_told = head && head->status == 200;
  if (!is_told) co_return;
  const auto answer = co_await client.read_all(kMaxSeenAnswer);
  if (!answer || link.attempt != attempt || !link.wanted) co_return;
  const auto observed = observed_in(*answer);
  if (observed && observed->family == family) events_.link_seen(bootstrap, *observed);
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
