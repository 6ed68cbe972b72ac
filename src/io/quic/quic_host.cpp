#include "io/quic/quic_host.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <utility>

#include "io/loop/convert.h"
#include "io/quic/quic_link_state.h"

namespace turnpike::io {

namespace {

constexpr std::size_t kBatchSize = 64U << 10U;

}  // namespace

struct QuicHost::State final : UdpReceiver, QuicDriver, std::enable_shared_from_this<State> {
  State(asio::any_io_executor loop_, UdpSocket* socket_, quic::Config config, Random& random, OnAccept on_accept_)
      : loop(std::move(loop_)),
        socket(socket_),
        endpoint(both_now(), std::move(config), random),
        on_accept(std::move(on_accept_)),
        timer(loop) {}

  // UdpReceiver
  void on_datagrams(const DatagramBatch& batch) override;
  void on_drained() override { pump(); }
  void on_writable() override;

  // QuicDriver
  quic::Connection* find(quic::ConnectionId id) override { return endpoint.find(id); }
  void touch(quic::ConnectionId id) override;

  void pump();
  void send_all();
  void send(const quic::PathBatch& batch);
  void dispatch(const quic::Endpoint::Event& event);
  void arm();
  void end();

  asio::any_io_executor loop;
  UdpSocket* socket;  // null: only over paths
  quic::Endpoint endpoint;
  OnAccept on_accept;
  asio::steady_timer timer;
  std::optional<Instant> armed;
  std::map<quic::ConnectionId, std::shared_ptr<QuicLinkState>> links;
  std::map<quic::CarrierId, DatagramPath*> paths;
  std::uint16_t next_path = 1;
  datagram::Demultiplexer demultiplexer;
  OnDatagrams stun;
  OnDatagrams turn;
  Bytes buffer = Bytes(kBatchSize);
  std::optional<DatagramBatch> pending;  ///< In `buffer`: the socket was full.
  bool pumping = false;
  bool pump_posted = false;
  bool ended = false;
};

void QuicHost::State::on_datagrams(const DatagramBatch& batch) {
  DatagramBatch rest = batch;
  while (const auto run = demultiplexer.take_run(rest)) {
    switch (run->kind) {
      case datagram::Kind::kQuic:
        endpoint.handle_datagrams(both_now(), quic::CarrierId::kSocket, run->batch);
        break;
      case datagram::Kind::kStun:
        if (stun) stun(run->batch);
        break;
      case datagram::Kind::kTurn:
        if (turn) turn(run->batch);
        break;
    }
  }
}

void QuicHost::State::on_writable() {
  if (pending) {
    const DatagramBatch rest = *std::exchange(pending, std::nullopt);
    send({quic::CarrierId::kSocket, rest});
  }
  pump();
}

/// A verb of a link. Several of them before the loop's next turn are sent together.
void QuicHost::State::touch(quic::ConnectionId id) {
  if (ended) return;
  endpoint.touch(id);
  if (pumping || std::exchange(pump_posted, true)) return;
  asio::post(loop, [self = shared_from_this()] {
    self->pump_posted = false;
    self->pump();
  });
}

void QuicHost::State::pump() {
  if (ended || std::exchange(pumping, true)) return;
  bool more = true;
  while (more && !ended) {
    send_all();
    more = false;
    while (const auto event = endpoint.poll_event()) {
      dispatch(*event);
      more = true;
    }
  }
  pumping = false;
  if (!ended) arm();
}

void QuicHost::State::send_all() {
  while (!pending) {
    const auto batch = endpoint.poll_transmit(now(), buffer);
    if (!batch) return;
    send(*batch);
  }
}

void QuicHost::State::send(const quic::PathBatch& batch) {
  if (batch.carrier != quic::CarrierId::kSocket) {
    if (const auto path = paths.find(batch.carrier); path != paths.end()) path->second->send(batch.datagrams);
    return;
  }
  DatagramBatch rest = batch.datagrams;
  while (socket != nullptr && !rest.bytes.empty()) {
    const SendOutcome outcome = socket->send(rest);
    rest.bytes = rest.bytes.subspan(outcome.sent);
    if (outcome.status == SendStatus::kSent) return;
    if (outcome.status == SendStatus::kBlocked) {
      pending = rest;
      return;
    }
    if (outcome.status != SendStatus::kTooBig) return;  // lost, as by any network: QUIC finds out in its own time
    rest.bytes = rest.bytes.subspan(std::min(rest.bytes.size(), rest.segment_size));  // a probe of the path's MTU
  }
}

void QuicHost::State::dispatch(const quic::Endpoint::Event& event) {
  auto link = links.find(event.connection);
  if (link == links.end()) {
    const bool up = std::holds_alternative<channel::Established>(event.event);
    quic::Connection* const connection = endpoint.find(event.connection);
    if (!up || connection == nullptr || !on_accept) return;
    auto made = std::make_shared<QuicLinkState>(loop, Link::OnStream(), this, event.connection);
    link = links.emplace(event.connection, made).first;
    made->on_event(event.event);
    made->on_stream = on_accept(std::make_unique<QuicLink>(made));
    return;
  }
  const std::shared_ptr<QuicLinkState> held = link->second;
  if (std::holds_alternative<channel::Closed>(event.event)) links.erase(link);
  held->on_event(event.event);
}

void QuicHost::State::arm() {
  const std::optional<Instant> due = endpoint.poll_timeout();
  if (!due || (armed && *armed <= *due)) return;  // an early timer looks again
  armed = due;
  timer.expires_at(to_steady(*due));
  timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->ended) return;
    self->armed.reset();
    self->endpoint.handle_timeout(both_now());
    self->pump();
  });
}

void QuicHost::State::end() {
  ended = true;
  timer.cancel();
  for (const auto& [id, link] : std::exchange(links, {})) {
    link->on_event(channel::Closed{channel::CloseReason::kConnectionLost});
  }
}

QuicHost::QuicHost(asio::any_io_executor loop, UdpSocket& socket, quic::Config config, Random& random,
                   OnAccept on_accept) {
  config.accepts = config.accepts && on_accept;
  state_ = std::make_shared<State>(std::move(loop), &socket, std::move(config), random, std::move(on_accept));
  socket.start(*state_);
}

QuicHost::QuicHost(asio::any_io_executor loop, quic::Config config, Random& random, OnAccept on_accept) {
  config.accepts = config.accepts && on_accept;
  state_ = std::make_shared<State>(std::move(loop), nullptr, std::move(config), random, std::move(on_accept));
}

QuicHost::~QuicHost() {
  if (state_->socket != nullptr) state_->socket->close();
  state_->end();
}

std::unique_ptr<QuicLink> QuicHost::connect(const quic::Path& path, std::optional<identity::PeerId> expected,
                                            Link::OnStream on_stream) {
  const auto id = state_->endpoint.connect(both_now(), path, expected);
  if (!id) return nullptr;
  auto link = std::make_shared<QuicLinkState>(state_->loop, std::move(on_stream), state_.get(), *id);
  state_->links.emplace(*id, link);
  state_->touch(*id);
  return std::make_unique<QuicLink>(std::move(link));
}

void QuicHost::set_protocols(std::vector<std::string> protocols) {
  state_->endpoint.set_protocols(std::move(protocols));
}

void QuicHost::close_all() {
  for (const auto& [id, link] : state_->links) {
    link->carrier.close();
    state_->endpoint.touch(id);
  }
  state_->pump();
  // The loop is to run out now: whoever did not hear the goodbye finds out by his own clock.
  if (state_->socket != nullptr) state_->socket->close();
  state_->end();
}

void QuicHost::on_stun(OnDatagrams handler) { state_->stun = std::move(handler); }
void QuicHost::on_turn(OnDatagrams handler) { state_->turn = std::move(handler); }
void QuicHost::send(const DatagramBatch& batch) {
  if (state_->socket != nullptr) (void)state_->socket->send(batch);
}
datagram::Demultiplexer& QuicHost::demultiplexer() { return state_->demultiplexer; }

quic::CarrierId QuicHost::add_path(DatagramPath& path) {
  const quic::CarrierId id{state_->next_path++};
  state_->paths.emplace(id, &path);
  return id;
}

void QuicHost::remove_path(quic::CarrierId id) { state_->paths.erase(id); }

void QuicHost::receive(quic::CarrierId id, const DatagramBatch& batch) {
  state_->endpoint.handle_datagrams(both_now(), id, batch);
  state_->pump();
}

Endpoint QuicHost::local() const { return state_->socket == nullptr ? Endpoint() : state_->socket->local(); }
std::size_t QuicHost::connections() const { return state_->endpoint.connections(); }
const quic::Endpoint::Counters& QuicHost::counters() const { return state_->endpoint.counters(); }

}  // namespace turnpike::io
