#include "core/rendezvous/server.h"

#include <algorithm>

#include "core/identity/statement.h"

namespace turnpike::rendezvous {
namespace {

using std::chrono::milliseconds;

constexpr auto kLifetimeSeconds = std::chrono::duration_cast<std::chrono::seconds>(kRegistrationLifetime);
constexpr Duration kFullRetry = std::chrono::minutes(1);      // registrations lapse, so asking again makes sense
constexpr Duration kOfflineRetry = std::chrono::seconds(30);  // a peer that lost its link is back by then

// What the limit per address counts.
IpAddress address_key(const IpAddress& address) { return address.unmapped(); }

std::size_t count_of(const std::map<IpAddress, std::size_t>& counts, const IpAddress& key) {
  const auto at = counts.find(key);
  return at == counts.end() ? 0 : at->second;
}

void decrement(std::map<IpAddress, std::size_t>& counts, const IpAddress& key) {
  const auto at = counts.find(key);
  if (--at->second == 0) counts.erase(at);
}

Rejected rejected(ErrorCode code, Duration retry_after = {}) {
  return {.code = code, .text = std::string(to_string(code)), .retry_after = retry_after};
}

Rejected rejected(ErrorCode code, std::string text, Duration retry_after = {}) {
  return {.code = code, .text = std::move(text), .retry_after = retry_after};
}

ErrorCode code_of(identity::StatementError error) {
  const bool clock = error == identity::StatementError::kExpired || error == identity::StatementError::kTooFarAhead;
  return clock ? ErrorCode::kClock : ErrorCode::kBadStatement;
}

Rejected rejected(RegistrationError error) {
  switch (error) {
    case RegistrationError::kTooManyStores:
      return rejected(ErrorCode::kTooManyStores);
    case RegistrationError::kMalformed:
      return rejected(ErrorCode::kBadRegistration, "bad registration: malformed");
    case RegistrationError::kTooManyEndpoints:
      return rejected(ErrorCode::kBadRegistration, "bad registration: more than 8 endpoints");
    case RegistrationError::kBadEndpoint:
      return rejected(ErrorCode::kBadRegistration, "bad registration: an endpoint is no unicast address and port");
    case RegistrationError::kBadStore:
      return rejected(ErrorCode::kBadRegistration, "bad registration: a store's size is 0 or above 1 TiB");
    case RegistrationError::kRepeatedStore:
      return rejected(ErrorCode::kBadRegistration, "bad registration: a store stands in it twice");
  }
  return rejected(ErrorCode::kBadRegistration);
}

Rejected rejected(RegistryError error) {
  switch (error) {
    case RegistryError::kReplayed:
      return rejected(ErrorCode::kReplayed);
    case RegistryError::kFull:
      return rejected(ErrorCode::kFull, "the bootstrap has no room for more peers", kFullRetry);
    case RegistryError::kAddressFull:
      return rejected(ErrorCode::kFull, "too many peers are registered from this address", kFullRetry);
    case RegistryError::kNetworkFull:
      return rejected(ErrorCode::kFull, "too many peers are registered from this network", kFullRetry);
    case RegistryError::kTooManyEntries:
    case RegistryError::kTooManyContents:
      return rejected(ErrorCode::kFull, "the bootstrap has no room for more stores", kFullRetry);
  }
  return rejected(ErrorCode::kFull, kFullRetry);
}

milliseconds rounded_up(Duration wait) { return std::chrono::ceil<milliseconds>(wait); }

std::string suggestion_for(relay::RefusalReason reason) {
  switch (reason) {
    case relay::RefusalReason::kSelf:
      return "this is you: read the store from your own disk";
    case relay::RefusalReason::kFull:
      return "this relay is full: use http, or another bootstrap";
    case relay::RefusalReason::kPeerLimit:
      return "end other sessions first, or use http";
    case relay::RefusalReason::kNetworkLimit:
      return "your network has all the sessions it may have: use http";
    case relay::RefusalReason::kTargetOffline:
      return "the peer is not connected here: use http, or another bootstrap";
    case relay::RefusalReason::kTooFast:
      return "ask less often";
    case relay::RefusalReason::kTier:
      return std::string(budget::suggestion_for(budget::Refused::kSessions));
    case relay::RefusalReason::kCheaperFirst:
      return std::string(budget::suggestion_for(budget::Refused::kCheaperFirst));
    case relay::RefusalReason::kPremiumOnly:
    case relay::RefusalReason::kFinishQuotes:
    case relay::RefusalReason::kSpent:
      return std::string(budget::suggestion_for(budget::Refused::kSpent));
    case relay::RefusalReason::kShare:
      return std::string(budget::suggestion_for(budget::Refused::kShare));
    case relay::RefusalReason::kLedger:
      return std::string(budget::suggestion_for(budget::Refused::kLedger));
  }
  return {};
}

}  // namespace

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::kFull:
      return "too many connections";
    case CloseReason::kNotAuthenticated:
      return "not authenticated";
    case CloseReason::kProtocol:
      return "protocol error";
    case CloseReason::kMessageTooLarge:
      return "message too large";
    case CloseReason::kFlood:
      return "too many requests";
    case CloseReason::kReplaced:
      return "replaced by a newer connection";
    case CloseReason::kSilent:
      return "silent for too long";
  }
  return "";
}

Duration inventory_debounce(std::size_t connections) {
  constexpr std::size_t kFew = 2000;
  const std::size_t more = connections > kFew ? connections - kFew : 0;
  return kInventoryDebounce + std::chrono::microseconds(100) * static_cast<std::int64_t>(more);
}

Server::Server(Config config, Random& random)
    : config_(std::move(config)),
      random_(random),
      relay_(config_.relay, random, config_.budget),
      registry_(random, config_.registry),
      proofs_(config_.probe_addresses, random) {}

// --- what happens to connections ---

ConnectionId Server::handle_connected(Now now, const Endpoint& observed) {
  const ConnectionId id{++last_connection_};
  if (const auto refusal = refusal_of(observed.address)) {
    commands_.push_back(Close{id, *refusal});
    return id;
  }
  Connection connection;
  connection.observed = {address_key(observed.address), observed.port};
  connection.nonce = random_.array<32>();
  connection.last_heard = now.mono;
  const auto at = connections_.emplace(id, std::move(connection)).first;
  ++by_address_[address_key(observed.address)];
  ++by_network_[network_of(observed.address)];
  file(at);
  send(id, Hello{.bootstrap = config_.id, .nonce = at->second.nonce, .time = now.wall});
  return id;
}

void Server::handle_message(Now now, ConnectionId id, ByteView frame) {
  const auto from = connections_.find(id);
  if (from == connections_.end()) return;
  if (frame.size() > kMaxMessageSize) {
    refuse(from, 0, ErrorCode::kMessageTooLarge);
    close(now, from, CloseReason::kMessageTooLarge);
    return drain_proofs();
  }
  const auto message = decode_client_message(frame);
  if (!message && message.error() == ControlError::kUnknownKind && from->second.peer) return;
  const bool expected = message && std::holds_alternative<Authenticate>(*message) != from->second.peer.has_value();
  if (!expected) {
    refuse(from, 0, ErrorCode::kMalformed);
    close(now, from, CloseReason::kProtocol);
    return drain_proofs();
  }
  from->second.last_heard = now.mono;
  if (from->second.peer && !grant_request(now, from, *message)) return drain_proofs();
  std::visit([&](const auto& each) { on(now, from, each); }, *message);
  drain_proofs();
}

void Server::handle_disconnected(Now now, ConnectionId id) {
  const auto at = connections_.find(id);
  if (at != connections_.end()) remove(now, at);
  drain_proofs();
}

void Server::handle_probed(Now now, std::uint64_t number, ProbeOutcome outcome) {
  proofs_.handle_probed(now, std::nullopt, number, outcome);
  drain_proofs();
}

void Server::handle_timeout(Now now) {
  relay_.handle_timeout(now);
  registry_.handle_timeout(now.mono);
  proofs_.handle_timeout(now);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.mono) {
    const auto at = connections_.find(deadlines_.begin()->second);
    if (!at->second.peer) {
      close(now, at, CloseReason::kNotAuthenticated);
    } else if (at->second.last_heard + kConnectionSilenceLimit <= now.mono) {
      close(now, at, CloseReason::kSilent);
    } else {
      file(at);  // it has spoken since it was filed
    }
  }
  if (tell_at_ && *tell_at_ <= now.mono) tell_changes();
  drain_proofs();
}

std::optional<Server::Command> Server::poll_command() {
  if (commands_.empty()) return std::nullopt;
  Command out = std::move(commands_.front());
  commands_.pop_front();
  return out;
}

std::optional<Instant> Server::poll_timeout() const {
  std::optional<Instant> out = relay_.poll_timeout();
  const auto sooner = [&](std::optional<Instant> other) {
    if (other && (!out || *other < *out)) out = other;
  };
  sooner(registry_.poll_timeout());
  sooner(proofs_.poll_timeout());
  sooner(tell_at_);
  if (!deadlines_.empty()) sooner(deadlines_.begin()->first);
  return out;
}

// --- what a client says ---

void Server::on(Now now, Table::iterator from, const Authenticate& message) {
  const auto verified = identity::verify_statement(message.statement, kChallengeType, config_.id, now.wall);
  // A statement over another connection's nonce is as wrong as one that nobody signed.
  const bool right = verified && verified->statement.body == copy_of(from->second.nonce);
  if (!right) {
    const bool clock = !verified && code_of(verified.error()) == ErrorCode::kClock;
    refuse(from, 0, clock ? ErrorCode::kClock : ErrorCode::kNotAuthenticated);
    close(now, from, CloseReason::kNotAuthenticated);
    return;
  }
  const PeerId& peer = verified->signer;
  // The newest connection is the live one: the old one may be the ghost of a link that broke unnoticed.
  const auto other = by_peer_.find(peer);
  if (other != by_peer_.end()) close(now, connections_.find(other->second), CloseReason::kReplaced);
  from->second.peer = peer;
  by_peer_.emplace(peer, from->first);
  file(from);
  registry_.set_connected(peer, true);
  send(from->first, Welcome{from->second.observed.address});
}

void Server::on(Now now, Table::iterator from, const Register& message) {
  Connection& connection = from->second;
  if (!connection.registrations.take(now.mono, kRegisterRate, 1)) {
    ++counts_.requests_refused;
    refuse(from, message.request, ErrorCode::kTooFast, connection.registrations.wait(now.mono, kRegisterRate, 1));
    return;
  }
  const auto ttl = accept_registration(now, connection.observed.address, connection.peer, message.statement);
  if (!ttl) {
    const Rejected& why = ttl.error();
    send(from->first, Error{message.request, why.code, rounded_up(why.retry_after), why.text});
    return;
  }
  send(from->first, RegisterOk{message.request, *ttl});
}

void Server::on(Now now, Table::iterator from, const Heartbeat& /*message*/) {
  send(from->first, HeartbeatAck{registry_.refresh(now.mono, *from->second.peer)});
}

void Server::on(Now now, Table::iterator from, const Lookup& message) {
  Connection& connection = from->second;
  const auto cost = static_cast<std::uint32_t>(message.ids.size());
  if (!connection.lookups.take(now.mono, kLookupRate, cost)) {
    ++counts_.requests_refused;
    refuse(from, message.request, ErrorCode::kTooFast, connection.lookups.wait(now.mono, kLookupRate, cost));
    return;
  }
  registry_.handle_timeout(now.mono);
  counts_.lookups += cost;
  Found found{.request = message.request, .stores = {}};
  for (const store::StoreId& id : message.ids) {
    found.stores.push_back(registry_.lookup(id, {connection.observed.address, connection.peer}));
    note_told(from->first, found.stores.back());
  }
  send(from->first, found);
}

void Server::on(Now now, Table::iterator from, const InventorySince& message) {
  registry_.handle_timeout(now.mono);
  Inventory inventory = registry_.inventory(message.cursor);
  inventory.request = message.request;
  from->second.told = inventory.cursor.version;
  from->second.follows = !inventory.more;
  send(from->first, inventory);
}

void Server::on(Now now, Table::iterator from, const OpenRelay& message) {
  const PeerId& self = *from->second.peer;
  const auto refuse_relay = [&](relay::RefusalReason reason, Duration retry_after) {
    send(from->first, RelayRefused{message.request, reason, rounded_up(retry_after), suggestion_for(reason)});
  };
  if (message.target != self && !by_peer_.contains(message.target)) {
    refuse_relay(relay::RefusalReason::kTargetOffline, kOfflineRetry);
    return;
  }
  const auto grant = relay_.open(now, self, from->second.observed.address, message.target);
  if (!grant) {
    refuse_relay(grant.error().reason, grant.error().retry_after);
    return;
  }
  send(from->first, RelayGrant{message.request, *grant});
}

void Server::on(Now now, Table::iterator from, const SignalTo& message) {
  const auto target = by_peer_.find(message.target);
  if (target == by_peer_.end()) {
    refuse(from, message.request, ErrorCode::kTargetOffline, kOfflineRetry);
    return;
  }
  TokenBucket& inbox = connections_.find(target->second)->second.signals;
  if (!inbox.take(now.mono, kSignalRate, 1)) {
    ++counts_.requests_refused;
    refuse(from, message.request, ErrorCode::kTooFast, inbox.wait(now.mono, kSignalRate, 1));
    return;
  }
  ++counts_.signals;
  send(target->second, Signal{*from->second.peer, message.sealed, from->second.observed.address});
}

void Server::on(Now now, Table::iterator from, const TurnServersAsk& message) {
  registry_.handle_timeout(now.mono);
  const Asker asker{from->second.observed.address, from->second.peer};
  send(from->first, TurnServers{message.request, registry_.turn_servers(asker, message.about)});
}

// --- proofs: docs/protocols/proof.md ---

void Server::on(Now now, Table::iterator from, const ProofAsk& message) {
  const Connection& asker = from->second;
  proofs_.ask(now, from->first, *asker.peer, asker.seen_for(message.target), message.target, message.avoid);
}

void Server::on(Now now, Table::iterator from, const ProofSeen& message) {
  proofs_.handle_seen(now, from->first, message.nonce, message.at, message.from);
}

void Server::on(Now now, Table::iterator from, const ProbeReady& /*message*/) {
  proofs_.add_prober(now, from->first, *from->second.peer, from->second.observed.address);
}

void Server::on(Now now, Table::iterator from, const ProbeDone& message) {
  proofs_.handle_probed(now, from->first, message.number, message.outcome);
}

void Server::drain_proofs() {
  struct Do {
    Server& server;
    // One of them may have been closed since.
    void tell(ConnectionId to, const ServerMessage& message) const {
      if (server.connections_.contains(to)) server.send(to, message);
    }
    void operator()(const OrderProbe& a) const { tell(a.prober, ProbeOrder{a.number, a.target, a.nonce}); }
    void operator()(const ProbeFromHere& a) const { server.commands_.emplace_back(a); }
    void operator()(const TellExpected& a) const { tell(a.asker, ProofExpect{a.target, a.digest}); }
    void operator()(const TellOutcome& a) const { tell(a.asker, ProofResult{a.target, a.outcome, rounded_up(a.time)}); }
    void operator()(const Proved& a) const {
      const auto before = server.shown(a.peer);
      server.registry_.prove(a.peer, a.service, a.until);
      if (server.shown(a.peer) != before) server.tell_peer_changed(a.peer);
    }
  };
  while (auto action = proofs_.poll_action()) std::visit(Do{*this}, *action);
}

// What a stranger is shown of it.
std::pair<std::vector<Endpoint>, std::vector<Service>> Server::shown(const PeerId& peer) const {
  auto listing = registry_.find(peer, {IpAddress::v4(0, 0, 0, 0), std::nullopt});
  if (!listing) return {};
  return {std::move(listing->http), std::move(listing->services)};
}

void Server::note_told(ConnectionId asker, FoundStore& found) {
  for (Announcer& each : found.announcers) {
    each.proving = proofs_.is_proving(each.peer);
    const bool reachable = std::ranges::any_of(each.http, [](const Endpoint& e) { return e.address.is_global(); });
    if (!each.connected || (reachable && !each.proving)) continue;  // better is not to be expected
    std::vector<ConnectionId>& told = told_[each.peer];
    if (std::ranges::find(told, asker) != told.end()) continue;
    if (told.size() == kMaxToldPerPeer) told.erase(told.begin());
    told.push_back(asker);
  }
}

void Server::tell_peer_changed(const PeerId& peer) {
  const auto told = told_.find(peer);
  if (told == told_.end()) return;
  for (const ConnectionId& asker : told->second) {
    const auto connection = connections_.find(asker);
    if (connection == connections_.end()) continue;
    auto listing = registry_.find(peer, {connection->second.observed.address, connection->second.peer});
    if (!listing) continue;
    send(asker, PeerChanged{.peer = peer,
                            .seq = listing->seq,
                            .http = std::move(listing->http),
                            .services = std::move(listing->services),
                            .connected = listing->connected,
                            .proving = proofs_.is_proving(peer)});
  }
}

// --- HTTP ---

Result<std::chrono::seconds, Rejected> Server::register_peer(Now now, const Endpoint& observed, ByteView statement) {
  if (auto refused = limit(http_registrations_, now, observed, 1)) return fail(std::move(*refused));
  return accept_registration(now, observed.address, std::nullopt, statement);
}

Result<IpAddress, Rejected> Server::see(Now now, const Endpoint& observed, ByteView statement) {
  if (auto refused = limit_http(now, observed, kSeeCost)) return fail(std::move(*refused));
  const auto verified = identity::verify_statement(statement, kSeenType, config_.id, now.wall);
  if (!verified) return fail(rejected(code_of(verified.error())));
  const auto at = by_peer_.find(verified->signer);
  if (at == by_peer_.end()) return fail(rejected(ErrorCode::kTargetOffline));
  const IpAddress address = address_key(observed.address);
  Connection& connection = connections_.at(at->second);
  const bool is_new = connection.elsewhere.show(verified->statement.seq, address, connection.observed.address);
  return is_new ? Result<IpAddress, Rejected>(address) : fail(rejected(ErrorCode::kReplayed));
}

Result<FoundStore, Rejected> Server::lookup(Now now, const Endpoint& asker, const store::StoreId& id) {
  if (const auto limited = limit_http(now, asker, 1)) return fail(*limited);
  registry_.handle_timeout(now.mono);
  ++counts_.lookups;
  return registry_.lookup(id, {asker.address, std::nullopt});
}

Result<Inventory, Rejected> Server::inventory(Now now, const Endpoint& asker, const Cursor& since) {
  if (const auto limited = limit_http(now, asker, 1)) return fail(*limited);
  registry_.handle_timeout(now.mono);
  return registry_.inventory(since);
}

Result<PeerPage, Rejected> Server::peers(Now now, const Endpoint& asker, const std::optional<PeerId>& after,
                                         std::size_t limit) {
  if (const auto limited = limit_http(now, asker, 1)) return fail(*limited);
  const std::size_t page = std::clamp<std::size_t>(limit, 1, kMaxPeersPerPage);
  PeerPage out{.peers = list(now, asker, after, page), .next = {}};
  if (out.peers.size() == page) out.next = out.peers.back().peer;
  return out;
}

Stats Server::stats() const {
  Stats out = counts_;
  out.connections = connections_.size();
  out.authenticated = by_peer_.size();
  out.peers = registry_.peer_count();
  out.stores = registry_.store_count();
  out.contents = registry_.content_count();
  out.entries = registry_.entry_count();
  out.relay_sessions = relay_.size();
  out.relay = relay_.totals();
  out.proofs = proofs_.counters();
  return out;
}

std::vector<PeerListing> Server::list(Now now, const Endpoint& asker, const std::optional<PeerId>& after,
                                      std::size_t limit) {
  registry_.handle_timeout(now.mono);
  std::vector<PeerListing> out;
  for (Registry::Listing& each : registry_.list(after, limit, {asker.address, std::nullopt})) {
    out.push_back({.peer = each.peer,
                   .observed = each.observed,
                   .http = std::move(each.http),
                   .services = std::move(each.services),
                   .stores = each.stores,
                   .connected = each.connected,
                   .expires_in = each.expires - now.mono});
  }
  return out;
}

std::optional<Announcer> Server::held_by(Now now, const Endpoint& asker, const PeerId& peer, const store::StoreId& id) {
  registry_.handle_timeout(now.mono);
  return registry_.held_by(peer, id, {asker.address, std::nullopt});
}

bool Server::signal(const PeerId& target, Bytes sealed) {
  const auto at = by_peer_.find(target);
  if (at == by_peer_.end()) return false;
  ++counts_.signals;
  send(at->second, Signal{config_.id, std::move(sealed)});
  return true;
}

// --- the parts ---

std::optional<CloseReason> Server::refusal_of(const IpAddress& from) const {
  if (connections_.size() >= kMaxConnections || count_of(by_address_, address_key(from)) >= kMaxConnectionsPerAddress ||
      count_of(by_network_, network_of(from)) >= kMaxConnectionsPerNetwork) {
    return CloseReason::kFull;
  }
  return std::nullopt;
}

bool Server::grant_request(Now now, Table::iterator from, const ClientMessage& message) {
  Connection& connection = from->second;
  if (connection.requests.take(now.mono, kRequestRate, 1)) {
    connection.refused_in_a_row = 0;
    return true;
  }
  ++counts_.requests_refused;
  if (++connection.refused_in_a_row > kMaxRefusedInARow) {
    close(now, from, CloseReason::kFlood);
    return false;
  }
  const auto number_of = [](const auto& each) -> std::uint64_t {
    if constexpr (requires { each.request; }) return each.request;
    return 0;
  };
  refuse(from, std::visit(number_of, message), ErrorCode::kTooFast,
         connection.requests.wait(now.mono, kRequestRate, 1));
  return false;
}

// One registration, over a control connection (then `peer` is who holds it) or over HTTP.
Result<std::chrono::seconds, Rejected> Server::accept_registration(Now now, const IpAddress& observed,
                                                                   const std::optional<PeerId>& peer,
                                                                   ByteView statement) {
  const auto refused = [this](Rejected why) {
    ++counts_.registrations_refused;
    return fail(std::move(why));
  };
  if (statement.size() > kMaxMessageSize) return refused(rejected(ErrorCode::kMessageTooLarge));
  const auto verified = identity::verify_statement(statement, kRegistrationType, config_.id, now.wall);
  if (!verified) return refused(rejected(code_of(verified.error())));
  if (peer && *peer != verified->signer) return refused(rejected(ErrorCode::kBadStatement));
  const auto registration = decode_registration(verified->statement.body);
  if (!registration) return refused(rejected(registration.error()));
  const auto before = shown(verified->signer);
  const auto put = registry_.put(now, verified->signer, observed, verified->statement.seq, *registration);
  if (!put) return refused(rejected(put.error()));
  registry_.set_connected(verified->signer, by_peer_.contains(verified->signer));
  if (const auto* proved = proofs_.proved(verified->signer)) {
    for (const auto& [service, until] : *proved) registry_.prove(verified->signer, service, until);
  }
  if (shown(verified->signer) != before) tell_peer_changed(verified->signer);
  ++counts_.registrations;
  note_changes(now);
  return kLifetimeSeconds;
}

std::optional<Rejected> Server::limit(NetworkLimiter& limiter, Now now, const Endpoint& asker, std::uint32_t cost) {
  if (limiter.take(now.mono, asker.address, cost)) return std::nullopt;
  ++counts_.requests_refused;
  return rejected(ErrorCode::kTooFast, limiter.wait(now.mono, asker.address, cost));
}

// Many registrations in a short time are one change: each peer's stores come in several steps, and everybody asks.
void Server::note_changes(Now now) {
  if (registry_.head().version == noted_) return;
  noted_ = registry_.head().version;
  if (!tell_at_) tell_at_ = now.mono + inventory_debounce(connections_.size());
}

void Server::tell_changes() {
  tell_at_.reset();
  for (auto& [id, connection] : connections_) {
    if (!connection.follows || connection.told >= noted_) continue;
    connection.follows = false;  // until it asks: a client that does not is told once
    send(id, InventoryChanged{});
  }
}

void Server::refuse(Table::iterator from, std::uint64_t request, ErrorCode code, Duration retry_after) {
  send(from->first, Error{request, code, rounded_up(retry_after), std::string(to_string(code))});
}

void Server::close(Now now, Table::iterator at, CloseReason reason) {
  commands_.push_back(Close{at->first, reason});
  remove(now, at);
}

void Server::remove(Now now, Table::iterator at) {
  const Connection& connection = at->second;
  deadlines_.erase({connection.deadline, at->first});
  decrement(by_address_, address_key(connection.observed.address));
  decrement(by_network_, network_of(connection.observed.address));
  if (connection.peer) {
    by_peer_.erase(*connection.peer);
    registry_.set_connected(*connection.peer, false);
    told_.erase(*connection.peer);
    proofs_.remove(now, at->first);
  }
  connections_.erase(at);
}

// Files the connection under the next instant at which it may be given up.
void Server::file(Table::iterator at) {
  Connection& connection = at->second;
  deadlines_.erase({connection.deadline, at->first});
  connection.deadline = connection.last_heard + (connection.peer ? kConnectionSilenceLimit : kAuthenticateLimit);
  deadlines_.emplace(connection.deadline, at->first);
}

}  // namespace turnpike::rendezvous
