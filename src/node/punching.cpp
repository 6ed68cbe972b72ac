#include "node/punching.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/tcp/tcp.h"

namespace turnpike::node {
namespace {

constexpr std::uint16_t kStunPort = 3478;
constexpr Duration kResolveTime = std::chrono::seconds(1);
constexpr Duration kMeasureTime = std::chrono::milliseconds(1500);
constexpr Duration kUnusedHole = std::chrono::seconds(20);
constexpr std::size_t kMaxStunServers = 4;

}  // namespace

void Punching::start() {
  host_.emplace(scope_.loop, *scope_.host.quic(), scope_.random, static_cast<io::PunchEvents&>(*this));
  scope_.brain.on_punch({.measure = [this] { asio::co_spawn(scope_.loop, measure(), asio::detached); },
                         .start = [this](const peer::StartPunch& order) { begin(order); }});
}

void Punching::handle_stun(const DatagramBatch& batch, const std::function<void(const DatagramBatch&)>& others) {
  if (host_) return host_->handle_stun(batch, others);
  others(batch);
}

void Punching::stop() {
  for (const auto& [id, hole] : std::exchange(holes_, {})) scope_.host.drop_hole(hole.remote);
  orders_.clear();
  host_.reset();
}

asio::awaitable<void> Punching::measure() {
  std::vector<Endpoint> servers;
  for (const io::Url& bootstrap : scope_.bootstraps) {
    const auto found = co_await io::resolve(bootstrap.host, kResolveTime);
    if (!found) continue;
    for (const IpAddress& address : *found) {
      const bool is_v4 = address.family == IpAddress::Family::kV4;  // only there are NATs to be told apart
      if (is_v4 && servers.size() < kMaxStunServers) servers.push_back({address, kStunPort});
    }
  }
  if (!host_) co_return;
  // Before they can answer: what comes from whom we have sent to proves nothing of this port.
  for (const Endpoint& server : servers) note_sent(server.address);
  const std::vector<punch::Sighting> seen = co_await host_->measure(servers, kMeasureTime);
  for (const punch::Sighting& each : seen) note_sent(each.server.address);  // their other addresses too
  tell(peer::NatSeen{seen});
  const punch::Behaviour behaviour = punch::classify(seen);
  io::log_debug("our NAT, by {} answers: mapping {}, ports {}", seen.size(), name_of(behaviour.mapping),
                name_of(behaviour.allocation));
}

void Punching::begin(const peer::StartPunch& order) {
  const auto id = host_ ? host_->begin(order.local) : std::nullopt;
  if (!id) {
    asio::post(scope_.loop,
               [this, number = order.id] { tell(peer::PunchFailed{number, punch::PunchFailure::kHeldBack}); });
    return;
  }
  orders_[*id] = order.id;
  // What we send to first can prove nothing of this port.
  for (const punch::Candidate& each : punch::acceptable(order.remote.candidates, order.local.candidates)) {
    note_sent(each.endpoint.address);
  }
  host_->start(*id, order.remote);
}

void Punching::punch_opened(io::PunchId id, const quic::Path& path, Duration rtt) {
  const auto order = orders_.find(id);
  if (order == orders_.end()) return;
  io::log_debug("a hole to {} after {} probes in all, round trip {} ms", path.remote.to_string(),
                host_->governor().probes_sent(), rtt.count() / 1000);
  scope_.host.set_hole(path.remote, path.carrier);
  holes_[id] = {.order = order->second, .remote = path.remote, .used = io::now()};
  const std::uint64_t number = order->second;
  orders_.erase(order);
  tell(peer::PunchOpened{number, path.remote});
}

void Punching::punch_failed(io::PunchId id, punch::PunchFailure why) {
  const auto order = orders_.find(id);
  if (order == orders_.end()) return;
  const std::uint64_t number = order->second;
  orders_.erase(order);
  io::log_debug("no hole: {}", punch::words_of(why));
  tell(peer::PunchFailed{number, why});
}

void Punching::punch_lost(io::PunchId id) {
  const auto hole = holes_.find(id);
  if (hole == holes_.end()) return;
  const Hole lost = hole->second;
  holes_.erase(hole);
  scope_.host.drop_hole(lost.remote);
  tell(peer::PunchLost{lost.order});
}

bool Punching::is_in_use(const Endpoint& remote) const {
  return std::ranges::any_of(scope_.host.all(), [&](const auto& connection) { return connection->remote() == remote; });
}

void Punching::keep() {
  const Instant now = io::now();
  std::vector<io::PunchId> unused;
  for (auto& [id, hole] : holes_) {
    if (is_in_use(hole.remote)) hole.used = now;
    if (now >= hole.used + kUnusedHole) unused.push_back(id);
  }
  for (const io::PunchId id : unused) {
    host_->release(id);
    punch_lost(id);
  }
}

void Punching::note_sent(const IpAddress& to) {
  scope_.brain.tell([&](peer::Peer& peer, Now now) { peer.handle_sent(now, rendezvous::ServiceKind::kQuic, to); });
}

void Punching::tell(const peer::PunchNews& news) {
  scope_.brain.tell([&](peer::Peer& peer, Now now) { peer.handle_punch(now, news); });
}

}  // namespace turnpike::node
