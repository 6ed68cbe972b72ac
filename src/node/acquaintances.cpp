#include "node/acquaintances.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/kad/realm.h"
#include "io/host/services.h"
#include "io/log/log.h"
#include "io/loop/convert.h"

namespace turnpike::node {
namespace {

constexpr std::string_view kTable = "acquaintances";
constexpr std::string_view kMet = "met";
constexpr std::size_t kAnswerStreams = 2;  // of one connection: nobody needs to ask twice at once
constexpr Duration kAnswerTime = std::chrono::seconds(10);

// Those that a peer at `at` may be remembered by.
std::vector<Endpoint> tcp_of(const std::vector<multiaddr::Multiaddr>& addresses, const identity::PeerId& peer,
                             const IpAddress& at) {
  std::vector<Endpoint> out;
  for (const multiaddr::Multiaddr& address : kad::passing(addresses, at, identity::AnyPeerId(peer))) {
    if (const auto endpoint = address.tcp_endpoint()) out.push_back(*endpoint);
  }
  return out;
}

/// The length, and then as many bytes; nothing if it is longer than `limit`, or not whole within the time.
asio::awaitable<std::optional<Bytes>> receive_one(io::LinkStream& stream, std::size_t limit) {
  const std::optional<Instant> deadline = io::now() + kAnswerTime;
  Bytes held;
  while (true) {
    ByteReader in(held);
    const std::uint64_t size = in.varint();
    if (!held.empty() && !in.failed()) {
      if (size > limit) co_return std::nullopt;
      if (in.remaining() >= size) co_return copy_of(in.take(static_cast<std::size_t>(size)));
    }
    if (held.size() > limit + sizeof(std::uint64_t)) co_return std::nullopt;
    const Status<io::StreamError> ready = co_await stream.wait_readable(deadline);
    if (!ready) co_return std::nullopt;
    const ByteView came = stream.readable();
    held.insert(held.end(), came.begin(), came.end());
    stream.consume(came.size());
  }
}

}  // namespace

Acquaintances::Acquaintances(asio::any_io_executor loop, const identity::PeerId& self, const Allowed& allowed,
                             io::Host& host, Brain& brain, io::StateDb& state, Random& random)
    : loop_(loop),
      self_(self),
      enabled_(allowed.dialling),
      introduces_(allowed.dialling && allowed.introductions),
      host_(host),
      brain_(brain),
      state_(state),
      random_(random),
      contacts_(self, random),
      timer_(std::move(loop)),
      kept_(io::now()) {}

void Acquaintances::start(const std::vector<multiaddr::Multiaddr>& named) {
  if (!enabled_) return;
  if (introduces_) {
    host_.handle(std::string(contacts::kPeersProtocol), {.streams = kAnswerStreams, .urgent = true},
                 [this](std::shared_ptr<io::HostConnection> connection, std::unique_ptr<io::LinkStream> stream) {
                   return answer(std::move(connection), std::move(stream));
                 });
  }
  const auto kept = state_.get(kTable, kMet);
  const auto met = kept ? contacts::decode(bytes_of(*kept)) : std::vector<contacts::Remembered>();
  contacts_.remember(met);
  for (const contacts::Remembered& each : met) heard_of(each.peer, path::Found::kKnown, each.tcp);
  for (const multiaddr::Multiaddr& address : named) {
    const auto peer = address.peer();
    const auto id = peer ? peer->ed25519() : std::nullopt;
    const auto endpoint = address.tcp_endpoint();
    if (id && endpoint) heard_of(*id, path::Found::kKnown, {*endpoint});
  }
  if (!met.empty()) io::log_info("{} peers are known from before", met.size());
  pump();
}

void Acquaintances::stop() {
  if (enabled_ && !stopped_) keep();
  stopped_ = true;
  timer_.cancel();
}

void Acquaintances::heard_of(const identity::PeerId& peer, path::Found found, const std::vector<Endpoint>& tcp) {
  if (peer == self_ || stopped_) return;
  brain_.tell([&](peer::Peer& brain, Now now) { brain.handle_found(now, peer, found, tcp); });
  if (!enabled_) return;
  contacts_.learn(io::now(), peer, found, tcp);
  pump();
}

void Acquaintances::meet(const identity::PeerId& peer, path::Found found, const std::vector<Endpoint>& tcp) {
  heard_of(peer, found, tcp);
  if (!enabled_ || stopped_ || peer == self_ || tcp.empty() || host_.find(peer)) return;
  if (meeting_.size() >= kMaxMeetings || !meeting_.insert(peer).second) return;
  asio::co_spawn(loop_, connect(peer, found, tcp), asio::detached);
}

asio::awaitable<void> Acquaintances::connect(identity::PeerId peer, path::Found found, std::vector<Endpoint> tcp) {
  const identity::PeerId who = peer;
  const auto connection = co_await host_.dial(who, std::move(tcp), found);
  if (!connection) io::log_debug("peer {}: {}", who.to_string(), connection.error().detail);
  meeting_.erase(who);
}

void Acquaintances::peer_identified(const std::shared_ptr<io::HostConnection>& connection) {
  if (!enabled_ || stopped_ || !connection->info()) return;
  const identify::Info& info = *connection->info();
  const identity::PeerId peer = connection->peer();
  const IpAddress seen = connection->remote().address;
  contacts_.handle_connected(io::now(), peer);
  contacts_.handle_met(io::both_now(), peer, tcp_of(info.addresses(), peer, seen));
  if (info.record) shelf_.handle_record(io::now(), peer, seen, info.envelope, info.record->seq, info.record->addresses);
  if (introduces_ && info.speaks(contacts::kPeersProtocol) && asked_.emplace(peer, io::now()).second) {
    asio::co_spawn(loop_, ask(connection), asio::detached);
  }
}

void Acquaintances::peer_disconnected(const identity::PeerId& peer) {
  contacts_.handle_disconnected(io::now(), peer);
  shelf_.handle_gone(io::now(), peer);
  asked_.erase(peer);
  pump();
}

void Acquaintances::network_changed() {
  contacts_.retry_now();
  pump();
}

void Acquaintances::look() {
  if (!enabled_ || stopped_) return;
  const Instant now = io::now();
  if (now >= kept_ + kRememberPeriod) keep();
  if (!contacts_.wants_company()) return;
  if (now >= looked_ + kBootstrapPeersPeriod) learn_from_bootstraps();
  for (auto& [peer, when] : asked_) {
    const auto connection = now >= when + kIntroducePeriod ? host_.find(peer) : nullptr;
    if (!connection) continue;
    when = now;
    asio::co_spawn(loop_, ask(connection), asio::detached);
  }
}

void Acquaintances::learn_from_bootstraps() {
  looked_ = io::now();
  for (const peer::PeerView& each : brain_.peer().peers()) {
    if (each.found.has(path::Found::kBootstrap) && !each.tcp.empty()) {
      contacts_.learn(looked_, each.peer, path::Found::kBootstrap, each.tcp);
    }
  }
  pump();
}

void Acquaintances::keep() {
  kept_ = io::now();
  const Bytes bytes = contacts::encode(contacts_.remembered());
  if (!state_.put(kTable, kMet, text_of(bytes))) io::log_error("the state database cannot be written");
}

void Acquaintances::pump() {
  if (!enabled_ || stopped_) return;
  while (auto next = contacts_.poll_dial(io::now())) asio::co_spawn(loop_, dial(*std::move(next)), asio::detached);
  sleep();
}

void Acquaintances::sleep() {
  const std::optional<Instant> next = contacts_.poll_timeout();
  if (next == armed_) return;
  armed_ = next;
  timer_.cancel();
  if (!next || stopped_) return;
  timer_.expires_at(io::to_steady(*next));
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || stopped_) return;
    armed_.reset();
    pump();
  });
}

asio::awaitable<void> Acquaintances::dial(contacts::Dial given) {
  const contacts::Dial order = std::move(given);
  const auto connection = co_await host_.dial(order.peer, order.tcp, order.found);
  if (!connection) io::log_debug("peer {}: {}", order.peer.to_string(), connection.error().detail);
  if (connection) contacts_.handle_connected(io::now(), order.peer);
  contacts_.handle_dialled(io::now(), order.peer, static_cast<bool>(connection));
  pump();
}

asio::awaitable<void> Acquaintances::ask(std::shared_ptr<io::HostConnection> given) {
  const std::shared_ptr<io::HostConnection> connection = std::move(given);
  const std::unique_ptr<io::LinkStream> stream = connection->open(contacts::kPeersProtocol);
  if (!stream) co_return;
  stream->finish();
  const auto bytes = co_await receive_one(*stream, contacts::kMaxAnswer);
  if (!bytes || stopped_) co_return;
  const auto told =
      contacts::read_introductions(*bytes, io::wall_now(), self_, connection->peer(), connection->remote().address);
  if (!told) {
    io::log_warning("peer {} introduces peers who have not said so: closed", connection->peer().to_string());
    connection->close();
    co_return;
  }
  for (const contacts::Introduced& each : *told) heard_of(each.peer, path::Found::kExchange, each.tcp);
}

asio::awaitable<void> Acquaintances::answer(std::shared_ptr<io::HostConnection> connection,
                                            std::unique_ptr<io::LinkStream> stream) {
  const std::unique_ptr<io::LinkStream> own = std::move(stream);
  const auto told = shelf_.pick(io::both_now(), connection->peer(), connection->remote().address, random_);
  Bytes bytes = contacts::encode_introductions(told);
  (void)co_await io::send_and_finish(*own, std::move(bytes));
}

}  // namespace turnpike::node
