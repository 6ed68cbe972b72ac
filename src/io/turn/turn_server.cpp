#include "io/turn/turn_server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/stun/framing.h"
#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/loop/deadline.h"
#include "io/tcp/buffer_pool.h"
#include "io/turn/channel_run.h"

namespace turnpike::io {
namespace {

using turn::FiveTuple;
using turn::Transport;

// As many packets as one send takes, each of two parts.
constexpr std::size_t kMaxRun = kMaxSendParts / 2;
// What ends a wait of a stream whose session may send no more for now, however slow its rate is.
constexpr Duration kLongestRest = std::chrono::seconds(1);

bool is_binding(ByteView frame) {
  const auto message = stun::MessageView::parse(frame);
  return message && message->message_class() == stun::Class::kRequest && message->method() == stun::Method::kBinding;
}

}  // namespace

struct TurnServer::State : std::enable_shared_from_this<State> {
  class UdpLink final : public UdpReceiver {
   public:
    UdpLink(State& state, std::uint32_t number, std::unique_ptr<UdpSocket> socket)
        : state_(state), number_(number), socket_(std::move(socket)) {
      socket_->start(*this);
    }

    void on_datagrams(const DatagramBatch& batch) override;
    void on_drained() override { state_.sleep(); }

    [[nodiscard]] UdpSocket& socket() { return *socket_; }

   private:
    State& state_;
    std::uint32_t number_;
    std::unique_ptr<UdpSocket> socket_;
  };

  struct Stream {
    Stream(const asio::any_io_executor& loop, std::unique_ptr<BytePipe> owned, FiveTuple at, IpAddress from)
        : pipe(std::move(owned)), client(at), network(from), queue(loop), idle(loop, [this] { close(); }) {}

    void close() {
      closed = true;
      pipe->close();
      queue.filled.set();
      queue.drained.set();
    }

    std::unique_ptr<BytePipe> pipe;
    FiveTuple client;
    IpAddress network;
    StreamQueue queue;
    bool closed = false;
    Deadline idle;
  };

  State(asio::any_io_executor executor, turn::ServerConfig config, Random& randomness)
      : loop(std::move(executor)), random(randomness), core(std::move(config), randomness), timer(loop) {}

  void send(const turn::Outgoing& out);
  void flush();
  void sleep();
  void close();
  [[nodiscard]] bool answer_discovery(UdpLink& link, const DatagramBatch& batch, ByteView datagram);
  void forward(Now now, const turn::Route& route, ChannelRun run);
  void send_to_stream(const turn::Route& route, const DatagramBatch& packets);
  [[nodiscard]] bool admit(const IpAddress& network);

  [[nodiscard]] asio::awaitable<void> read(std::shared_ptr<Stream> stream);
  [[nodiscard]] asio::awaitable<void> write(std::shared_ptr<Stream> stream);
  [[nodiscard]] asio::awaitable<void> take_frame(std::shared_ptr<Stream> stream, ByteView frame);
  [[nodiscard]] asio::awaitable<bool> may_carry(std::shared_ptr<Stream> stream, turn::ChannelNumber channel,
                                                std::size_t bytes);
  [[nodiscard]] asio::awaitable<void> accept(TcpListener& listener);
  /// ChannelData of who has no channel: most likely another protocol, whose bytes look like it.
  [[nodiscard]] bool is_idle_talk(const Stream& stream, const stun::Frame& frame) const {
    return frame.kind == stun::FrameKind::kChannelData && !core.has_allocation(stream.client);
  }
  void forget(const std::shared_ptr<Stream>& stream);

  asio::any_io_executor loop;
  Random& random;
  turn::Server core;
  asio::steady_timer timer;
  std::optional<Instant> armed;
  bool closed = false;
  std::uint32_t next_link = 0;
  std::map<std::uint32_t, std::unique_ptr<UdpLink>> sockets;
  std::map<std::uint32_t, std::shared_ptr<Stream>> streams;
  std::map<IpAddress, std::size_t> streams_by_network;
  std::vector<std::unique_ptr<TcpListener>> listeners;
  std::optional<stun::BindingServer> discovery;
  std::function<void(const turn::Ended&)> told;
  std::function<void(const turn::Server::Bound&)> told_binding;
  Counters counters;
  RunHeaders headers;  // of the run in hand
  std::vector<ByteView> parts;
};

// --- UDP ---

void TurnServer::State::UdpLink::on_datagrams(const DatagramBatch& batch) {
  State& state = state_;
  const Now now = both_now();
  const FiveTuple from{.client = batch.remote, .local = batch.local, .link = number_, .transport = Transport::kUdp};
  DatagramBatch rest = batch;
  while (!rest.bytes.empty()) {
    DatagramBatch after = rest;
    auto run = take_channel_run(after);
    const turn::Route* const route = run ? state.core.route(now.mono, from, run->channel) : nullptr;
    if (route != nullptr) {
      state.forward(now, *route, std::move(*run));
      rest = after;
      continue;
    }
    const ByteView datagram = rest.segment(0);
    if (!state.answer_discovery(*this, batch, datagram)) state.core.handle_message(now, from, datagram);
    state.flush();
    rest = rest.part(datagram.size(), rest.bytes.size() - datagram.size());
  }
}

bool TurnServer::State::answer_discovery(UdpLink& link, const DatagramBatch& batch, ByteView datagram) {
  if (!discovery || datagram.front() > 3) return false;
  const auto message = stun::MessageView::parse(datagram);
  if (!message || message->method() != stun::Method::kBinding) return false;
  const Endpoint local = link.socket().local();
  const auto answer = discovery->answer(both_now().mono, batch.remote, local, *message);
  if (!answer) return true;
  for (const auto& [number, each] : sockets) {
    if (each->socket().local() != answer->from) continue;
    // From the very address that was asked, where the socket has several.
    const DatagramBatch out{.remote = answer->to,
                            .local = answer->from == local ? batch.local : answer->from.address,
                            .bytes = answer->payload,
                            .segment_size = answer->payload.size()};
    (void)each->socket().send(out);
  }
  return true;
}

void TurnServer::State::forward(Now now, const turn::Route& found, ChannelRun run) {
  const turn::Route route = found;
  const std::size_t count = run.batch.count();
  if (!core.charge(now, found, run.data_size).allowed) {
    counters.dropped_over += count;
    return flush();
  }
  counters.forwarded += count;
  if (route.to.transport != Transport::kUdp) return send_to_stream(route, run.batch);
  const auto at = sockets.find(route.to.link);
  if (at == sockets.end()) return;
  UdpSocket& socket = at->second->socket();
  SendOutcome outcome;
  if (route.channel == run.channel) {
    run.batch.remote = route.to.client;
    run.batch.local = route.to.local;
    outcome = socket.send(run.batch);
  } else {
    // A run is at most what one receive brings, which is less than one send takes.
    renumber(run, route.channel, headers, parts);
    outcome = socket.send(GatheredBatch{.remote = route.to.client,
                                        .local = route.to.local,
                                        .parts = std::span(parts).first(std::min(parts.size(), 2 * kMaxRun)),
                                        .segment_size = run.batch.segment_size,
                                        .ecn = run.batch.ecn});
  }
  if (outcome.status == SendStatus::kBlocked) ++counters.dropped_blocked;
}

void TurnServer::State::send_to_stream(const turn::Route& route, const DatagramBatch& packets) {
  const auto at = streams.find(route.to.link);
  if (at == streams.end()) return;
  StreamQueue& queue = at->second->queue;
  for (std::size_t i = 0; i < packets.count(); ++i) {
    const ByteView data = packets.segment(i).subspan(turn::kChannelHeaderSize);
    if (queue.is_full()) {  // what came by UDP cannot be held back
      ++counters.dropped_blocked;
      continue;
    }
    queue.append(turn::channel_header(route.channel, data.size()));
    queue.append(data);
    queue.append_zeros(turn::channel_padding(data.size()));
  }
}

void TurnServer::State::send(const turn::Outgoing& out) {
  if (out.to.transport == Transport::kUdp) {
    const auto at = sockets.find(out.to.link);
    if (at == sockets.end()) return;
    const DatagramBatch batch{
        .remote = out.to.client, .local = out.to.local, .bytes = out.payload, .segment_size = out.payload.size()};
    (void)at->second->socket().send(batch);
    return;
  }
  const auto at = streams.find(out.to.link);
  if (at == streams.end()) return;
  const std::shared_ptr<Stream> stream = at->second;
  stream->queue.append(out.payload);
  if (stream->queue.is_over_limit()) stream->close();
}

void TurnServer::State::flush() {
  while (const auto out = core.poll_transmit()) send(*out);
  while (const auto bound = core.poll_binding()) {
    if (told_binding) told_binding(*bound);
  }
  while (const auto ended = core.poll_event()) {
    log_info("turn session {} ended: {}, {} bytes", ended->session.to_string(), turn::to_string(ended->reason),
             ended->bytes);
    if (told) told(*ended);
  }
}

void TurnServer::State::sleep() {
  if (closed) return;
  const auto next = core.poll_timeout();
  if (next == armed) return;
  armed = next;
  if (!next) {
    timer.cancel();
    return;
  }
  timer.expires_at(to_steady(*next));
  timer.async_wait([self = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto state = self.lock();
    if (cancelled || !state || state->closed) return;
    state->armed.reset();
    state->core.handle_timeout(both_now());
    state->flush();
    state->sleep();
  });
}

// --- streams ---

bool TurnServer::State::admit(const IpAddress& network) {
  if (closed || streams.size() >= kMaxTurnStreams) return false;
  const auto at = streams_by_network.find(network);
  return at == streams_by_network.end() || at->second < kMaxTurnStreamsPerNetwork;
}

void TurnServer::State::forget(const std::shared_ptr<Stream>& stream) {
  stream->close();
  if (streams.erase(stream->client.link) == 0) return;
  if (--streams_by_network[stream->network] == 0) streams_by_network.erase(stream->network);
  core.handle_closed(both_now(), stream->client);
  flush();
  sleep();
}

asio::awaitable<void> TurnServer::State::read(std::shared_ptr<Stream> stream) {
  const auto self = shared_from_this();
  PooledQueue buffer;
  bool failed = false;
  stream->idle.arm(kTurnStreamIdle);
  while (!failed && !stream->closed) {
    buffer.shrink();
    const auto ready = co_await stream->pipe->wait_readable();
    if (!ready) break;
    const auto got = co_await stream->pipe->read_some(buffer.writable());
    if (!got) break;
    buffer.commit(*got);
    while (!stream->closed) {
      const auto frame = stun::next_frame(buffer.readable());
      failed = !frame || (*frame && is_idle_talk(*stream, **frame));
      if (failed || !*frame || (*frame)->wire_size > buffer.size()) break;
      co_await take_frame(stream, buffer.readable().first((*frame)->size));
      buffer.consume((*frame)->wire_size);
    }
    sleep();
    if (core.has_allocation(stream->client)) {
      stream->idle.arm(turn::kMaxLifetime);
    } else {
      stream->idle.arm(kTurnStreamIdle);
    }
  }
  forget(stream);
}

asio::awaitable<void> TurnServer::State::take_frame(std::shared_ptr<Stream> stream, ByteView frame) {
  const auto data = turn::parse_channel_data(frame);
  if (data) {
    const bool carried = co_await may_carry(stream, data->channel, data->data.size());
    const turn::Route* const route = carried ? core.route(now(), stream->client, data->channel) : nullptr;
    if (route != nullptr) {
      ++counters.forwarded;
      if (route->to.transport != Transport::kUdp) {
        const DatagramBatch one{.remote = {}, .local = {}, .bytes = frame, .segment_size = frame.size()};
        send_to_stream(*route, one);
      } else if (const auto at = sockets.find(route->to.link); at != sockets.end()) {
        const auto header = turn::channel_header(route->channel, data->data.size());
        const std::array<ByteView, 2> both{ByteView(header), data->data};
        const GatheredBatch batch{.remote = route->to.client,
                                  .local = route->to.local,
                                  .parts = both,
                                  .segment_size = frame.size(),
                                  .ecn = Ecn::kNotEct};
        if (at->second->socket().send(batch).status == SendStatus::kBlocked) ++counters.dropped_blocked;
      }
      co_return;
    }
    if (carried) co_return;
  }
  if (!core.relays() && !is_binding(frame)) {  // whoever expects more here has the wrong address
    stream->close();
    co_return;
  }
  core.handle_message(both_now(), stream->client, frame);
  flush();
}

// Waits, as TCP lets us, until the receiver has room and the session's rate allows. False when there is no route: then
// the core has to look at it.
asio::awaitable<bool> TurnServer::State::may_carry(std::shared_ptr<Stream> stream, turn::ChannelNumber channel,
                                                   std::size_t bytes) {
  const auto self = shared_from_this();
  while (!stream->closed) {
    const turn::Route* const route = core.route(now(), stream->client, channel);
    if (route == nullptr) co_return false;
    const auto target = streams.find(route->to.link);
    if (target != streams.end() && target->second->queue.is_full()) {
      const std::shared_ptr<Stream> receiver = target->second;
      co_await receiver->queue.drained.wait();
      continue;
    }
    const turn::Allowance allowance = core.charge(both_now(), *route, bytes);
    if (allowance.allowed) co_return true;
    if (allowance.rest == Duration::zero()) {  // the end of what was granted
      counters.dropped_over += 1;
      flush();
      co_return true;
    }
    const Duration rest = std::min(allowance.rest, kLongestRest);
    co_await pause(rest);
  }
  co_return true;
}

asio::awaitable<void> TurnServer::State::write(std::shared_ptr<Stream> stream) {
  const auto self = shared_from_this();
  Bytes chunk;
  while (!stream->closed) {
    co_await stream->queue.filled.wait();
    if (stream->queue.empty()) continue;
    stream->queue.take(chunk);
    const auto written = co_await stream->pipe->write(chunk);
    if (!written) break;
  }
  forget(stream);
}

asio::awaitable<void> TurnServer::State::accept(TcpListener& listener) {
  const auto self = shared_from_this();
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted) break;
    TurnServer::start(self, std::move(*accepted), Transport::kTcp);
  }
}

void TurnServer::start(const std::shared_ptr<State>& state, std::unique_ptr<BytePipe> pipe, Transport transport) {
  const Endpoint remote = pipe->remote();
  const IpAddress network = stun::answer_network(remote.address);
  if (!state->admit(network)) {
    ++state->counters.streams_refused;
    return pipe->close();
  }
  const FiveTuple client{.client = remote, .local = {}, .link = state->next_link++, .transport = transport};
  const auto stream = std::make_shared<State::Stream>(state->loop, std::move(pipe), client, network);
  state->streams.emplace(client.link, stream);
  ++state->streams_by_network[network];
  asio::co_spawn(state->loop, state->read(stream), asio::detached);
  asio::co_spawn(state->loop, state->write(stream), asio::detached);
}

void TurnServer::State::close() {
  closed = true;
  timer.cancel();
  for (const auto& listener : listeners) listener->close();
  for (const auto& [number, link] : sockets) link->socket().close();
  for (const auto& [number, stream] : streams) stream->close();
}

TurnServer::TurnServer(asio::any_io_executor loop, turn::ServerConfig config, Random& random)
    : state_(std::make_shared<State>(std::move(loop), std::move(config), random)) {}

TurnServer::~TurnServer() { state_->close(); }

void TurnServer::serve(std::unique_ptr<UdpSocket> socket) {
  const std::uint32_t number = state_->next_link++;
  state_->sockets.emplace(number, std::make_unique<State::UdpLink>(*state_, number, std::move(socket)));
}

void TurnServer::serve(std::unique_ptr<TcpListener> listener) {
  TcpListener& kept = *state_->listeners.emplace_back(std::move(listener));
  asio::co_spawn(state_->loop, state_->accept(kept), asio::detached);
}

void TurnServer::serve(std::unique_ptr<BytePipe> pipe, Transport transport) {
  start(state_, std::move(pipe), transport);
}

void TurnServer::discover(const stun::DiscoveryAddresses& addresses) {
  state_->discovery.emplace(state_->random, addresses);
}

void TurnServer::close() { state_->close(); }

const asio::any_io_executor& TurnServer::loop() const { return state_->loop; }

turn::Server& TurnServer::core() { return state_->core; }

void TurnServer::pump() {
  state_->flush();
  state_->sleep();
}

void TurnServer::on_session_ended(std::function<void(const turn::Ended&)> told) { state_->told = std::move(told); }

void TurnServer::on_binding(std::function<void(const turn::Server::Bound&)> told) {
  state_->told_binding = std::move(told);
}

const TurnServer::Counters& TurnServer::counters() const {
  state_->counters.streams = state_->streams.size();
  return state_->counters;
}

}  // namespace turnpike::io
