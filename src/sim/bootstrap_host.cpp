#include "sim/bootstrap_host.h"

#include <algorithm>

namespace turnpike::sim {
namespace {

constexpr Duration kPingLimit = 60s;

}  // namespace

bool send_nonce(World& world, const Home& from, const Doors& doors, const rendezvous::Service& target,
                const rendezvous::ProofNonce& nonce) {
  const auto door = doors.find(target.endpoint);
  if (door == doors.end() || !door->second->is_running()) return false;
  ProofEnd& end = *door->second;
  if (!lets_through(from, end.home(), target.endpoint.port)) return false;
  // A connection has to be made first, and the request follows.
  const Duration delay = 3 * delay_between(world, from, end.home());
  world.after(delay, [&end, kind = target.kind, nonce, address = from.address] {
    if (end.is_running()) end.nonce_arrived(kind, nonce, address);
  });
  return true;
}

BootstrapHost::BootstrapHost(World& world, Home& home, const Doors& doors, const identity::PeerId& id,
                             const relay::Policy& policy)
    : world_(world), home_(home), id_(id), policy_(policy), doors_(doors) {
  start();
}

void BootstrapHost::start() {
  rendezvous::Server::Config config{.id = id_, .relay = policy_};
  if (probe_home_) config.probe_addresses.push_back(probe_home_->address);
  server_ = std::make_unique<rendezvous::Server>(std::move(config), world_.dice());
  ++incarnation_;
  armed_.reset();
  pump();
}

void BootstrapHost::add_probe_address(const IpAddress& address) {
  probe_home_ = std::make_unique<Home>(home_);
  probe_home_->address = address;
  start();
}

void BootstrapHost::probe(const rendezvous::ProbeFromHere& order) {
  ++probes_;
  const bool sent = send_nonce(world_, *probe_home_, doors_, order.target, order.nonce);
  const Duration patience = sent ? 2 * home_.delay : Duration(rendezvous::kDialTime);
  world_.after(patience, [this, life = incarnation_, number = order.number, sent] {
    if (life != incarnation_ || !server_) return;
    server_->handle_probed(world_.now(), number,
                           sent ? rendezvous::ProbeOutcome::kSent : rendezvous::ProbeOutcome::kFailed);
    pump();
  });
}

void BootstrapHost::restart(Duration downtime) {
  world_.tell(home_.name, "goes down");
  server_.reset();
  ++incarnation_;
  const auto links = std::move(links_);
  const auto legs = std::move(legs_);
  links_.clear();
  legs_.clear();
  by_connection_.clear();
  for (const auto& [name, link] : links) {
    world_.after(delay_between(world_, home_, *link.home),
                 [end = link.end, gone = name] { end->link_down(gone, "connection reset"); });
  }
  for (const auto& [name, leg] : legs) {
    world_.after(delay_between(world_, home_, *leg.home),
                 [end = leg.end, gone = name] { end->relay_closed(gone, false); });
  }
  world_.after(downtime, [this, life = incarnation_] {
    if (life != incarnation_) return;  // it went down once more meanwhile
    world_.tell(home_.name, "is back");
    start();
  });
}

// --- control connections ---

std::uint64_t BootstrapHost::connect(ControlEnd& end, Home& from) {
  const std::uint64_t name = ++names_;
  const Duration rtt = 2 * delay_between(world_, from, home_);
  if (!lets_through(from, home_, 443)) {
    world_.after(10s, [&end, name] { end.link_down(name, "no answer"); });
    return name;
  }
  world_.after(rtt, [this, &end, &from, name] {
    if (!server_) {
      end.link_down(name, "connection refused");
      return;
    }
    Link link{.end = &end, .home = &from, .connection = {}};
    link.connection =
        server_->handle_connected(world_.now(), {from.address, static_cast<std::uint16_t>(20'000 + name)});
    by_connection_[link.connection] = name;
    links_.emplace(name, link);
    end.link_up(name);
    pump();
  });
  return name;
}

void BootstrapHost::send(std::uint64_t name, Bytes message) {
  const auto at = links_.find(name);
  if (at == links_.end()) return;
  const Transit transit = sim::send(world_, *at->second.home, home_, message.size());
  world_.after(transit.arrived, [this, name, message = std::move(message)] {
    const auto link = links_.find(name);
    if (!server_ || link == links_.end()) return;
    if (link->second.home->unplugged) break_link(name);
    if (link->second.broken) return;
    server_->handle_message(world_.now(), link->second.connection, message);
    pump();
  });
}

void BootstrapHost::disconnect(std::uint64_t name) {
  const auto at = links_.find(name);
  if (at == links_.end()) return;
  const rendezvous::ConnectionId connection = at->second.connection;
  by_connection_.erase(connection);
  links_.erase(at);
  if (!server_) return;
  server_->handle_disconnected(world_.now(), connection);
  pump();
}

void BootstrapHost::drop_link(std::uint64_t name, std::string_view reason) {
  const auto at = links_.find(name);
  if (at == links_.end()) return;
  const Link link = at->second;
  by_connection_.erase(link.connection);
  links_.erase(at);
  world_.after(delay_between(world_, home_, *link.home),
               [end = link.end, name, why = std::string(reason)] { end->link_down(name, why); });
}

// Pipes are reliable: they lose nothing but their end. Both sides notice by the WebSocket's pings.
void BootstrapHost::break_link(std::uint64_t name) {
  Link& link = links_.at(name);
  if (link.broken) return;
  link.broken = true;
  world_.after(kPingLimit, [this, name] {
    const auto at = links_.find(name);
    if (at == links_.end()) return;
    ControlEnd* end = at->second.end;
    disconnect(name);
    end->link_down(name, "no answer to pings");
  });
}

void BootstrapHost::pump() {
  if (!server_) return;
  while (std::optional<rendezvous::Server::Command> command = server_->poll_command()) {
    if (auto* out = std::get_if<rendezvous::Send>(&*command)) {
      const auto name = by_connection_.find(out->connection);
      if (name == by_connection_.end()) continue;
      Link& link = links_.at(name->second);
      const Transit transit = sim::send(world_, home_, *link.home, out->frame.size());
      world_.after(transit.arrived, [this, link = name->second, frame = std::move(out->frame)] {
        const auto at = links_.find(link);
        if (at == links_.end()) return;
        if (at->second.home->unplugged) break_link(link);
        if (!at->second.broken) at->second.end->link_message(link, frame);
      });
    } else if (const auto* order = std::get_if<rendezvous::ProbeFromHere>(&*command)) {
      probe(*order);
    } else if (const auto* close = std::get_if<rendezvous::Close>(&*command)) {
      const auto name = by_connection_.find(close->connection);
      if (name != by_connection_.end()) drop_link(name->second, to_string(close->reason));
    }
  }
  while (const std::optional<relay::Ended> ended = server_->relay().poll_event()) {
    const bool spent = ended->reason == relay::EndReason::kQuoteUsed || ended->reason == relay::EndReason::kExpired;
    close_legs(ended->session, spent);
  }
  std::optional<Instant> next = server_->poll_timeout();
  const std::optional<Instant> relay = server_->relay().poll_timeout();
  if (relay && (!next || *relay < *next)) next = relay;
  if (!next || (armed_ && *armed_ <= *next)) return;
  armed_ = next;
  world_.after(*next - world_.now().mono, [this, at = *next, incarnation = incarnation_] {
    if (incarnation != incarnation_ || armed_ != at) return;
    armed_.reset();
    server_->handle_timeout(world_.now());
    server_->relay().handle_timeout(world_.now());
    pump();
  });
}

// --- relay sessions ---

std::uint64_t BootstrapHost::join(RelayEnd& end, Home& from, const relay::SessionId& session,
                                  const relay::Credential& credential) {
  const std::uint64_t name = ++names_;
  if (!lets_through(from, home_, 443)) return name;
  legs_.emplace(name, Leg{.end = &end, .home = &from, .session = session});
  world_.after(2 * delay_between(world_, from, home_), [this, name, credential] { joined(name, credential); });
  return name;
}

void BootstrapHost::joined(std::uint64_t name, const relay::Credential& credential) {
  const auto at = legs_.find(name);
  if (at == legs_.end() || !server_) return;
  Leg& leg = at->second;
  const auto join = server_->relay().join(world_.now(), leg.session, credential);
  if (!join) {
    RelayEnd* end = leg.end;
    legs_.erase(at);
    end->relay_closed(name, false);
    pump();
    return;
  }
  leg.joined = true;
  if (join->paired) {
    Duration rtt{};
    for (const auto& [other, each] : legs_) {
      if (each.session == leg.session && each.joined) rtt += 2 * delay_between(world_, home_, *each.home);
    }
    for (const auto& [other, each] : legs_) {
      if (each.session != leg.session || !each.joined) continue;
      world_.after(2 * rtt, [this, one = other, rtt] {  // the secure channel's handshake, end to end
        const auto end = legs_.find(one);
        if (end == legs_.end()) return;
        end->second.ready = true;
        end->second.end->relay_ready(one, rtt);
      });
    }
  }
  pump();
}

RelayEnd* BootstrapHost::partner(std::uint64_t name) {
  const auto at = legs_.find(name);
  if (at == legs_.end()) return nullptr;
  for (const auto& [other, leg] : legs_) {
    if (other != name && leg.session == at->second.session && leg.joined) return leg.end;
  }
  return nullptr;
}

void BootstrapHost::leave(std::uint64_t name) {
  const auto at = legs_.find(name);
  if (at == legs_.end()) return;
  const relay::SessionId session = at->second.session;
  const bool was_joined = at->second.joined;
  legs_.erase(at);
  if (!server_ || !was_joined) return;
  server_->relay().leave(world_.now(), session);
  close_legs(session, false);
  pump();
}

void BootstrapHost::close_legs(const relay::SessionId& session, bool quote_spent) {
  std::vector<std::pair<std::uint64_t, RelayEnd*>> ends;
  for (const auto& [name, leg] : legs_) {
    if (leg.session == session) ends.emplace_back(name, leg.end);
  }
  for (const auto& [name, end] : ends) {
    legs_.erase(name);
    world_.after(home_.delay, [to = end, gone = name, quote_spent] { to->relay_closed(gone, quote_spent); });
  }
}

void BootstrapHost::carry(std::uint64_t name, std::uint64_t bytes, std::function<void()> left,
                          std::function<void()> arrived) {
  const auto at = legs_.find(name);
  RelayEnd* from = partner(name);
  if (at == legs_.end() || from == nullptr || !server_) return;
  const relay::Allowance allowance = server_->relay().take(world_.now(), at->second.session, bytes);
  pump();
  if (!allowance.allowed) return;
  relayed_ += bytes;
  const Transit in = sim::send(world_, from->relay_source().home(), home_, bytes);
  const Transit out = sim::send(world_, home_, *at->second.home, bytes);
  world_.after(in.left + allowance.rest, [this, name, left = std::move(left)] {
    if (legs_.contains(name)) left();
  });
  world_.after(in.arrived + out.arrived, [this, name, arrived = std::move(arrived)] {
    if (legs_.contains(name)) arrived();
  });
}

}  // namespace turnpike::sim
