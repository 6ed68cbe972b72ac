#include "io/turn/turn_client.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/stun/framing.h"
#include "io/loop/convert.h"
#include "io/tcp/buffer_pool.h"
#include "io/turn/channel_run.h"
#include "io/turn/stream_queue.h"

namespace turnpike::io {

struct TurnClient::State final : public UdpReceiver, public std::enable_shared_from_this<State> {
  State(const asio::any_io_executor& executor, turn::ClientConfig config, Random& random, Handlers told)
      : loop(executor),
        timer(executor),
        queue(executor),
        handlers(std::move(told)),
        core(now(), std::move(config), random) {}

  void on_datagrams(const DatagramBatch& batch) override {
    if (batch.remote != server) return;
    const auto self = shared_from_this();
    DatagramBatch rest = batch;
    while (!rest.bytes.empty() && !closed) {
      if (handlers.on_batch && take_run(rest)) continue;
      const ByteView first = rest.segment(0);
      take(first);
      rest.bytes = rest.bytes.subspan(first.size());
    }
    pump();
  }

  // The data of a run of one channel, put together: one copy, and one call for all of it.
  bool take_run(DatagramBatch& rest) {
    const auto run = take_channel_run(rest);
    if (!run) return false;
    joined.clear();
    std::optional<Endpoint> peer;
    for (std::size_t i = 0; i < run->batch.count(); ++i) {
      const auto received = core.receive(run->batch.segment(i));
      if (!received) return true;  // no channel of ours
      peer = received->peer;
      joined.insert(joined.end(), received->data.begin(), received->data.end());
    }
    if (!peer || joined.empty()) return true;
    handlers.on_batch({.remote = *peer,
                       .local = {},
                       .bytes = joined,
                       .segment_size = run->batch.segment_size - turn::kChannelHeaderSize,
                       .ecn = run->batch.ecn});
    return true;
  }

  void take(ByteView message) {
    if (const auto received = core.receive(message)) {
      if (!handlers.on_batch) return handlers.on_data(received->peer, received->data);
      if (received->data.empty()) return;
      handlers.on_batch({.remote = received->peer, .bytes = received->data, .segment_size = received->data.size()});
    } else {
      core.handle_message(now(), message);
    }
  }

  void pump() {
    const auto self = shared_from_this();
    while (const auto out = core.poll_transmit()) transmit(*out);
    while (!closed) {  // a handler may end it
      const auto event = core.poll_event();
      if (!event) break;
      handlers.on_event(*event);
    }
    if (closed) return;
    const auto next = core.poll_timeout();
    if (next == armed) return;
    armed = next;
    timer.cancel();
    if (!next) return;
    timer.expires_at(to_steady(*next));
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
      const auto state = weak.lock();
      if (cancelled || !state || state->closed) return;
      state->armed.reset();
      state->core.handle_timeout(now());
      state->pump();
    });
  }

  void transmit(ByteView message) {
    if (!socket) return queue.append(message);
    const DatagramBatch batch{.remote = server, .local = {}, .bytes = message, .segment_size = message.size()};
    (void)socket->send(batch);
  }

  asio::awaitable<void> read() {
    const auto self = shared_from_this();
    PooledQueue buffer;
    bool failed = false;
    while (!failed && !closed) {
      const auto got = co_await pipe->read_some(buffer.writable());
      if (!got) break;
      buffer.commit(*got);
      while (!closed) {
        const auto frame = stun::next_frame(buffer.readable());
        failed = !frame;
        if (failed || !*frame || (*frame)->wire_size > buffer.size()) break;
        take(buffer.readable().first((*frame)->size));
        buffer.consume((*frame)->wire_size);
      }
      pump();
    }
    if (!closed && !core.is_over()) handlers.on_event(turn::Client::Failed{});
    close();
  }

  asio::awaitable<void> write() {
    const auto self = shared_from_this();
    Bytes chunk;
    while (!closed) {
      co_await queue.filled.wait();
      if (queue.empty()) continue;
      queue.take(chunk);
      const auto written = co_await pipe->write(chunk);
      if (!written) break;
    }
  }

  void close() {
    if (std::exchange(closed, true)) return;
    timer.cancel();
    if (socket) socket->close();
    if (pipe) pipe->close();
    queue.filled.set();
  }

  asio::any_io_executor loop;
  asio::steady_timer timer;
  std::optional<Instant> armed;
  StreamQueue queue;
  Handlers handlers;
  turn::Client core;
  Endpoint server;
  std::unique_ptr<UdpSocket> socket;  // one of the two
  std::unique_ptr<BytePipe> pipe;
  bool closed = false;
  Bytes joined;  // of the run in hand
  std::vector<ByteView> parts;
};

namespace {

turn::ClientConfig made_reliable(turn::ClientConfig config) {
  config.reliable = true;
  return config;
}

}  // namespace

TurnClient::TurnClient(const asio::any_io_executor& loop, std::unique_ptr<UdpSocket> socket, const Endpoint& server,
                       turn::ClientConfig config, Random& random, Handlers handlers)
    : state_(std::make_shared<State>(loop, std::move(config), random, std::move(handlers))) {
  state_->server = server;
  state_->socket = std::move(socket);
  state_->socket->start(*state_);
  state_->pump();
}

TurnClient::TurnClient(const asio::any_io_executor& loop, std::unique_ptr<BytePipe> pipe, turn::ClientConfig config,
                       Random& random, Handlers handlers)
    : state_(std::make_shared<State>(loop, made_reliable(std::move(config)), random, std::move(handlers))) {
  state_->pipe = std::move(pipe);
  asio::co_spawn(loop, state_->read(), asio::detached);
  asio::co_spawn(loop, state_->write(), asio::detached);
  state_->pump();
}

TurnClient::~TurnClient() { state_->close(); }

bool TurnClient::bind(const Endpoint& peer) {
  const bool kept = state_->core.bind(now(), peer);
  state_->pump();
  return kept;
}

void TurnClient::release() {
  state_->core.release(now());
  state_->pump();
}

bool TurnClient::send(const Endpoint& peer, ByteView data) {
  const auto channel = state_->core.channel_to(peer);
  if (!channel || data.size() > 0xffff) return false;
  const auto header = turn::channel_header(*channel, data.size());
  if (state_->socket) {
    const std::array<ByteView, 2> parts{ByteView(header), data};
    const GatheredBatch batch{.remote = state_->server,
                              .local = {},
                              .parts = parts,
                              .segment_size = header.size() + data.size(),
                              .ecn = Ecn::kNotEct};
    return state_->socket->send(batch).status == SendStatus::kSent;
  }
  if (state_->queue.is_full()) return false;
  state_->queue.append(header);
  state_->queue.append(data);
  state_->queue.append_zeros(turn::channel_padding(data.size()));
  return true;
}

void TurnClient::send(const Endpoint& peer, const DatagramBatch& batch) {
  const auto channel = state_->core.channel_to(peer);
  if (!channel || batch.segment_size > 0xffff) return;
  if (!state_->socket) {
    for (std::size_t i = 0; i < batch.count(); ++i) (void)send(peer, batch.segment(i));
    return;
  }
  // Headers and segments in turns; the last one may say another length.
  const auto whole = turn::channel_header(*channel, batch.segment_size);
  const ByteView end = batch.segment(batch.count() - 1);
  const auto last = turn::channel_header(*channel, end.size());
  constexpr std::size_t kAtOnce = kMaxSendParts / 2;
  const std::size_t packet = batch.segment_size + turn::kChannelHeaderSize;
  const std::size_t fits = std::clamp<std::size_t>(kMaxSendSize / packet, 1, kAtOnce);
  for (std::size_t from = 0; from < batch.count(); from += fits) {
    const std::size_t until = std::min(batch.count(), from + fits);
    state_->parts.clear();
    for (std::size_t i = from; i < until; ++i) {
      state_->parts.emplace_back(i + 1 == batch.count() ? last : whole);
      state_->parts.push_back(batch.segment(i));
    }
    (void)state_->socket->send(GatheredBatch{
        .remote = state_->server, .local = {}, .parts = state_->parts, .segment_size = packet, .ecn = batch.ecn});
  }
}

const turn::Client& TurnClient::core() const { return state_->core; }

}  // namespace turnpike::io
