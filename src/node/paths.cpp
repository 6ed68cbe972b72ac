#include "node/paths.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>

#include "core/exchange/message.h"
#include "io/channel/channel_link.h"
#include "io/channel/exchange_source.h"
#include "io/channel/http_source.h"
#include "io/channel/store_server.h"
#include "io/http/client.h"
#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/websocket/websocket.h"
#include "node/links.h"

namespace turnpike::node {
namespace {

constexpr Duration kProbeTime = std::chrono::seconds(10);
constexpr std::size_t kMaxHealthBody = 4096;

path::PathFailure failure_of(io::IoError error) {
  const std::string text(io::to_string(error));
  switch (error) {
    case io::IoError::kRefused:
      return {path::PathEnd::kRefused, text};
    case io::IoError::kUnreachable:
      return {path::PathEnd::kUnreachable, text};
    case io::IoError::kTimeout:
      return {path::PathEnd::kTimeout, text};
    case io::IoError::kProtocol:
    case io::IoError::kLimit:
    case io::IoError::kTls:
      return {path::PathEnd::kProtocol, text};
    case io::IoError::kCancelled:
      return {path::PathEnd::kLocal, text};
    default:
      return {path::PathEnd::kClosed, text};
  }
}

path::PathFailure failure_of(const io::WebSocketRefusal& refusal) {
  if (refusal.status == 0) return failure_of(refusal.error);
  return {path::PathEnd::kRefused, "HTTP " + std::to_string(refusal.status) + " " + refusal.text};
}

// Whether an answer of /health is that peer's.
bool names_peer(ByteView health, const identity::PeerId& peer) {
  const auto json = nlohmann::json::parse(text_of(health), nullptr, false);
  const auto id = json.is_object() ? json.find("peer_id") : json.end();
  return id != json.end() && id->is_string() && *id == peer.to_string();
}

io::Share share_of(const io::Pace* pace, const identity::PeerId& peer) {
  return pace ? io::Share(*pace, pace::flow_of(peer)) : io::Share();
}

path::PathFailure failure_of(const io::HostDialFailure& failure) {
  switch (failure.error) {
    case io::HostDialError::kTimeout:
      return {path::PathEnd::kTimeout, failure.detail};
    case io::HostDialError::kWrongPeer:
      return {path::PathEnd::kWrongPeer, failure.detail};
    case io::HostDialError::kHandshake:
      return {path::PathEnd::kProtocol, failure.detail};
    case io::HostDialError::kRefused:
    case io::HostDialError::kClosed:
      return {path::PathEnd::kLocal, failure.detail};
    case io::HostDialError::kNoAddress:
    case io::HostDialError::kUnreachable:
      break;
  }
  return {path::PathEnd::kUnreachable, failure.detail};
}

// A connection of the libp2p host. The path's end does not end the connection: others may use it, and the peer too.
class DirectPath final : public OpenedPath {
 public:
  DirectPath(Report report, const identity::PeerId& peer, path::DirectTarget target, io::Host& host, io::Share download)
      : report_(report), peer_(peer), target_(std::move(target)), host_(host), download_(std::move(download)) {}

  static asio::awaitable<void> run(std::shared_ptr<DirectPath> self) {
    const Instant began = io::now();
    auto dialled = co_await self->host_.dial(self->peer_, self->target_.tcp, path::Found::kBootstrap, io::kDialTime,
                                             self->target_.quic);
    if (!dialled) {
      self->report_.closed(failure_of(dialled.error()));
      co_return;
    }
    const std::shared_ptr<io::HostConnection> connection = *std::move(dialled);
    if (self->report_.is_over()) co_return;
    self->use_.emplace(connection);
    self->source_.emplace(connection->link(), exchange::PatienceLimits(), self->download_);
    const Duration dialling = (io::now() - began) / 3;  // TCP, Noise, and the first answer
    self->report_.open(connection->round_trip().value_or(dialling), connection->remote().address);
    const std::weak_ptr<DirectPath> path = self;
    self.reset();  // whoever fetches over it keeps it, the connection does not
    const channel::CloseReason why = co_await connection->closed();
    const std::shared_ptr<DirectPath> left = path.lock();
    if (!left) co_return;
    left->over_ = true;
    left->report_.closed(failure_of_link(why));
  }

  io::StoreSource* source() override { return source_ && !over_ && (*use_)->is_open() ? &*source_ : nullptr; }
  void close() override {
    report_.silence();
    over_ = true;
  }

 private:
  Report report_;
  identity::PeerId peer_;
  path::DirectTarget target_;
  io::Host& host_;
  io::Share download_;
  std::optional<io::HostConnection::Use> use_;
  std::optional<io::ExchangeSource> source_;
  bool over_ = false;
};

class HttpPath final : public OpenedPath {
 public:
  HttpPath(Report report, const identity::PeerId& peer, Endpoint endpoint, io::Share download)
      : report_(report), peer_(peer), endpoint_(endpoint), download_(std::move(download)) {}

  // `self` keeps the path while its opening is under way.
  static asio::awaitable<void> run(std::shared_ptr<HttpPath> self) {
    const auto failure = co_await self->probe();
    if (failure) self->report_.closed(*failure);
  }

  io::StoreSource* source() override { return source_ ? &*source_ : nullptr; }
  void close() override { report_.silence(); }

 private:
  // Sets the source once the peer's server has answered.
  asio::awaitable<std::optional<path::PathFailure>> probe() {
    const Instant began = io::now();
    io::http::ClientLimits limits;
    limits.connect_time = kProbeTime;
    limits.head_time = kProbeTime;
    auto client = co_await io::http::Client::connect(endpoint_, limits);
    if (!client) co_return failure_of(client.error());
    io::http::ClientRequest health;
    health.target = "/health";
    const auto head = co_await (*client)->request(std::move(health));
    if (!head) co_return failure_of(head.error());
    const Duration rtt = (io::now() - began) / 2;  // one round trip to connect, one to be answered
    const auto body = co_await (*client)->read_all(kMaxHealthBody);
    if (!body) co_return failure_of(body.error());
    if (head->status != 200) {
      co_return path::PathFailure{path::PathEnd::kProtocol, "/health answers " + std::to_string(head->status)};
    }
    // Not authenticated, but enough against mistakes: a private address may be another home's, and its bytes another's.
    if (!names_peer(*body, peer_)) {
      co_return path::PathFailure{path::PathEnd::kWrongPeer, "somebody else answers at that address"};
    }
    if (report_.is_over()) co_return std::nullopt;
    source_.emplace(endpoint_, exchange::PatienceLimits(), download_);
    report_.open(rtt);
    co_return std::nullopt;
  }

  Report report_;
  identity::PeerId peer_;
  Endpoint endpoint_;
  io::Share download_;
  std::optional<io::HttpSource> source_;
};

class RelayPath final : public OpenedPath {
 public:
  struct Order {
    identity::PeerId peer;
    path::RelayTarget target;
    io::Url bootstrap;
    std::optional<io::TlsClientContext> tls;
    const crypto::SigningKey* identity = nullptr;
    io::Dialer* dialer = nullptr;
    io::Share upload;
    io::Share download;
  };

  RelayPath(Report report, Order order, io::StoreReader& reader, Random& random)
      : report_(report), order_(std::move(order)), server_(reader, order_.upload), random_(random) {}

  static asio::awaitable<void> run(std::shared_ptr<RelayPath> self) {
    const path::PathFailure failure = co_await self->live();
    self->report_.closed(failure);
  }

  io::StoreSource* source() override { return source_ && !over_ && !link_->reason() ? &*source_ : nullptr; }
  void close() override {
    report_.silence();
    if (link_) link_->close();
  }

 private:
  [[nodiscard]] channel::Config channel_config() const {
    channel::Config config;
    const bool serving = order_.target.role == path::Role::kResponder;
    config.role = serving ? channel::Role::kResponder : channel::Role::kInitiator;
    config.identity = order_.identity;
    config.expected_peer = order_.peer;
    if (serving) config.protocols.emplace_back(exchange::kProtocol);
    config.wide_protocols.emplace_back(exchange::kProtocol);
    return config;
  }

  asio::awaitable<path::PathFailure> live() {
    const auto scheme = order_.bootstrap.is_tls() ? io::Url::Scheme::kWss : io::Url::Scheme::kWs;
    const io::Url url =
        order_.bootstrap.with(scheme, std::string(relay::kRelayPath) + order_.target.session.to_string());
    io::http::Headers headers;
    headers.add(std::string(relay::kCredentialHeader), order_.target.credential.to_string());
    const Instant began = io::now();
    auto dialed = co_await order_.dialer->dial(url, order_.tls, kProbeTime);
    if (!dialed) co_return path::PathFailure{failure_of(dialed.error().error).end, dialed.error().text};
    auto connected =
        co_await io::open_websocket(std::move(dialed->pipe), url, std::move(headers), io::WebSocketLimits());
    if (!connected) co_return failure_of(connected.error());
    if (report_.is_over()) co_return path::PathFailure();

    auto executor = co_await asio::this_coro::executor;
    auto pipe = io::as_pipe(std::move(connected->socket));
    io::ChannelLink::OnStream serve = [this](std::unique_ptr<io::LinkStream> stream) {
      return server_.serve(std::move(stream));
    };
    link_.emplace(executor, std::move(pipe), channel_config(), random_, std::move(serve));
    const auto peer = co_await link_->established();
    if (!peer) {
      const channel::CloseReason why = co_await link_->closed();
      over_ = true;
      co_return failure_of_link(why);
    }
    source_.emplace(*link_, exchange::PatienceLimits(), order_.download);
    report_.open(link_->round_trip().value_or(io::now() - began));
    const channel::CloseReason why = co_await link_->closed();
    over_ = true;
    co_return failure_of_link(why);
  }

  Report report_;
  Order order_;
  io::StoreServer server_;
  Random& random_;
  std::optional<io::ChannelLink> link_;
  std::optional<io::ExchangeSource> source_;
  bool over_ = false;
};

}  // namespace

Paths::Paths(asio::any_io_executor loop, PathSettings settings, io::StoreReader& reader, Random& random,
             PathEvents& events)
    : loop_(std::move(loop)),
      settings_(std::move(settings)),
      reader_(reader),
      random_(random),
      events_(events),
      relayed_(loop_, *settings_.identity, random_) {}

void Paths::open(const peer::OpenPath& order) {
  const Report report(order.path, *this);
  if (const auto* http = std::get_if<path::HttpTarget>(&order.target)) {
    auto made =
        std::make_shared<HttpPath>(report, order.peer, http->endpoint, share_of(settings_.download, order.peer));
    paths_.emplace(order.path, made);
    asio::co_spawn(loop_, HttpPath::run(std::move(made)), asio::detached);
    return;
  }
  if (const auto* direct = std::get_if<path::DirectTarget>(&order.target)) {
    auto made = std::make_shared<DirectPath>(report, order.peer, *direct, *settings_.host,
                                             share_of(settings_.download, order.peer));
    paths_.emplace(order.path, made);
    asio::co_spawn(loop_, DirectPath::run(std::move(made)), asio::detached);
    return;
  }
  if (const auto* meeting = std::get_if<path::PeerRelayTarget>(&order.target)) {
    TurnPath::Order meet{.peer = order.peer,
                         .target = *meeting,
                         .upload = share_of(settings_.upload, order.peer),
                         .download = share_of(settings_.download, order.peer)};
    auto made = std::make_shared<TurnPath>(report, std::move(meet), relayed_, reader_, random_);
    paths_.emplace(order.path, made);
    asio::co_spawn(loop_, TurnPath::run(std::move(made)), asio::detached);
    return;
  }
  const auto& target = std::get<path::RelayTarget>(order.target);
  const io::Url& bootstrap = settings_.bootstraps.at(target.bootstrap);
  RelayPath::Order relay{.peer = order.peer,
                         .target = target,
                         .bootstrap = bootstrap,
                         .tls = client_tls(bootstrap, settings_.pins),
                         .identity = settings_.identity,
                         .dialer = settings_.dialer,
                         .upload = share_of(settings_.upload, order.peer),
                         .download = share_of(settings_.download, order.peer)};
  auto made = std::make_shared<RelayPath>(report, std::move(relay), reader_, random_);
  paths_.emplace(order.path, made);
  asio::co_spawn(loop_, RelayPath::run(std::move(made)), asio::detached);
}

void Paths::close(path::PathId path) {
  const auto found = paths_.find(path);
  if (found == paths_.end()) return;
  const std::shared_ptr<OpenedPath> opened = std::move(found->second);
  paths_.erase(found);
  opened->close();
}

void Paths::close_all() {
  const auto paths = std::move(paths_);
  paths_.clear();
  for (const auto& [id, opened] : paths) opened->close();
}

std::shared_ptr<OpenedPath> Paths::find(path::PathId path) const {
  const auto found = paths_.find(path);
  return found == paths_.end() ? nullptr : found->second;
}

void Paths::path_closed(path::PathId path, const path::PathFailure& failure) {
  paths_.erase(path);
  io::log_debug("path {} is over: {} {}", path.value, path::words_of(failure.end), failure.detail);
  events_.path_closed(path, failure);
}

}  // namespace turnpike::node
