#include "io/channel/link_state.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "io/loop/convert.h"

namespace turnpike::io {

namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

using State = std::shared_ptr<LinkState>;

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

void LinkState::handle(const channel::Event& event) {
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
                     streams().reset(opened.id);
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
                   on_closed();
                 }},
      event);
}

void LinkState::settle() {
  while (const auto event = streams().poll_event()) handle(*event);
  flush();
}

asio::awaitable<Result<identity::PeerId, channel::CloseReason>> LinkState::established() {
  const State link = shared_from_this();
  while (!link->streams().closed() && !link->streams().is_established()) co_await link->changed.wait();
  if (const auto reason = link->streams().closed()) co_return fail(*reason);
  co_return *link->streams().peer();
}

asio::awaitable<channel::CloseReason> LinkState::all_ended() {
  const State link = shared_from_this();
  while (link->running > 0) co_await link->changed.wait();
  co_return link->streams().closed().value_or(channel::CloseReason::kConnectionLost);
}

std::unique_ptr<LinkStream> LinkState::open(std::string_view protocol) {
  const std::optional<channel::StreamId> id = streams().open_stream(protocol);
  if (!id) return nullptr;
  auto stream = std::make_unique<LinkStream>(shared_from_this(), *id, std::string(protocol));
  settle();
  return stream;
}

LinkStream::LinkStream(std::shared_ptr<LinkState> link, channel::StreamId id, std::string protocol)
    : link_(std::move(link)), slot_(link_->slot_of(id)), id_(id), protocol_(std::move(protocol)) {}

LinkStream::~LinkStream() {
  link_->slots.erase(id_);
  if (!link_->streams().is_open(id_)) return;
  if (finished_ && slot_->peer_finished) {  // a reset would drop what is written and has not left yet
    while (!readable().empty()) link_->streams().consume(now(), id_, readable().size());
  } else {
    link_->streams().reset(id_);
  }
  link_->settle();
}

std::optional<StreamError> LinkStream::failure() const {
  if (slot_->failed) return slot_->failed;
  if (link_->streams().closed()) return StreamError::kClosed;
  return std::nullopt;
}

asio::awaitable<Status<StreamError>> LinkStream::wait_readable(std::optional<Instant> deadline) {
  const std::shared_ptr<LinkSlot> slot = slot_;
  while (link_->streams().readable(id_).empty()) {
    if (const auto failed = failure()) co_return fail(*failed);
    if (slot->peer_finished) co_return fail(StreamError::kEnd);
    if (deadline && now() >= *deadline) co_return fail(StreamError::kTimeout);
    co_await slot->changed.wait(deadline);
  }
  co_return Ok{};
}

ByteView LinkStream::readable() const { return link_->streams().readable(id_); }

void LinkStream::consume(std::size_t size) {
  link_->streams().consume(now(), id_, size);
  link_->settle();
}

asio::awaitable<Status<StreamError>> LinkStream::write(ByteView bytes, std::optional<Duration> stall) {
  const std::shared_ptr<LinkSlot> slot = slot_;
  std::optional<Instant> deadline;
  while (!bytes.empty()) {
    if (const auto failed = failure()) co_return fail(*failed);
    const std::size_t taken = link_->streams().write(id_, bytes);
    bytes = bytes.subspan(taken);
    if (taken > 0) {
      deadline.reset();
      link_->settle();
      continue;
    }
    if (!link_->streams().is_open(id_)) co_return fail(StreamError::kReset);
    if (stall && !deadline) deadline = now() + *stall;
    if (deadline && now() >= *deadline) co_return fail(StreamError::kTimeout);
    co_await slot->changed.wait(deadline);
  }
  co_return Ok{};
}

void LinkStream::end_frame() { link_->streams().end_frame(id_); }

void LinkStream::finish() {
  if (std::exchange(finished_, true)) return;
  link_->streams().finish(id_);
  link_->settle();
}

void LinkStream::reset() {
  if (!slot_->failed) slot_->failed = StreamError::kReset;
  slot_->changed.notify_all();
  link_->streams().reset(id_);
  link_->settle();
}

bool LinkStream::is_usable() const {
  return !failure() && !finished_ && !slot_->peer_finished && link_->streams().is_open(id_);
}

}  // namespace turnpike::io
