#include "io/channel/channel_link.h"

#include <utility>

#include "io/channel/link_state.h"
#include "io/loop/convert.h"

namespace turnpike::io {

namespace {

constexpr std::size_t kReadSize = 128U << 10U;

}  // namespace

struct ChannelLink::State final : LinkState {
  State(asio::any_io_executor loop_, std::unique_ptr<BytePipe> pipe_, channel::Config config, Random& random,
        OnStream on_stream_)
      : LinkState(std::move(loop_), std::move(on_stream_)),
        pipe(std::move(pipe_)),
        channel(now(), std::move(config), random) {}

  using Self = std::shared_ptr<State>;
  static asio::awaitable<void> run_reader(Self link);
  static asio::awaitable<void> run_writer(Self link);
  static asio::awaitable<void> run_timer(Self link);

  [[nodiscard]] Self self() { return std::static_pointer_cast<State>(shared_from_this()); }
  channel::Streams& streams() override { return channel; }
  void flush() override;
  void on_closed() override { timer_wanted.notify_all(); }
  void start();
  void end_abruptly();

  std::unique_ptr<BytePipe> pipe;
  channel::SecureChannel channel;
  Wake write_wanted;  ///< poll_write() may have something.
  Wake timer_wanted;  ///< The armed deadline is too late.
  std::optional<Instant> armed;
  bool timer_waits = false;
  bool writer_done = false;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
};

asio::awaitable<void> ChannelLink::State::run_reader(Self link) {
  Bytes buffer;
  while (true) {
    const Status<IoError> ready = co_await link->pipe->wait_readable();  // an idle link holds no buffer
    if (!ready) break;
    buffer.resize(kReadSize);
    const Result<std::size_t, IoError> got = co_await link->pipe->read_some(buffer);
    if (!got) break;
    link->received += *got;
    link->channel.handle_bytes(now(), ByteView(buffer).first(*got));
    link->settle();
    if (*got < kReadSize / 4) Bytes().swap(buffer);
  }
  link->channel.handle_closed(now());
  link->settle();
}

asio::awaitable<void> ChannelLink::State::run_writer(Self link) {
  bool broken = false;
  while (!broken) {
    std::optional<Bytes> out = link->channel.poll_write();
    link->settle();  // queues have drained: streams may be writable again
    if (out) {
      const Status<IoError> written = co_await link->pipe->write(*out);
      broken = !written;
      link->sent += out->size();
      link->channel.recycle(std::move(*out));
      continue;
    }
    if (link->channel.closed()) break;
    co_await link->write_wanted.wait();
  }
  link->channel.handle_closed(now());
  link->writer_done = true;
  link->settle();
  link->timer_wanted.notify_all();
}

asio::awaitable<void> ChannelLink::State::run_timer(Self link) {
  const Duration goodbye = kGoodbyeTime;
  while (!link->channel.closed()) {
    link->armed = link->channel.poll_timeout();
    link->timer_waits = true;
    co_await link->timer_wanted.wait(link->armed);
    link->timer_waits = false;
    const std::optional<Instant> due = link->channel.poll_timeout();
    if (due && *due <= now()) link->channel.handle_timeout(now());
    link->settle();
  }
  const Instant latest = now() + goodbye;
  while (!link->writer_done && now() < latest) co_await link->timer_wanted.wait(latest);
  link->pipe->close();
}

void ChannelLink::State::start() {
  spawn(run_reader(self()));
  spawn(run_writer(self()));
  spawn(run_timer(self()));
}

void ChannelLink::State::flush() {
  write_wanted.notify_all();
  const std::optional<Instant> due = channel.poll_timeout();
  if (timer_waits && due && (!armed || *due < *armed)) {
    armed = due;  // notified once for it
    timer_wanted.notify_all();
  }
}

void ChannelLink::State::end_abruptly() {
  channel.handle_closed(now());
  pipe->close();
  settle();
}

ChannelLink::ChannelLink(asio::any_io_executor loop, std::unique_ptr<BytePipe> pipe, channel::Config config,
                         Random& random, OnStream on_stream)
    : state_(
          std::make_shared<State>(std::move(loop), std::move(pipe), std::move(config), random, std::move(on_stream))) {
  state_->start();
}

ChannelLink::~ChannelLink() {
  if (state_->running > 0) state_->end_abruptly();
}

asio::awaitable<Result<identity::PeerId, channel::CloseReason>> ChannelLink::established() {
  return state_->established();
}
asio::awaitable<channel::CloseReason> ChannelLink::closed() { return state_->all_ended(); }
std::unique_ptr<LinkStream> ChannelLink::open(std::string_view protocol) { return state_->open(protocol); }

void ChannelLink::close() {
  state_->channel.close();
  state_->settle();
}

std::optional<channel::CloseReason> ChannelLink::reason() const { return state_->channel.closed(); }
std::optional<Duration> ChannelLink::round_trip() const { return state_->channel.round_trip(); }
std::string ChannelLink::refused_security() const { return state_->channel.refused_security(); }
Instant ChannelLink::heard() const { return state_->channel.heard(); }
std::size_t ChannelLink::streams() const { return state_->channel.streams(); }
std::uint64_t ChannelLink::bytes_received() const { return state_->received; }
std::uint64_t ChannelLink::bytes_sent() const { return state_->sent; }

}  // namespace turnpike::io
