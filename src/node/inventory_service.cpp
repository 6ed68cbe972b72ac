#include "node/inventory_service.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/exchange/frame.h"
#include "core/inventory/follower.h"
#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::node {
namespace {

constexpr Duration kRequestTime = std::chrono::seconds(10);

/// The request, or nothing: then the stream is of no use.
asio::awaitable<std::optional<inventory::Request>> read_request(io::LinkStream& stream) {
  exchange::FrameReader reader(inventory::kMaxRequestSize);
  const std::optional<Instant> deadline = io::now() + kRequestTime;
  while (true) {
    const Status<io::StreamError> ready = co_await stream.wait_readable(deadline);
    if (!ready) co_return std::nullopt;
    const ByteView came = stream.readable();
    ByteView rest = came;
    const auto message = reader.take(rest);
    stream.consume(came.size() - rest.size());
    if (!message) co_return std::nullopt;
    if (message->empty()) continue;
    const auto request = inventory::decode_request(*message);
    if (!request) co_return std::nullopt;
    co_return *request;
  }
}

}  // namespace

/// One asker's stream.
struct InventoryService::Telling {
  std::unique_ptr<io::LinkStream> stream;
  bool over = false;
};

/// One peer whose stores are known.
struct InventoryService::Known {
  Known(const identity::PeerId& self, const identity::PeerId& who) : peer(who), follower(self, who) {}

  identity::PeerId peer;
  inventory::Follower follower;
  bool asking = false;
};

InventoryService::InventoryService(asio::any_io_executor loop, const crypto::SigningKey& identity,
                                   identity::SequenceSource& sequence, io::Host& host, Brain& brain, Random& random)
    : loop_(std::move(loop)),
      identity_(identity),
      sequence_(sequence),
      host_(host),
      brain_(brain),
      shelf_(1 + random.below(UINT64_MAX - 1)) {}

void InventoryService::open() {
  open_ = true;
  wake_.notify_all();
}

void InventoryService::stop() {
  stopping_ = true;
  wake_.notify_all();
}

void InventoryService::refresh() {
  const std::uint64_t version = brain_.peer().locals_version();
  if (shelved_ == version) return;
  shelved_ = version;
  shelf_.set(brain_.peer().public_stores());
}

asio::awaitable<void> InventoryService::serve(std::shared_ptr<io::HostConnection> connection,
                                              std::unique_ptr<io::LinkStream> stream) {
  const auto telling = std::make_shared<Telling>();
  telling->stream = std::move(stream);
  const identity::PeerId peer = connection->peer();
  const auto request = co_await read_request(*telling->stream);
  if (!request) {
    telling->stream->reset();
    co_return;
  }
  asio::co_spawn(loop_, watch_end(telling), asio::detached);
  co_await tell_all(telling, peer, *request);
}

// An asker says nothing after its request but, by ending its direction, that it has heard enough.
asio::awaitable<void> InventoryService::watch_end(std::shared_ptr<Telling> telling) {
  const std::shared_ptr<Telling> own = std::move(telling);
  const Status<io::StreamError> what = co_await own->stream->wait_readable();
  if (what) own->stream->reset();
  const bool may_listen = !what && what.error() == io::StreamError::kEnd;
  if (!may_listen) own->over = true;
  wake_.notify_all();
}

asio::awaitable<void> InventoryService::tell_all(std::shared_ptr<Telling> telling, identity::PeerId peer,
                                                 inventory::Request request) {
  const std::shared_ptr<Telling> own = std::move(telling);
  inventory::Teller teller(request);
  const std::optional<Duration> stall = kInventoryStall;
  while (!own->over && !stopping_) {
    if (!open_) {
      (void)co_await wake_.wait();
      continue;
    }
    refresh();
    const auto page = teller.next(shelf_);
    if (page) {
      const WallTime wall = io::wall_now();
      const Bytes bytes = inventory::sign_page(identity_, *page, peer, sequence_.next(wall), wall);
      const Status<io::StreamError> written = co_await own->stream->write(bytes, stall);
      if (!written) break;
      continue;
    }
    if (!request.follow) break;
    (void)co_await wake_.wait();
    const std::optional<Instant> together = io::now() + kPushGap;
    while (!own->over && !stopping_ && io::now() < *together) (void)co_await wake_.wait(together);
  }
  own->stream->finish();
}

void InventoryService::peer_identified(const std::shared_ptr<io::HostConnection>& connection) {
  const auto& info = connection->info();
  if (stopping_ || !info || !info->speaks(inventory::kProtocol)) return;
  const identity::PeerId peer = connection->peer();
  auto& known = known_[peer];
  if (!known) known = std::make_shared<Known>(identity::PeerId{identity_.public_key()}, peer);
  if (std::exchange(known->asking, true)) return;
  gone_.remove(peer);
  asio::co_spawn(loop_, keep_asking(known, connection), asio::detached);
}

void InventoryService::make_room() {
  while (known_.size() > kMaxRemembered && !gone_.empty()) {
    const auto at = known_.find(gone_.front());
    gone_.pop_front();
    if (at == known_.end()) continue;
    const auto& held = at->second->follower.held();
    const inventory::Change all{.seq = 0, .stores = {}, .gone = {held.begin(), held.end()}};
    const identity::PeerId peer = at->first;
    brain_.tell([&](peer::Peer& brain, Now now) { brain.handle_inventory(now, peer, {}, all); });
    known_.erase(at);
  }
}

asio::awaitable<void> InventoryService::keep_asking(std::shared_ptr<Known> known,
                                                    std::shared_ptr<io::HostConnection> connection) {
  const std::shared_ptr<Known> own = std::move(known);
  while (!stopping_) {
    // Another connection may have taken its place.
    if (!connection->is_open()) connection = host_.find(own->peer);
    if (!connection || !connection->info()) break;
    const bool follow = followed_ < kMaxFollowed;
    if (follow) ++followed_;
    co_await ask(own, connection, follow);
    if (follow) --followed_;
    const auto error = own->follower.error();
    if (error && *error != inventory::ProtocolError::kTruncated) {
      io::log_debug("inventory of {}: {}", own->peer.to_string(), inventory::words_of(*error));
    }
    const bool is_fault = error && *error != inventory::ProtocolError::kTruncated;
    const Duration pause = is_fault ? kInventoryFault : error || follow ? kInventoryRetry : kAskAgain;
    co_await sleep_until(io::now() + pause, *connection);
  }
  own->asking = false;
  gone_.push_back(own->peer);
  make_room();
}

asio::awaitable<void> InventoryService::ask(std::shared_ptr<Known> known,
                                            std::shared_ptr<io::HostConnection> connection, bool follow) {
  inventory::Follower& follower = known->follower;
  const IpAddress from = connection->remote().address;
  const identity::PeerId peer = known->peer;
  const Bytes request = follower.start(io::now(), follow);
  const std::unique_ptr<io::LinkStream> stream = connection->open(inventory::kProtocol);
  if (!stream) co_return;
  const std::optional<Duration> stall = kInventoryStall;
  const Status<io::StreamError> written = co_await stream->write(request, stall);
  if (!written) co_return;
  if (!follow) stream->finish();
  while (!stopping_) {
    const Status<io::StreamError> ready = co_await stream->wait_readable();
    if (!ready) {
      follower.handle_end();
      co_return;
    }
    const ByteView came = stream->readable();
    follower.handle_bytes(io::both_now(), came);
    stream->consume(came.size());
    while (const auto change = follower.poll_event()) {
      brain_.tell([&](peer::Peer& brain, Now now) { brain.handle_inventory(now, peer, from, *change); });
    }
    if (follower.error()) {
      stream->reset();
      co_return;
    }
  }
}

asio::awaitable<void> InventoryService::sleep_until(Instant time, const io::HostConnection& connection) {
  const std::optional<Instant> until = time;
  while (io::now() < time && connection.is_open() && !stopping_) (void)co_await wake_.wait(until);
}

}  // namespace turnpike::node
