#include "core/path/paths.h"

#include <algorithm>
#include <utility>

namespace turnpike::path {
namespace {

void add_new(std::vector<Endpoint>& to, const std::vector<Endpoint>& from) {
  for (const Endpoint& each : from) {
    if (to.size() < kMaxDirectEndpoints && std::ranges::find(to, each) == to.end()) to.push_back(each);
  }
}

}  // namespace

Ladder* Paths::ladder_for(const PeerId& peer) {
  const auto at = ladders_.find(peer);
  if (at != ladders_.end()) return &at->second;
  if (ladders_.size() >= kMaxLadders && !make_room()) return nullptr;
  return &ladders_.emplace(peer, Ladder(allowed_, ids_, random_)).first->second;
}

std::vector<Endpoint> Paths::all_of(const Known& known, std::vector<Endpoint> Addresses::* kind) {
  std::vector<Endpoint> all = known.near.*kind;
  for (const Addresses* more : {&known.registered, &known.told}) {
    all.insert(all.end(), (more->*kind).begin(), (more->*kind).end());  // the rung drops repetitions
  }
  return all;
}

bool Paths::is_near(const IpAddress& address) const {
  return std::ranges::any_of(networks_, [&](const IpNetwork& network) { return network.contains(address); });
}

Rung Paths::rung_to(const Ladder& ladder, const IpAddress& address) const {
  const bool through_hole = ladder.hole() && ladder.hole()->address == address;
  return through_hole ? Rung::kPunched : rung_to(address);
}

// The near ones first: the shell gives those it is handed first a head start.
void Paths::tell_direct(Now now, Ladder& ladder, const Known& known) const {
  bool has_near = false;
  const auto in_order = [&](const std::vector<Endpoint>& all) {
    std::vector<Endpoint> near;
    std::vector<Endpoint> far;
    for (const Endpoint& each : all) {
      const Rung rung = rung_to(each.address);
      if (allowed_[index_of(rung)]) (rung == Rung::kLan ? near : far).push_back(each);
    }
    has_near |= !near.empty();
    near.insert(near.end(), far.begin(), far.end());
    return near;
  };
  const std::vector<Endpoint> tcp = in_order(all_of(known, &Addresses::tcp));
  const std::vector<Endpoint> quic = in_order(all_of(known, &Addresses::quic));
  ladder.set_direct(now, tcp, quic, has_near);
}

void Paths::set_networks(Now now, std::vector<IpNetwork> networks) {
  if (networks == networks_) return;
  networks_ = std::move(networks);
  for (auto& [peer, ladder] : ladders_) {
    tell_direct(now, ladder, known_[peer]);
    after(peer, ladder);
  }
}

bool Paths::learn(Now now, const Contact& contact) {
  Ladder* const ladder = ladder_for(contact.peer);
  if (ladder == nullptr) return false;
  Known& known = known_[contact.peer];
  known.found.add(Found::kBootstrap);
  // Each bootstrap tells only what was proved there: one that knows no address contradicts none that another knows.
  const bool is_news = contact.seq > known.seq && (contact.bootstrap == known.from || !contact.http.empty() ||
                                                   !contact.tcp.empty() || !contact.quic.empty());
  if (is_news || (known.http.empty() && known.registered.tcp.empty() && known.registered.quic.empty())) {
    known.seq = contact.seq;
    known.from = contact.bootstrap;
    known.registered.tcp = contact.tcp;
    known.registered.quic = contact.quic;
    known.http = contact.http;
  } else if (contact.seq == known.seq && known.http.size() < kMaxEndpoints) {
    known.http.insert(known.http.end(), contact.http.begin(), contact.http.end());  // the ladder drops repetitions
    for (const Endpoint& each : contact.tcp) {
      const bool is_new = std::ranges::find(known.registered.tcp, each) == known.registered.tcp.end();
      if (is_new && known.registered.tcp.size() < kMaxDirectEndpoints) known.registered.tcp.push_back(each);
    }
    for (const Endpoint& each : contact.quic) {
      const bool is_new = std::ranges::find(known.registered.quic, each) == known.registered.quic.end();
      if (is_new && known.registered.quic.size() < kMaxDirectEndpoints) known.registered.quic.push_back(each);
    }
  }
  std::erase(known.linked, contact.bootstrap);
  if (contact.connected) known.linked.push_back(contact.bootstrap);
  ladder->expect(now, contact.proving);
  tell_direct(now, *ladder, known);
  ladder->set_endpoints(now, known.http);
  known.http = ladder->endpoints();
  ladder->set_bootstraps(now, known.linked);
  after(contact.peer, *ladder);
  return true;
}

bool Paths::learn(Now now, const PeerId& peer, Found found, const std::vector<Endpoint>& tcp,
                  const std::vector<Endpoint>& quic) {
  Ladder* const ladder = ladder_for(peer);
  if (ladder == nullptr) return false;
  Known& known = known_[peer];
  known.found.add(found);
  Addresses& addresses = found == Found::kLan ? known.near : known.told;
  const Addresses before = std::exchange(addresses, {tcp, quic});
  if (found != Found::kLan) {  // the newest word first; who else told of it may still be right
    add_new(addresses.tcp, before.tcp);
    add_new(addresses.quic, before.quic);
  }
  tell_direct(now, *ladder, known);
  after(peer, *ladder);
  return true;
}

void Paths::set_connected(Now now, const PeerId& peer, bool connected, Found found, const IpAddress& remote) {
  if (!connected && !ladders_.contains(peer)) return;
  Ladder* const ladder = ladder_for(peer);
  if (ladder == nullptr) return;
  // One that we made says nothing new of how the peer is known.
  if (connected && (found == Found::kInbound || known_[peer].found.empty())) known_[peer].found.add(found);
  ladder->set_connected(now, connected && allowed_[index_of(rung_to(*ladder, remote))]);
  after(peer, *ladder);
}

FoundSet Paths::found(const PeerId& peer) const {
  const auto at = known_.find(peer);
  return at == known_.end() ? FoundSet() : at->second.found;
}

bool Paths::make_room() {
  for (auto at = ladders_.begin(); at != ladders_.end(); ++at) {
    if (at->second.is_wanted() || at->second.poll_timeout() || at->second.is_connected()) continue;
    known_.erase(at->first);
    std::erase_if(owners_, [&](const auto& owner) { return owner.second == at->first; });
    ladders_.erase(at);
    return true;
  }
  return false;
}

void Paths::want(Now now, const std::map<PeerId, bool>& peers) {
  std::vector<PeerId> gone;
  for (const PeerId& peer : wanted_) {
    if (!peers.contains(peer)) gone.push_back(peer);
  }
  for (const PeerId& peer : gone) {
    wanted_.erase(peer);
    const auto at = ladders_.find(peer);
    at->second.release(now);
    after(peer, at->second);
  }
  for (const auto& [peer, relay_too] : peers) {
    const auto at = ladders_.find(peer);
    if (at == ladders_.end()) continue;
    wanted_.insert(peer);
    at->second.want(now, relay_too);
    after(peer, at->second);
  }
}

void Paths::retry_now(Now now) {
  for (auto& [peer, ladder] : ladders_) {
    ladder.retry_now(now);
    after(peer, ladder);
  }
}

void Paths::handle_bootstrap_gone(Now now, std::size_t bootstrap) {
  for (auto& [peer, known] : known_) {
    if (std::erase(known.linked, bootstrap) == 0) continue;
    Ladder& ladder = ladders_.at(peer);
    ladder.set_bootstraps(now, known.linked);
    after(peer, ladder);
  }
}

bool Paths::serve(Now now, const PeerId& peer, const Target& target) {
  if (serving(peer) >= kMaxServedPathsPerPeer) {
    const auto oldest =
        std::find_if(served_.begin(), served_.end(), [&](const auto& s) { return s.second.peer == peer; });
    actions_.push_back({peer, Close{oldest->first}});
    served_.erase(oldest);
  }
  if (served_.size() >= kMaxServedPaths) return false;
  const PathId path = ids_.next();
  served_[path] = Served{.peer = peer, .deadline = now.mono + kRelayAttemptLimit};
  const bool at_peer = std::holds_alternative<PeerRelayTarget>(target);
  const Rung rung = at_peer ? Rung::kPeerRelay : Rung::kBootstrapRelay;
  actions_.push_back({peer, Open{.path = path, .rung = rung, .target = target}});
  return true;
}

std::size_t Paths::serving(const PeerId& peer) const {
  return static_cast<std::size_t>(
      std::count_if(served_.begin(), served_.end(), [&](const auto& served) { return served.second.peer == peer; }));
}

Ladder* Paths::find(PathId path) {
  const auto owner = owners_.find(path);
  return owner == owners_.end() ? nullptr : &ladders_.at(owner->second);
}

template <class Verb>
void Paths::on(PathId path, Verb verb) {
  Ladder* ladder = find(path);
  if (ladder == nullptr) return;
  const PeerId peer = owners_.at(path);
  verb(*ladder);
  after(peer, *ladder);
}

// Takes what the ladder wants done, and keeps the indices in step with it.
void Paths::after(const PeerId& peer, Ladder& ladder) {
  while (std::optional<Action> action = ladder.poll_action()) {
    if (const auto* open = std::get_if<Open>(&*action)) owners_[open->path] = peer;
    if (const auto* close = std::get_if<Close>(&*action)) owners_.erase(close->path);
    actions_.push_back({peer, std::move(*action)});
  }
  const auto filed = deadline_of_.find(peer);
  if (filed != deadline_of_.end()) {
    deadlines_.erase({filed->second, peer});
    deadline_of_.erase(filed);
  }
  if (const std::optional<Instant> deadline = ladder.poll_timeout()) {
    deadline_of_[peer] = *deadline;
    deadlines_.insert({*deadline, peer});
  }
}

void Paths::handle_open(Now now, PathId path, Duration rtt, const std::optional<IpAddress>& remote) {
  if (const auto served = served_.find(path); served != served_.end()) served->second.open = true;
  const Ladder* const owner = find(path);
  const Rung rung = remote && owner != nullptr ? rung_to(*owner, *remote) : Rung::kDirect;
  if (remote && !allowed_[index_of(rung)]) {  // the connection that stands is not of the kind that may be used
    return on(path, [&](Ladder& ladder) { ladder.demote(now, path, {PathEnd::kLocal, "switched off here"}); });
  }
  on(path, [&](Ladder& ladder) { ladder.handle_open(now, path, rtt, rung); });
}

void Paths::handle_closed(Now now, PathId path, const PathFailure& failure) {
  served_.erase(path);
  on(path, [&](Ladder& ladder) { ladder.handle_closed(now, path, failure); });
  owners_.erase(path);
}

void Paths::handle_grant(Now now, const PeerId& peer, const RelayTarget& granted) {
  const auto at = ladders_.find(peer);
  if (at == ladders_.end()) return;
  at->second.handle_grant(now, granted);
  after(peer, at->second);
}

void Paths::handle_denied(Now now, const PeerId& peer, std::string reason, Duration retry_after) {
  const auto at = ladders_.find(peer);
  if (at == ladders_.end()) return;
  at->second.handle_denied(now, std::move(reason), retry_after);
  after(peer, at->second);
}

void Paths::handle_peer_grant(Now now, const PeerId& peer, const PeerRelayTarget& granted) {
  const auto at = ladders_.find(peer);
  if (at == ladders_.end()) return;
  at->second.handle_peer_grant(now, granted);
  after(peer, at->second);
}

void Paths::handle_peer_denied(Now now, const PeerId& peer, std::string reason, Duration retry_after) {
  const auto at = ladders_.find(peer);
  if (at == ladders_.end()) return;
  at->second.handle_peer_denied(now, std::move(reason), retry_after);
  after(peer, at->second);
}

void Paths::handle_hole(Now now, const PeerId& peer, const Endpoint& hole, bool ours) {
  Ladder* const ladder = ladder_for(peer);
  if (ladder == nullptr) return;
  ladder->handle_hole(now, hole, ours);
  after(peer, *ladder);
}

void Paths::handle_hole_gone(Now now, const PeerId& peer) {
  const auto at = ladders_.find(peer);
  if (at == ladders_.end()) return;
  at->second.handle_hole_gone(now);
  after(peer, at->second);
}

void Paths::handle_punch_failed(Now now, const PeerId& peer, std::string reason, Duration retry_after) {
  const auto at = ladders_.find(peer);
  if (at == ladders_.end()) return;
  at->second.handle_punch_failed(now, std::move(reason), retry_after);
  after(peer, at->second);
}

void Paths::handle_timeout(Now now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.mono) {
    const PeerId peer = deadlines_.begin()->second;
    Ladder& ladder = ladders_.at(peer);
    ladder.handle_timeout(now);
    after(peer, ladder);
  }
  for (auto at = served_.begin(); at != served_.end();) {
    if (at->second.open || now.mono < at->second.deadline) {
      ++at;
      continue;
    }
    actions_.push_back({at->second.peer, Close{at->first}});
    at = served_.erase(at);
  }
}

void Paths::handle_fetch_started(Now now, PathId path, std::uint64_t bytes) {
  on(path, [&](Ladder& ladder) { ladder.handle_fetch_started(now, path, bytes); });
}

void Paths::handle_delivered(Now now, PathId path, std::uint64_t bytes) {
  on(path, [&](Ladder& ladder) { ladder.handle_delivered(now, path, bytes); });
}

void Paths::handle_fetch_ended(Now now, PathId path, std::uint64_t undelivered) {
  on(path, [&](Ladder& ladder) { ladder.handle_fetch_ended(now, path, undelivered); });
}

void Paths::demote(Now now, PathId path, const PathFailure& failure) {
  on(path, [&](Ladder& ladder) { ladder.demote(now, path, failure); });
}

std::optional<PeerAction> Paths::poll_action() {
  if (actions_.empty()) return std::nullopt;
  PeerAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

std::optional<Instant> Paths::poll_timeout() const {
  std::optional<Instant> next;
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  for (const auto& [path, served] : served_) {
    if (!served.open && (!next || served.deadline < *next)) next = served.deadline;
  }
  return next;
}

const Ladder* Paths::ladder(const PeerId& peer) const {
  const auto at = ladders_.find(peer);
  return at == ladders_.end() ? nullptr : &at->second;
}

}  // namespace turnpike::path
