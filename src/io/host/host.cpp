#include "io/host/host.h"

#include <algorithm>
#include <utility>

#include "io/channel/channel_link.h"
#include "io/host/host_state.h"
#include "io/host/services.h"
#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::io {

void HostState::start() {
  const std::shared_ptr<HostState> self = shared_from_this();
  const auto add = [this](std::string_view protocol, std::size_t streams, Host::Handler handler) {
    const host::ProtocolOptions options{.streams = streams, .urgent = true};
    registry.add(std::string(protocol), options);
    services[std::string(protocol)] = {std::move(handler), options};
  };
  const std::weak_ptr<HostState> weak = self;
  add(ping::kProtocol, 2,
      [](const Connection&, std::unique_ptr<LinkStream> stream) { return answer_pings(std::move(stream)); });
  add(identify::kProtocol, 2, [weak](Connection connection, std::unique_ptr<LinkStream> stream) {
    return tell_identity(weak.lock(), std::move(connection), std::move(stream));
  });
  add(identify::kPushProtocol, 2, [weak](Connection connection, std::unique_ptr<LinkStream> stream) {
    return hear_push(weak.lock(), std::move(connection), std::move(stream));
  });
  spawn(sweep_all(self));
}

channel::Config HostState::channel_config(host::Direction direction,
                                          const std::optional<identity::PeerId>& expected) const {
  channel::Config config;
  config.role = direction == host::Direction::kInbound ? channel::Role::kResponder : channel::Role::kInitiator;
  config.identity = settings.identity;
  config.expected_peer = expected;
  config.protocols = registry.all();
  config.urgent_protocols = registry.urgent();
  config.wide_protocols = registry.wide();
  config.limits = settings.channel;
  return config;
}

identify::Self HostState::self() const {
  return {.key = settings.identity,
          .listen = addresses,
          .protocols = registry.advertised(),
          .agent = settings.agent,
          .record_seq = record_seq};
}

std::optional<Bytes> HostState::identify_message(const HostConnection& to) const {
  const bool over_quic = to.transport() == host::Transport::kQuic;
  return identify::encode(
      self(), over_quic ? multiaddr::Multiaddr::quic_v1(to.remote()) : multiaddr::Multiaddr::tcp(to.remote()));
}

Connection HostState::begin(const Endpoint& remote, host::Direction direction, path::Found found,
                            host::Transport transport) {
  const auto id = table.begin(now(), direction, remote, found);
  if (!id) {
    log_debug("no connection with {}: {}", remote.to_string(), host::words_of(id.error()));
    return nullptr;
  }
  auto connection = std::make_shared<HostConnection>(weak_from_this(), loop, *id, remote, direction, found, transport);
  live_.emplace(*id, connection);
  return connection;
}

Link::OnStream HostState::answering(const Connection& connection) {
  const std::weak_ptr<HostState> weak = weak_from_this();
  const std::weak_ptr<HostConnection> weak_connection = connection;  // the link would hold itself otherwise
  return [weak, weak_connection](std::unique_ptr<LinkStream> stream) {
    return answer(weak.lock(), weak_connection.lock(), std::move(stream));
  };
}

/// The handshake is over: only its outcome comes here.
Link::OnStream HostState::accept_quic(std::unique_ptr<QuicLink> link) {
  const Endpoint remote = link->path().remote;
  const Connection connection =
      closing ? nullptr : begin(remote, host::Direction::kInbound, path::Found::kInbound, host::Transport::kQuic);
  if (!connection) return {};  // the link says goodbye as it goes
  connection->link_ = std::move(link);
  spawn(live(shared_from_this(), connection));
  return answering(connection);
}

void HostState::start_link(const Connection& connection, std::unique_ptr<BytePipe> pipe,
                           const std::optional<identity::PeerId>& expected) {
  connection->link_ = std::make_unique<ChannelLink>(
      loop, std::move(pipe), channel_config(connection->direction_, expected), random, answering(connection));
  spawn(live(shared_from_this(), connection));
}

void HostState::start_quic(const Connection& connection, const std::optional<identity::PeerId>& expected) {
  const auto hole = holes.find(connection->remote_);
  const quic::Path path{hole == holes.end() ? quic::CarrierId::kSocket : hole->second, connection->remote_};
  connection->link_ = quic->connect(path, expected, answering(connection));
  if (connection->link_) return spawn(live(shared_from_this(), connection));
  connection->failure_ = "too many QUIC connections here";
  table.handle_closed(connection->id_);
  live_.erase(connection->id_);
  connection->decided_.set();
}

asio::awaitable<void> HostState::accept_all(std::shared_ptr<HostState> self, TcpListener* listener) {
  const path::Found found = path::Found::kInbound;
  while (!self->closing) {
    auto pipe = co_await listener->accept();
    if (!pipe || self->closing) co_return;
    const Connection connection = self->begin((*pipe)->remote(), host::Direction::kInbound, found);
    if (connection) self->start_link(connection, *std::move(pipe), std::nullopt);
  }
}

// From the handshake to the end.
asio::awaitable<void> HostState::live(std::shared_ptr<HostState> self, Connection connection) {
  const auto proven = co_await connection->link_->established();
  if (proven) {
    self->note_who_was_heard(*proven);
    const Status<host::Refusal> admitted = self->table.establish(now(), connection->id_, *proven);
    connection->peer_ = *proven;
    connection->admitted_ = static_cast<bool>(admitted);
    if (!admitted) {
      connection->failure_ = host::words_of(admitted.error());
      connection->link_->close();
    }
  } else {
    connection->failure_ = channel::text_of(proven.error());
  }
  self->close_what_must();
  connection->decided_.set();
  if (connection->admitted_) {
    log_debug("connected to {} at {} over {}", connection->peer_->to_string(), connection->remote_.to_string(),
              host::name_of(connection->transport_));
    if (self->events != nullptr) self->events->peer_connected(*connection);
    self->spawn(ask_identity(self, connection));
  } else {
    log_debug("no connection with {}: {}", connection->remote_.to_string(), connection->failure_);
    const std::string proposal = connection->link_->refused_security();
    if (!proposal.empty() && self->events != nullptr) self->events->strange_proposal(connection->remote_, proposal);
  }
  const channel::CloseReason reason = co_await connection->link_->closed();
  connection->reason_ = reason;
  if (connection->admitted_ && reason == channel::CloseReason::kLivenessTimeout) {
    self->transports.handle_died(now(), *connection->peer_, connection->transport_);
  }
  const bool was_last = self->table.handle_closed(connection->id_);
  self->live_.erase(connection->id_);
  connection->identified_.set();
  connection->ended_.set();
  if (connection->admitted_ && was_last && self->events != nullptr) {
    self->events->peer_disconnected(*connection->peer_);
  }
}

// Who makes room is decided by it, so only where somebody may have to.
void HostState::note_who_was_heard(const identity::PeerId& newcomer) {
  for (const host::ConnectionId id : table.rivals(newcomer)) {
    const auto at = live_.find(id);
    if (at != live_.end() && at->second->link_) table.handle_heard(at->second->link_->heard(), id);
  }
}

void HostState::close_what_must() {
  while (const auto id = table.poll_close()) {
    const auto at = live_.find(*id);
    if (at != live_.end()) at->second->close();
  }
}

asio::awaitable<void> HostState::answer(std::shared_ptr<HostState> self, Connection connection,
                                        std::unique_ptr<LinkStream> stream) {
  std::unique_ptr<LinkStream> own = std::move(stream);
  if (!self || !connection) co_return;
  if (!connection->decided_.is_set()) co_await connection->decided_.wait();
  const std::string protocol = own->protocol();
  const auto service = self->services.find(protocol);
  const bool is_served = connection->admitted_ && service != self->services.end() &&
                         self->table.begin_stream(connection->id_, protocol, service->second.options);
  if (!is_served) {
    own->reset();
    co_return;
  }
  connection->used_ = now();
  const Host::Handler handler = service->second.handler;
  auto work = handler(connection, std::move(own));
  co_await std::move(work);
  self->table.end_stream(connection->id_, protocol);
  connection->used_ = now();
}

asio::awaitable<void> HostState::ask_identity(std::shared_ptr<HostState> self, Connection connection) {
  std::unique_ptr<LinkStream> stream = connection->open(identify::kProtocol);
  if (stream) {
    stream->finish();
    const identity::AnyPeerId peer(*connection->peer_);
    auto info = co_await receive_identify(*stream, peer);
    if (info) {
      connection->info_ = *std::move(info);
      if (self->events != nullptr) self->events->peer_identified(connection);
    } else if (info.error() == identify::ReceiveError::kWrongPeer) {
      connection->close();  // it proved one identity and claims another
    }
  }
  connection->identified_.set();
}

asio::awaitable<void> HostState::tell_identity(std::shared_ptr<HostState> self, Connection connection,
                                               std::unique_ptr<LinkStream> stream) {
  const std::unique_ptr<LinkStream> own = std::move(stream);
  if (!self) co_return;
  std::optional<Bytes> message = self->identify_message(*connection);
  if (!message) co_return;
  (void)co_await send_and_finish(*own, *std::move(message));
}

asio::awaitable<void> HostState::hear_push(std::shared_ptr<HostState> self, Connection connection,
                                           std::unique_ptr<LinkStream> stream) {
  const std::unique_ptr<LinkStream> own = std::move(stream);
  const identity::AnyPeerId peer(*connection->peer_);
  const auto news = co_await receive_identify(*own, peer);
  if (!news || !self) co_return;
  own->finish();
  if (connection->info_) {
    connection->info_->update(*news);
  } else {
    connection->info_ = *news;
  }
  if (self->events != nullptr) self->events->peer_identified(connection);
}

void HostState::push_later() {
  record_seq = std::max(record_seq + 1, wall_now().unix_ms);
  if (std::exchange(push_due, true)) return;
  spawn(push_all(shared_from_this()));
}

asio::awaitable<void> HostState::push_all(std::shared_ptr<HostState> self) {
  const std::optional<Instant> latest = now() + kPushDelay;
  while (!self->closing && now() < *latest) (void)co_await self->wake.wait(latest);
  self->push_due = false;
  for (const auto& [id, connection] : self->live_) {
    const bool hears = connection->info_ && connection->info_->speaks(identify::kPushProtocol);
    if (hears && !self->closing) self->spawn(push_to(self, connection));
  }
}

asio::awaitable<void> HostState::push_to(std::shared_ptr<HostState> self, Connection connection) {
  const std::unique_ptr<LinkStream> stream = connection->open(identify::kPushProtocol);
  std::optional<Bytes> message = self->identify_message(*connection);
  if (!stream || !message) co_return;
  (void)co_await send_and_finish(*stream, *std::move(message));
}

asio::awaitable<void> HostState::sweep_all(std::shared_ptr<HostState> self) {
  const Duration period = kSweepPeriod;
  while (!self->closing) {
    const std::optional<Instant> next = now() + period;
    (void)co_await self->wake.wait(next);
    if (!self->closing) self->sweep();
  }
}

void HostState::sweep() {
  constexpr auto kRenewal = static_cast<std::uint64_t>(kRecordRenewal / std::chrono::milliseconds(1));
  if (wall_now().unix_ms > record_seq + kRenewal) push_later();
  for (const auto& [id, connection] : live_) {
    if (!connection->admitted_) continue;
    if (connection->uses_ > 0 || connection->link_->streams() > 0) connection->used_ = now();
    if (now() >= connection->used_ + kIdleConnection) connection->close();
  }
}

Host::Host(asio::any_io_executor loop, const HostSettings& settings, Random& random, HostEvents* events)
    : state_(std::make_shared<HostState>(std::move(loop), settings, random, events)) {
  state_->start();
}

Host::~Host() {
  close_all();
  state_->events = nullptr;
}

void Host::handle(std::string protocol, const host::ProtocolOptions& options, Handler handler) {
  state_->registry.add(protocol, options);
  state_->services[std::move(protocol)] = {std::move(handler), options};
  if (state_->quic) state_->quic->set_protocols(state_->registry.all());
  state_->push_later();
}

void Host::set_advertised(std::string_view protocol, bool advertised) {
  if (state_->registry.set_advertised(protocol, advertised)) state_->push_later();
}

Result<Endpoint, IoError> Host::listen(Endpoint at) {
  auto listener = TcpListener::open_shared(state_->loop, at);
  if (!listener) return fail(listener.error());
  const Endpoint here = (*listener)->local();
  if (state_->port == 0) state_->port = here.port;
  state_->spawn(HostState::accept_all(state_, listener->get()));
  state_->listeners.push_back(*std::move(listener));
  return here;
}

Result<Endpoint, IoError> Host::listen_quic(Endpoint at) {
  auto opened = UdpSocket::open(state_->loop, at);
  if (!opened) return fail(opened.error());
  state_->udp = *std::move(opened);
  quic::Config config;
  config.identity = state_->settings.identity;
  config.protocols = state_->registry.all();
  config.limits = state_->settings.quic;
  const std::weak_ptr<HostState> weak = state_;
  state_->quic.emplace(state_->loop, *state_->udp, std::move(config), state_->random,
                       [weak](std::unique_ptr<QuicLink> link) -> Link::OnStream {
                         const auto state = weak.lock();
                         return state ? state->accept_quic(std::move(link)) : Link::OnStream();
                       });
  return state_->udp->local();
}

void Host::set_hole(const Endpoint& remote, quic::CarrierId carrier) { state_->holes[remote] = carrier; }
void Host::drop_hole(const Endpoint& remote) { state_->holes.erase(remote); }
QuicHost* Host::quic() const { return state_->quic ? &*state_->quic : nullptr; }
void Host::forget_transports() { state_->transports.forget(); }

void Host::set_addresses(std::vector<multiaddr::Multiaddr> addresses) {
  if (state_->addresses == addresses) return;
  state_->addresses = std::move(addresses);
  state_->push_later();
}

const std::vector<multiaddr::Multiaddr>& Host::addresses() const { return state_->addresses; }

asio::awaitable<Result<std::shared_ptr<HostConnection>, HostDialFailure>> Host::dial(identity::PeerId peer,
                                                                                     std::vector<Endpoint> tcp,
                                                                                     path::Found found, Duration time,
                                                                                     std::vector<Endpoint> quic) {
  const std::shared_ptr<HostState> state = state_;
  const std::shared_ptr<HostConnection> standing = find(peer);
  if (standing) co_return standing;
  std::shared_ptr<HostDial> dial;
  if (const auto at = state->dials.find(peer); at != state->dials.end()) {
    dial = at->second;
    while (!dial->over) co_await dial->changed.wait();
  } else {
    dial = std::make_shared<HostDial>(state->loop);
    state->dials[peer] = dial;
    if (!state->quic) quic.clear();
    std::vector<host::DialAddress> addresses = state->transports.order(now(), peer, tcp, quic);
    co_await HostState::race(state, dial, std::move(addresses), peer, found, time);
    if (dial->winner && dial->winner->direction() == host::Direction::kOutbound) {
      state->transports.handle_worked(now(), peer, dial->winner->transport(), !quic.empty());
    }
    state->dials.erase(peer);
    dial->changed.set();
  }
  if (dial->winner) co_return dial->winner;
  co_return fail(dial->last);
}

asio::awaitable<Result<std::shared_ptr<HostConnection>, HostDialFailure>> Host::dial_anybody(Endpoint address,
                                                                                             Duration time) {
  const std::shared_ptr<HostState> state = state_;
  const auto dial = std::make_shared<HostDial>(state->loop);
  const host::DialAddress only = {host::Transport::kTcp, address};
  std::vector<host::DialAddress> addresses(1, only);
  co_await HostState::race(state, dial, std::move(addresses), std::nullopt, path::Found::kKnown, time);
  if (dial->winner) co_return dial->winner;
  co_return fail(dial->last);
}

std::shared_ptr<HostConnection> Host::find(const identity::PeerId& peer) const {
  const auto id = state_->table.find(peer);
  if (!id) return nullptr;
  const auto at = state_->live_.find(*id);
  return at != state_->live_.end() && at->second->is_open() ? at->second : nullptr;
}

std::vector<std::shared_ptr<HostConnection>> Host::all() const {
  std::vector<std::shared_ptr<HostConnection>> out;
  for (const auto& [id, connection] : state_->live_) {
    if (connection->is_open()) out.push_back(connection);
  }
  return out;
}

std::vector<ConnectionInfo> Host::connections() const {
  std::vector<ConnectionInfo> out;
  for (const host::ConnectionView& view : state_->table.view()) {
    ConnectionInfo row{.connection = view, .agent = {}, .protocols = {}, .round_trip = {}};
    const auto at = state_->live_.find(view.id);
    if (at != state_->live_.end()) {
      row.transport = at->second->transport();
      row.round_trip = at->second->round_trip();
      if (const auto& info = at->second->info()) {
        row.agent = info->agent;
        row.protocols = info->protocols;
      }
    }
    out.push_back(std::move(row));
  }
  return out;
}

asio::awaitable<Result<Duration, ping::PingError>> Host::ping(HostConnection& connection) {
  const std::shared_ptr<HostState> state = state_;
  std::unique_ptr<LinkStream> stream = connection.open(ping::kProtocol);
  if (!stream) co_return fail(ping::PingError::kEnded);
  co_return co_await ask_ping(std::move(stream), state->random);
}

void Host::close_all() {
  state_->closing = true;
  for (const auto& listener : state_->listeners) listener->close();
  for (const auto& [id, connection] : state_->live_) connection->close();
  if (state_->quic) state_->quic->close_all();
  for (const auto& [peer, dial] : state_->dials) dial->changed.set();
  state_->wake.notify_all();
}

}  // namespace turnpike::io
