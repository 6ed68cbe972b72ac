#include "io/channel/channel_link.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <map>
#include <utility>

#include "io/channel/wake.h"
#include "io/loop/convert.h"

namespace turnpike::io {

namespace {

constexpr std::size_t kReadSize = 128U << 10U;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

/// What the link knows of a stream beside the channel itself. Shared with the LinkStream, so that it outlives both.
struct LinkSlot {
  Wake changed;
  std::optional<StreamError> failed;  ///< kReset, kRefused or kClosed.
  bool peer_finished = false;
};

/// Owned by the link's coroutines, its handle and its streams together: the last of them to go ends it.
struct LinkState : std::enable_shared_from_this<LinkState> {
  LinkState(asio::any_io_executor loop_, std::unique_ptr<BytePipe> pipe_, channel::Config config, Random& random,
            ChannelLink::OnStream on_stream_)
      : loop(std::move(loop_)),
        pipe(std::move(pipe_)),
        channel(now(), std::move(config), random),
        on_stream(std::move(on_stream_)) {}

  void start();
  void spawn(asio::awaitable<void> work);
  /// To be called after everything that was done to the channel.
  void settle();
  void handle(const channel::SecureChannel::Event& event);
  void fail_stream(channel::StreamId id, StreamError error);
  void end_abruptly();
  std::shared_ptr<LinkSlot> slot_of(channel::StreamId id);

  asio::any_io_executor loop;
  std::unique_ptr<BytePipe> pipe;
  channel::SecureChannel channel;
  ChannelLink::OnStream on_stream;
  std::map<channel::StreamId, std::shared_ptr<LinkSlot>> slots;
  Wake changed;       ///< Established, closed, or a coroutine ended.
  Wake write_wanted;  ///< poll_write() may have something.
  Wake timer_wanted;  ///< The armed deadline is too late.
  std::optional<Instant> armed;
  bool timer_waits = false;
  bool writer_done = false;
  std::size_t running = 0;  ///< Coroutines that have not ended.
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
};

namespace {

using State = std::shared_ptr<LinkState>;

asio::awaitable<void> run_reader(State link) {
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

asio::awaitable<void> run_writer(State link) {
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

asio::awaitable<void> run_timer(State link) {
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

asio::awaitable<void> run_counted(State link, asio::awaitable<void> work) {
  asio::awaitable<void> own = std::move(work);
  co_await std::move(own);
  --link->running;
  link->changed.notify_all();
}

}  // namespace

void LinkState::spawn(asio::awaitable<void> work) {
  ++running;
  asio::co_spawn(loop, run_counted(shared_from_this(), std::move(work)), [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);  // our own bug: nothing catches it
  });
}

void LinkState::start() {
  spawn(run_reader(shared_from_this()));
  spawn(run_writer(shared_from_this()));
  spawn(run_timer(shared_from_this()));
}

std::shared_ptr<LinkSlot> LinkState::slot_of(channel::StreamId id) {
  std::shared_ptr<LinkSlot>& slot = slots[id];
  if (!slot) slot = std::make_shared<LinkSlot>();
  return slot;
}

void LinkState::fail_stream(channel::StreamId id, StreamError error) {
  const auto at = slots.find(id);
  if (at == slots.end()) return;
  if (!at->second->failed) at->second->failed = error;
  at->second->changed.notify_all();
}

void LinkState::handle(const channel::SecureChannel::Event& event) {
  const auto wake = [this](channel::StreamId id) {
    if (const auto at = slots.find(id); at != slots.end()) at->second->changed.notify_all();
  };
  std::visit(
      Overloaded{[&](const channel::Established&) { changed.notify_all(); },
                 [&](const channel::StreamOpened& opened) {
                   if (!opened.inbound) return;
                   if (on_stream) {
                     spawn(on_stream(std::make_unique<LinkStream>(shared_from_this(), opened.id, opened.protocol)));
                   } else {
                     channel.reset(opened.id);
                   }
                 },
                 [&](const channel::StreamReadable& readable) { wake(readable.id); },
                 [&](const channel::StreamWritable& writable) { wake(writable.id); },
                 [&](const channel::StreamFinished& finished) {
                   if (const auto at = slots.find(finished.id); at != slots.end()) {
                     at->second->peer_finished = true;
                   }
                   wake(finished.id);
                 },
                 [&](const channel::StreamReset& reset) { fail_stream(reset.id, StreamError::kReset); },
                 [&](const channel::StreamRefused& refused) { fail_stream(refused.id, StreamError::kRefused); },
                 [&](const channel::Closed&) {
                   for (const auto& [id, slot] : slots) fail_stream(id, StreamError::kClosed);
                   changed.notify_all();
                   timer_wanted.notify_all();
                 }},
      event);
}

void LinkState::settle() {
  while (const auto event = channel.poll_event()) handle(*event);
  write_wanted.notify_all();
  const std::optional<Instant> due = channel.poll_timeout();
  if (timer_waits && due && (!armed || *due < *armed)) {
    armed = due;  // notified once for it
    timer_wanted.notify_all();
  }
}

void LinkState::end_abruptly() {
  channel.handle_closed(now());
  pipe->close();
  settle();
}

LinkStream::LinkStream(std::shared_ptr<LinkState> link, channel::StreamId id, std::string protocol)
    : link_(std::move(link)), slot_(link_->slot_of(id)), id_(id), protocol_(std::move(protocol)) {}

LinkStream::~LinkStream() {
  link_->slots.erase(id_);
  if (!link_->channel.is_open(id_)) return;
  if (finished_ && slot_->peer_finished) {  // a reset would drop what is written and has not left yet
    while (!readable().empty()) link_->channel.consume(now(), id_, readable().size());
  } else {
    link_->channel.reset(id_);
  }
  link_->settle();
}

std::optional<StreamError> LinkStream::failure() const {
  if (slot_->failed) return slot_->failed;
  if (link_->channel.closed()) return StreamError::kClosed;
  return std::nullopt;
}

asio::awaitable<Status<StreamError>> LinkStream::wait_readable(std::optional<Instant> deadline) {
  const std::shared_ptr<LinkSlot> slot = slot_;
  while (link_->channel.readable(id_).empty()) {
    if (const auto failed = failure()) co_return fail(*failed);
    if (slot->peer_finished) co_return fail(StreamError::kEnd);
    if (deadline && now() >= *deadline) co_return fail(StreamError::kTimeout);
    co_await slot->changed.wait(deadline);
  }
  co_return Ok{};
}

ByteView LinkStream::readable() const { return link_->channel.readable(id_); }

void LinkStream::consume(std::size_t size) {
  link_->channel.consume(now(), id_, size);
  link_->settle();
}

asio::awaitable<Status<StreamError>> LinkStream::write(ByteView bytes, std::optional<Duration> stall) {
  const std::shared_ptr<LinkSlot> slot = slot_;
  std::optional<Instant> deadline;
  while (!bytes.empty()) {
    if (const auto failed = failure()) co_return fail(*failed);
    const std::size_t taken = link_->channel.write(id_, bytes);
    bytes = bytes.subspan(taken);
    if (taken > 0) {
      deadline.reset();
      link_->settle();
      continue;
    }
    if (!link_->channel.is_open(id_)) co_return fail(StreamError::kReset);
    if (stall && !deadline) deadline = now() + *stall;
    if (deadline && now() >= *deadline) co_return fail(StreamError::kTimeout);
    co_await slot->changed.wait(deadline);
  }
  co_return Ok{};
}

void LinkStream::finish() {
  if (std::exchange(finished_, true)) return;
  link_->channel.finish(id_);
  link_->settle();
}

void LinkStream::reset() {
  if (!slot_->failed) slot_->failed = StreamError::kReset;
  slot_->changed.notify_all();
  link_->channel.reset(id_);
  link_->settle();
}

bool LinkStream::is_usable() const {
  return !failure() && !finished_ && !slot_->peer_finished && link_->channel.is_open(id_);
}

ChannelLink::ChannelLink(asio::any_io_executor loop, std::unique_ptr<BytePipe> pipe, channel::Config config,
                         Random& random, OnStream on_stream)
    : state_(std::make_shared<LinkState>(std::move(loop), std::move(pipe), std::move(config), random,
                                         std::move(on_stream))) {
  state_->start();
}

ChannelLink::~ChannelLink() {
  if (state_->running > 0) state_->end_abruptly();
}

asio::awaitable<Result<identity::PeerId, channel::CloseReason>> ChannelLink::established() {
  const std::shared_ptr<LinkState> link = state_;
  while (!link->channel.closed() && !link->channel.is_established()) co_await link->changed.wait();
  if (const auto reason = link->channel.closed()) co_return fail(*reason);
  co_return *link->channel.peer();
}

asio::awaitable<channel::CloseReason> ChannelLink::closed() {
  const std::shared_ptr<LinkState> link = state_;
  while (link->running > 0) co_await link->changed.wait();
  co_return link->channel.closed().value_or(channel::CloseReason::kConnectionLost);
}

std::unique_ptr<LinkStream> ChannelLink::open(std::string_view protocol) {
  const std::optional<channel::StreamId> id = state_->channel.open_stream(protocol);
  if (!id) return nullptr;
  auto stream = std::make_unique<LinkStream>(state_, *id, std::string(protocol));
  state_->settle();
  return stream;
}

void ChannelLink::close() {
  state_->channel.close();
  state_->settle();
}

std::optional<channel::CloseReason> ChannelLink::reason() const { return state_->channel.closed(); }
std::optional<Duration> ChannelLink::round_trip() const { return state_->channel.round_trip(); }
std::size_t ChannelLink::streams() const { return state_->channel.streams(); }
std::uint64_t ChannelLink::bytes_received() const { return state_->received; }
std::uint64_t ChannelLink::bytes_sent() const { return state_->sent; }

}  // namespace turnpike::io
