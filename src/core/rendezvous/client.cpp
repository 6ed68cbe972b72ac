#include "core/rendezvous/client.h"

#include <algorithm>

#include "core/identity/statement.h"

namespace turnpike::rendezvous {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kChallengeLifetimeMs = 60'000;
constexpr std::uint64_t kRegistrationLifetimeMs = 600'000;
// What registering may cost a link: a list of 20,000 stores goes out every 15 seconds at most.
constexpr std::uint64_t kRegisterBytesPerSecond = 100'000;

Duration register_gap(std::size_t size) {
  const std::uint64_t seconds = size / kRegisterBytesPerSecond;
  return std::max<Duration>(kMinRegisterGap, std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

// The first `limit`, but not all of one family where there are both: neither may crowd out the other.
std::vector<Service> chosen(const std::vector<Service>& services, bool http, std::size_t limit) {
  std::vector<Service> out;
  for (const Service& each : services) {
    if ((each.kind == ServiceKind::kHttp) != http || !endpoint_is_usable(each.endpoint)) continue;
    if (std::ranges::find(out, each) == out.end()) out.push_back(each);
  }
  if (out.size() <= limit) return out;
  const auto end = out.begin() + static_cast<std::ptrdiff_t>(limit);
  const auto family = out.front().endpoint.address.family;
  const auto is_other = [&](const Service& each) { return each.endpoint.address.family != family; };
  if (std::find_if(out.begin(), end, is_other) == end) {
    const auto other = std::find_if(end, out.end(), is_other);
    if (other != out.end()) *(end - 1) = *other;
  }
  out.erase(end, out.end());
  return out;
}

std::vector<Entry> shared_entries(const std::vector<LocalStore>& stores) {
  std::vector<Entry> out;
  for (const LocalStore& each : stores) {
    if (each.shared && each.content.is_valid()) out.push_back({each.id, each.content});
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out, {}, &Entry::id);
  out.erase(repeated.begin(), repeated.end());
  if (out.size() > kMaxStoresPerPeer) out.resize(kMaxStoresPerPeer);
  return out;
}

// What an error about no request in particular says of the link, if anything.
std::optional<FailureReason> verdict(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotAuthenticated:
    case ErrorCode::kClock:
    case ErrorCode::kBadStatement:
      return FailureReason::kNotAuthenticated;
    case ErrorCode::kMalformed:
    case ErrorCode::kMessageTooLarge:
    case ErrorCode::kFull:
      return FailureReason::kRefused;
    default:
      return std::nullopt;
  }
}

}  // namespace

Client::Client(Config config, Random& random) : config_(std::move(config)), random_(random) {
  if (config_.url.size() > signal::kMaxUrlSize) config_.url.clear();
}

// --- what happened to the link ---

void Client::handle_link_up(Now now) {
  reset();
  state_ = State::kAwaitsHello;
  state_deadline_ = now.mono + kRequestLimit;
}

void Client::handle_link_down(Now /*now*/) { reset(); }

void Client::handle_message(Now now, ByteView frame) {
  if (state_ == State::kDown || state_ == State::kFailed) return;
  auto message = decode_server_message(frame);
  if (!message) {
    if (message.error() != ControlError::kUnknownKind)
      fail_link(FailureReason::kProtocol, "it sent a malformed message");
    return;
  }
  if (!is_in_turn(*message)) {
    fail_link(FailureReason::kProtocol, "it sent a message out of turn");
    return;
  }
  std::visit([&](auto& each) { on(now, each); }, *message);
}

bool Client::is_in_turn(const ServerMessage& message) const {
  if (std::holds_alternative<Error>(message)) return true;
  if (std::holds_alternative<Hello>(message)) return state_ == State::kAwaitsHello;
  if (std::holds_alternative<Welcome>(message)) return state_ == State::kAwaitsWelcome;
  return state_ == State::kWelcomed;
}

void Client::handle_timeout(Now now) {
  if (state_ == State::kAwaitsHello || state_ == State::kAwaitsWelcome) {
    if (state_deadline_ <= now.mono) fail_link(FailureReason::kSilent, "it did not greet us");
    return;
  }
  if (state_ != State::kWelcomed) return;
  if (heartbeat_deadline_ && *heartbeat_deadline_ <= now.mono) {
    fail_link(FailureReason::kSilent, "it did not answer a heartbeat");
    return;
  }
  if (next_heartbeat_ <= now.mono) {
    send(Heartbeat{});
    if (!heartbeat_deadline_) heartbeat_deadline_ = now.mono + kRequestLimit;
    next_heartbeat_ = now.mono + kHeartbeatPeriod;
    if (++heartbeats_ >= kHeartbeatsPerShow) show_elsewhere(now);
  }
  handle_request_timeouts(now);
  maybe_register(now);
}

void Client::handle_request_timeouts(Now now) {
  for (auto& [number, pending] : requests_) {  // in the order they were asked
    if (pending.deadline > now.mono) continue;
    if (!pending.waits) {
      fail_link(FailureReason::kSilent, "it did not answer a request");
      return;
    }
    try_to_send(now, number, pending);
  }
}

// --- verbs ---

void Client::set_registration(Now now, const std::vector<Service>& services, const std::vector<LocalStore>& stores,
                              bool relays) {
  Registration registration{.http = {},
                            .stores = shared_entries(stores),
                            .services = chosen(services, false, kMaxServices),
                            .relays = relays};
  for (const Service& each : chosen(services, true, kMaxHttpEndpoints)) registration.http.push_back(each.endpoint);
  Bytes body = encode_registration(registration);
  if (registration_ == body) return;
  const bool is_large = body.size() > kRegisterBytesPerSecond;
  registration_ = std::move(body);
  registration_due_ = true;
  if (services_ != services && !is_large && services_pace_.take(now.mono, kServicesPace, 1)) next_register_ = now.mono;
  services_ = services;
  maybe_register(now);
}

void Client::set_follow_inventory(Now now, bool follow) {
  const bool starts = follow && !config_.follow_inventory;
  config_.follow_inventory = follow;
  if (starts) ask_inventory(now);
}

void Client::check(Now now) {
  const Instant deadline = now.mono + kCheckLimit;
  if (state_ != State::kWelcomed || (heartbeat_deadline_ && *heartbeat_deadline_ <= deadline)) return;
  send(Heartbeat{});
  heartbeat_deadline_ = deadline;
  next_heartbeat_ = now.mono + kHeartbeatPeriod;
}

void Client::show_elsewhere(Now now) {
  if (state_ != State::kWelcomed || !config_.show_elsewhere) return;
  heartbeats_ = 0;
  events_.push_back(ShowElsewhere{elsewhere_, signed_statement(now, kSeenType, {})});
}

bool Client::lookup(Now now, const std::vector<store::StoreId>& ids) {
  const std::size_t wanted = (ids.size() + kMaxIdsPerLookup - 1) / kMaxIdsPerLookup;
  if (state_ != State::kWelcomed || requests_.size() + wanted > kMaxPendingRequests) return false;
  for (std::size_t at = 0; at < ids.size(); at += kMaxIdsPerLookup) {
    const auto from = ids.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(kMaxIdsPerLookup, ids.size() - at);
    ask(now, AskedLookup{{from, from + static_cast<std::ptrdiff_t>(count)}});
  }
  return true;
}

bool Client::open_relay(Now now, const PeerId& target) {
  if (state_ != State::kWelcomed || requests_.size() >= kMaxPendingRequests) return false;
  ask(now, AskedRelay{target});
  return true;
}

bool Client::turn_servers(Now now, const std::optional<PeerId>& about) {
  if (state_ != State::kWelcomed || requests_.size() >= kMaxPendingRequests) return false;
  ask(now, AskedTurnServers{about});
  return true;
}

bool Client::signal(Now now, const PeerId& target, const signal::Message& message) {
  if (state_ != State::kWelcomed) return false;
  Bytes sealed =
      signal::seal_message(random_, *config_.key, target, config_.sequence->next(now.wall), now.wall, message);
  if (!sealed.empty()) send(SignalTo{0, target, std::move(sealed)});
  return true;
}

void Client::prove(const Service& target, std::vector<IpAddress> avoid) {
  if (state_ == State::kWelcomed) send(ProofAsk{target, std::move(avoid)});
}

void Client::proof_seen(const ProofNonce& nonce, ServiceKind at, const IpAddress& from) {
  if (state_ == State::kWelcomed) send(ProofSeen{nonce, at, from});
}

void Client::probe_done(std::uint64_t number, ProbeOutcome outcome) {
  if (state_ == State::kWelcomed) send(ProbeDone{number, outcome});
}

// --- what it wants ---

std::optional<Bytes> Client::poll_send() {
  if (sends_.empty()) return std::nullopt;
  Bytes out = std::move(sends_.front());
  sends_.pop_front();
  return out;
}

std::optional<Client::Event> Client::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event out = std::move(events_.front());
  events_.pop_front();
  return out;
}

std::optional<Instant> Client::poll_timeout() const {
  if (state_ == State::kAwaitsHello || state_ == State::kAwaitsWelcome) return state_deadline_;
  if (state_ != State::kWelcomed) return std::nullopt;
  Instant out = next_heartbeat_;
  if (heartbeat_deadline_) out = std::min(out, *heartbeat_deadline_);
  if (registration_due_ && !registration_pending_) out = std::min(out, next_register_);
  for (const auto& [number, pending] : requests_) out = std::min(out, pending.deadline);
  return out;
}

// --- what the bootstrap says ---

void Client::on(Now now, Hello& hello) {
  if (config_.expected && hello.bootstrap != *config_.expected) {
    fail_link(FailureReason::kWrongBootstrap, "it is " + hello.bootstrap.to_string());
    return;
  }
  // Its versions mean nothing at another bootstrap, even behind the same address.
  if (bootstrap_ && *bootstrap_ != hello.bootstrap) cursor_ = {};
  bootstrap_ = hello.bootstrap;
  state_ = State::kAwaitsWelcome;
  state_deadline_ = now.mono + kRequestLimit;
  send(Authenticate{signed_statement(now, kChallengeType, copy_of(hello.nonce))});
}

void Client::on(Now now, Welcome& welcome) {
  state_ = State::kWelcomed;
  next_heartbeat_ = now.mono + kHeartbeatPeriod;
  events_.push_back(Welcomed{*bootstrap_, welcome.observed});
  const bool is_v4 = welcome.observed.unmapped().family == IpAddress::Family::kV4;
  elsewhere_ = is_v4 ? IpAddress::Family::kV6 : IpAddress::Family::kV4;
  show_elsewhere(now);
  // First of all: whom nobody could prove so far is proved by the time we ask for him.
  if (config_.can_probe) send(ProbeReady{});
  registration_due_ = registration_.has_value();
  next_register_ = now.mono;
  maybe_register(now);
  if (config_.follow_inventory) ask_inventory(now);
}

void Client::on(Now now, RegisterOk& ok) {
  if (!answered<AskedRegister>(ok.request)) return;
  registration_pending_ = false;
  registered_ = true;
  events_.push_back(Registered{ok.ttl});
  maybe_register(now);  // what changed meanwhile
}

void Client::on(Now now, HeartbeatAck& ack) {
  heartbeat_deadline_.reset();
  if (ack.registered || !registered_) return;
  registered_ = false;  // it has forgotten us
  registration_due_ = true;
  maybe_register(now);
}

void Client::on(Now /*now*/, Found& found) {
  const auto asked = answered<AskedLookup>(found.request);
  if (!asked) return;
  for (const store::StoreId& id : asked->ids) {
    const auto at = std::ranges::find(found.stores, id, &FoundStore::id);
    FoundStore store{.id = id, .announcers = {}};
    if (at != found.stores.end()) store.announcers = at->announcers;
    // Nobody is introduced to itself.
    std::erase_if(store.announcers, [this](const Announcer& each) { return each.peer == self(); });
    events_.push_back(StoreFound{std::move(store)});
  }
}

void Client::on(Now now, Inventory& inventory) {
  if (!answered<AskedInventory>(inventory.request)) return;
  inventory_pending_ = false;
  if (inventory.more && inventory.entries.empty()) {
    fail_link(FailureReason::kProtocol, "it promised more of its inventory and sent none");
    return;
  }
  cursor_ = inventory.cursor;
  events_.push_back(InventoryEntries{std::move(inventory.entries), !inventory.more});
  if (inventory.more || inventory_due_) ask_inventory(now);
}

void Client::on(Now now, InventoryChanged& /*changed*/) { ask_inventory(now); }

void Client::on(Now /*now*/, PeerChanged& changed) {
  if (changed.peer != self()) events_.emplace_back(std::move(changed));
}

void Client::on(Now now, RelayGrant& grant) {
  const auto asked = answered<AskedRelay>(grant.request);
  if (!asked) return;
  const relay::Grant& given = grant.grant;
  const signal::RelayOffer offer{.bootstrap = *bootstrap_,
                                 .bootstrap_url = config_.url,
                                 .session = given.session,
                                 .credential = given.responder,
                                 .quote = given.quote};
  signal(now, asked->target, offer);
  events_.push_back(RelayGranted{asked->target, given.session, given.initiator, given.quote});
}

void Client::on(Now /*now*/, RelayRefused& refused) {
  const auto asked = answered<AskedRelay>(refused.request);
  if (!asked) return;
  events_.push_back(RelayDenied{asked->target, refused.reason, refused.retry_after, std::move(refused.suggestion)});
}

void Client::on(Now now, Signal& signal) {
  // Whatever is wrong with it is its sender's doing, and the sender is not proved: it is dropped.
  const auto received = signal::open_message(*config_.key, *config_.seen_signals, now.wall, signal.sealed);
  if (!received || received->from == self()) return;
  if (const auto* offer = std::get_if<signal::RelayOffer>(&received->message)) {
    events_.emplace_back(RelayOffered{received->from, *offer});
  } else {
    events_.emplace_back(SignalReceived{received->from, signal.observed, received->message});
  }
}

void Client::on(Now /*now*/, TurnServers& servers) {
  const auto asked = answered<AskedTurnServers>(servers.request);
  if (asked) events_.emplace_back(TurnServersFound{asked->about, std::move(servers.servers)});
}

void Client::on(Now now, Error& error) {
  const auto request = requests_.find(error.request);
  if (request != requests_.end() && !request->second.waits) {
    handle_refusal(now, request, error);
    return;
  }
  // An offer that did not arrive leaves its session to end by itself: only what condemns the link is heard.
  if (const auto reason = verdict(error.code); reason && error.request == 0) fail_link(*reason, std::move(error.text));
}

void Client::handle_refusal(Now now, Requests::iterator request, const Error& error) {
  Pending& pending = request->second;
  if (const auto* relay = std::get_if<AskedRelay>(&pending.what)) {
    events_.push_back(RelayDenied{relay->target, relay::RefusalReason::kTooFast, error.retry_after, error.text});
    requests_.erase(request);
    return;
  }
  if (std::holds_alternative<AskedRegister>(pending.what)) {
    requests_.erase(request);
    refuse_registration(now, error);
    return;
  }
  if (error.code != ErrorCode::kTooFast) {
    fail_link(FailureReason::kRefused, error.text);
    return;
  }
  pending.waits = true;
  pending.deadline = now.mono + std::max<Duration>(error.retry_after, milliseconds(10));
}

void Client::refuse_registration(Now now, const Error& error) {
  registration_pending_ = false;
  registration_due_ = true;
  const bool too_fast = error.code == ErrorCode::kTooFast;
  next_register_ = now.mono + std::max<Duration>(error.retry_after, too_fast ? kMinRegisterGap : kRegisterRetry);
  if (too_fast) return;
  registered_ = false;
  events_.push_back(Failed{FailureReason::kRegistration, error.text});
}

// --- the parts ---

template <class What>
std::optional<What> Client::answered(std::uint64_t number) {
  const auto at = requests_.find(number);
  if (at == requests_.end() || at->second.waits || !std::holds_alternative<What>(at->second.what)) return std::nullopt;
  What out = std::get<What>(std::move(at->second.what));
  requests_.erase(at);
  return out;
}

void Client::reset() {
  state_ = State::kDown;
  registered_ = false;
  registration_pending_ = false;
  heartbeat_deadline_.reset();
  inventory_pending_ = false;
  inventory_due_ = false;
  requests_.clear();
  sends_.clear();
}

void Client::fail_link(FailureReason reason, std::string text) {
  reset();
  state_ = State::kFailed;
  events_.push_back(Failed{reason, std::move(text)});
}

void Client::ask(Now now, Asked what) {
  const std::uint64_t number = ++last_request_;
  Pending& pending =
      requests_.emplace(number, Pending{.what = std::move(what), .waits = true, .deadline = now.mono}).first->second;
  try_to_send(now, number, pending);
}

void Client::try_to_send(Now now, std::uint64_t number, Pending& pending) {
  if (const auto* lookup = std::get_if<AskedLookup>(&pending.what)) {
    if (!lookup_pace_.take(now.mono, kLookupPace, 1)) {
      pending.deadline = now.mono + lookup_pace_.wait(now.mono, kLookupPace, 1);
      return;
    }
    send(Lookup{number, lookup->ids});
  } else if (const auto* relay = std::get_if<AskedRelay>(&pending.what)) {
    send(OpenRelay{number, relay->target});
  } else if (const auto* servers = std::get_if<AskedTurnServers>(&pending.what)) {
    send(TurnServersAsk{number, servers->about});
  } else if (std::holds_alternative<AskedInventory>(pending.what)) {
    send(InventorySince{number, cursor_});
  } else {
    send(Register{number, signed_statement(now, kRegistrationType, *registration_)});
  }
  pending.waits = false;
  pending.deadline = now.mono + kRequestLimit;
}

void Client::ask_inventory(Now now) {
  if (state_ != State::kWelcomed || !config_.follow_inventory) return;
  inventory_due_ = inventory_pending_;
  if (inventory_pending_) return;
  inventory_pending_ = true;
  ask(now, AskedInventory{});
}

void Client::maybe_register(Now now) {
  if (state_ != State::kWelcomed || !registration_due_ || registration_pending_ || now.mono < next_register_) return;
  registration_due_ = false;
  registration_pending_ = true;
  next_register_ = now.mono + register_gap(registration_->size());
  ask(now, AskedRegister{});
}

Bytes Client::signed_statement(Now now, std::string_view type, Bytes body) {
  const std::uint64_t lifetime = type == kRegistrationType ? kRegistrationLifetimeMs : kChallengeLifetimeMs;
  return identity::sign_statement(*config_.key, {.type = std::string(type),
                                                 .audience = *bootstrap_,
                                                 .seq = config_.sequence->next(now.wall),
                                                 .expires = WallTime{now.wall.unix_ms + lifetime},
                                                 .body = std::move(body)});
}

}  // namespace turnpike::rendezvous
