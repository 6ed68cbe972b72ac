#include "core/host/connections.h"

#include <algorithm>

namespace turnpike::host {

std::string_view words_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kFull:
      return "too many connections";
    case Refusal::kPending:
      return "too many handshakes under way";
    case Refusal::kNetworkPending:
      return "too many handshakes of one network";
    case Refusal::kTooFast:
      return "its network connects too often";
    case Refusal::kNetwork:
      return "too many connections of one network";
    case Refusal::kSelf:
      return "it is this node itself";
  }
  return "refused";
}

Result<ConnectionId, Refusal> Connections::begin(Instant now, Direction direction, const Endpoint& remote,
                                                 path::Found found) {
  const IpAddress network = network_of(remote.address);
  if (direction == Direction::kInbound) {
    if (!networks_.contains(network) && networks_.size() >= kMaxNetworks) {
      std::erase_if(networks_, [&](const auto& entry) {
        const Network& idle = entry.second;
        return idle.pending == 0 && idle.established == 0 && idle.streams == 0;
      });
    }
    Network& counts = networks_[network];
    if (now >= counts.window_start + kRateWindow) {
      counts.window_start = now;
      counts.begun = 0;
    }
    if (counts.begun >= limits_.begun_per_network) return fail(Refusal::kTooFast);
    if (counts.pending >= limits_.pending_per_network) return fail(Refusal::kNetworkPending);
    if (counts.established >= limits_.per_network) return fail(Refusal::kNetwork);
    if (inbound_pending_ >= limits_.pending) return fail(Refusal::kPending);
    ++counts.begun;
    ++counts.pending;
    ++inbound_pending_;
  }
  const ConnectionId id{++last_id_};
  Connection& connection = connections_[id];
  connection.direction = direction;
  connection.remote = remote;
  connection.network = network;
  connection.found = found;
  connection.since = connection.heard = now;
  return id;
}

Status<Refusal> Connections::establish(Instant now, ConnectionId id, const PeerId& peer) {
  const auto at = connections_.find(id);
  if (at == connections_.end() || at->second.closing || at->second.peer) return fail(Refusal::kFull);
  if (peer == self_) return fail(Refusal::kSelf);
  Connection& connection = at->second;
  const auto others = peers_.find(peer);
  std::optional<ConnectionId> replaced;
  // The newest proof wins: what stands may be dead, and only the peer itself can push its own connections out.
  if (others != peers_.end() && others->second.size() >= limits_.per_peer) replaced = stalest(others->second);
  if (connection.direction == Direction::kInbound && is_network_full(connection.network, replaced)) {
    return fail(Refusal::kNetwork);  // when it began, others of its network had not proved themselves yet
  }
  if (replaced) {
    close(*replaced, connections_.at(*replaced));
  } else if (established_ >= limits_.connections && !make_room(now)) {
    return fail(Refusal::kFull);
  }
  connection.peer = peer;
  connection.heard = now;
  peers_[peer].push_back(id);
  ++established_;
  if (connection.direction == Direction::kInbound) {
    Network& counts = networks_[connection.network];
    --counts.pending;
    --inbound_pending_;
    ++counts.established;
  }
  return Ok{};
}

std::vector<ConnectionId> Connections::rivals(const PeerId& peer) const {
  const auto others = peers_.find(peer);
  if (others != peers_.end() && others->second.size() >= limits_.per_peer) return others->second;
  std::vector<ConnectionId> all;
  if (established_ < limits_.connections) return all;
  for (const auto& [id, connection] : connections_) {
    if (connection.peer && !connection.closing) all.push_back(id);
  }
  return all;
}

bool Connections::is_network_full(const IpAddress& network, std::optional<ConnectionId> but) const {
  const auto counts = networks_.find(network);
  std::size_t established = counts == networks_.end() ? 0 : counts->second.established;
  if (but) {
    const Connection& leaving = connections_.at(*but);
    if (leaving.direction == Direction::kInbound && leaving.network == network) --established;
  }
  return established >= limits_.per_network;
}

std::optional<ConnectionId> Connections::stalest(const std::vector<ConnectionId>& of) const {
  const auto least =
      std::ranges::min_element(of, {}, [&](ConnectionId id) { return std::pair(connections_.at(id).heard, id); });
  if (least == of.end()) return std::nullopt;
  return *least;
}

bool Connections::make_room(Instant now) {
  std::vector<ConnectionId> stale;
  for (const auto& [id, connection] : connections_) {
    const bool is_candidate = connection.peer && !connection.closing && connection.direction == Direction::kInbound;
    if (is_candidate && now >= connection.heard + kStale) stale.push_back(id);
  }
  const auto chosen = stalest(stale);
  if (!chosen) return false;
  close(*chosen, connections_.at(*chosen));
  return true;
}

void Connections::close(ConnectionId id, Connection& connection) {
  uncount(id, connection);
  connection.closing = true;
  to_close_.push_back(id);
}

void Connections::uncount(ConnectionId id, const Connection& connection) {
  if (connection.direction == Direction::kInbound) {
    Network& counts = networks_[connection.network];
    if (connection.peer) {
      --counts.established;
    } else {
      --counts.pending;
      --inbound_pending_;
    }
  }
  if (!connection.peer) return;
  --established_;
  const auto peer = peers_.find(*connection.peer);
  std::erase(peer->second, id);
  if (peer->second.empty()) peers_.erase(peer);
}

void Connections::handle_heard(Instant now, ConnectionId id) {
  const auto at = connections_.find(id);
  if (at != connections_.end()) at->second.heard = now;
}

bool Connections::handle_closed(ConnectionId id) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return false;
  Connection& connection = at->second;
  if (!connection.closing) uncount(id, connection);
  const std::optional<PeerId> peer = connection.peer;
  if (peer && connection.stream_count > 0) {
    networks_[connection.network].streams -= connection.stream_count;
    const auto streams = streams_.find(*peer);
    streams->second -= connection.stream_count;
    if (streams->second == 0) streams_.erase(streams);
  }
  connections_.erase(at);
  return peer && !peers_.contains(*peer);
}

bool Connections::begin_stream(ConnectionId id, std::string_view protocol, const ProtocolOptions& options) {
  const auto at = connections_.find(id);
  if (at == connections_.end() || !at->second.peer) return false;
  Connection& connection = at->second;
  const auto known = connection.streams.find(protocol);
  const std::size_t of_protocol = known == connection.streams.end() ? 0 : known->second;
  const auto of_peer = streams_.find(*connection.peer);
  Network& network = networks_[connection.network];
  if (of_protocol >= options.streams || network.streams >= limits_.streams_per_network) return false;
  if (of_peer != streams_.end() && of_peer->second >= limits_.streams_per_peer) return false;
  ++connection.streams[std::string(protocol)];
  ++connection.stream_count;
  ++streams_[*connection.peer];
  ++network.streams;
  return true;
}

void Connections::end_stream(ConnectionId id, std::string_view protocol) {
  const auto at = connections_.find(id);
  if (at == connections_.end()) return;
  Connection& connection = at->second;
  const auto known = connection.streams.find(protocol);
  if (known == connection.streams.end()) return;
  if (--known->second == 0) connection.streams.erase(known);
  --connection.stream_count;
  --networks_[connection.network].streams;
  const auto of_peer = streams_.find(*connection.peer);
  if (--of_peer->second == 0) streams_.erase(of_peer);
}

std::optional<ConnectionId> Connections::poll_close() {
  if (to_close_.empty()) return std::nullopt;
  const ConnectionId id = to_close_.front();
  to_close_.pop_front();
  return id;
}

std::optional<ConnectionId> Connections::find(const PeerId& peer) const {
  const auto at = peers_.find(peer);
  if (at == peers_.end()) return std::nullopt;
  return at->second.back();
}

std::vector<ConnectionView> Connections::view() const {
  std::vector<ConnectionView> out;
  for (const auto& [id, connection] : connections_) {
    if (!connection.peer || connection.closing) continue;
    out.push_back({.id = id,
                   .peer = *connection.peer,
                   .remote = connection.remote,
                   .direction = connection.direction,
                   .found = connection.found,
                   .since = connection.since,
                   .streams = connection.stream_count});
  }
  return out;
}

}  // namespace turnpike::host
