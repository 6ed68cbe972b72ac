#include "core/turn/server.h"

#include <algorithm>

#include "core/stun/integrity.h"

namespace turnpike::turn {
namespace {

constexpr std::array kKnown{
    AttributeType::kUsername,
    AttributeType::kRealm,
    AttributeType::kNonce,
    AttributeType::kPasswordAlgorithm,
    AttributeType::kChannelNumber,
    AttributeType::kLifetime,
    AttributeType::kXorPeerAddress,
    AttributeType::kData,
    AttributeType::kRequestedAddressFamily,
    AttributeType::kEvenPort,
    AttributeType::kRequestedTransport,
    AttributeType::kDontFragment,
    AttributeType::kReservationToken,
};

// Ports of static users are told from those of sessions by this bit; the rest is the allocation's slot.
constexpr VirtualPorts::Owner kUserPort = 0x8000'0000;

bool is_stream(Transport transport) { return transport != Transport::kUdp; }

Bytes channel_message(ChannelNumber channel, ByteView data, Transport transport) {
  const auto header = channel_header(channel, data.size());
  Bytes out;
  out.reserve(header.size() + data.size() + 3);
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), data.begin(), data.end());
  if (is_stream(transport)) out.resize(out.size() + channel_padding(data.size()), 0);
  return out;
}

Bytes data_indication(const TransactionId& id, const Endpoint& peer, ByteView data) {
  MessageWriter out(Class::kIndication, Method::kData, id);
  stun::add_xor_address(out, AttributeType::kXorPeerAddress, peer);
  out.add(AttributeType::kData, data);
  return std::move(out).take();
}

Sessions::End end_of(const Holder& holder) { return {holder.number, static_cast<Side>(holder.side)}; }

}  // namespace

Server::Server(ServerConfig config, Random& random)
    : config_(std::move(config)),
      random_(random),
      ports_(config_.external),
      sessions_(config_.sessions, ports_, random),
      authenticator_(config_.realm, config_.users, sessions_, random),
      allocations_(random),
      forwarding_(random),
      binding_(random),
      challenges_(random, config_.challenge_rate, config_.challenge_burst),
      by_user_(config_.users.size(), 0) {
  if (config_.donation) donation_.emplace(*config_.donation, config_.donated);
}

// --- sessions ---

Result<Opened, RefusalReason> Server::open_session(Now now, const PeerId& requester, const IpAddress& from,
                                                   const PeerId& responder, IpAddress::Family family) {
  if (donation_ && donation_->is_spent(now.wall)) return fail(RefusalReason::kSpent);
  if (!ports_.has_family(family)) return fail(RefusalReason::kNoAddress);
  if (config_.payer != nullptr && config_.payer->is_spent(now)) return fail(RefusalReason::kSpent);
  auto opened = sessions_.open(now, requester, from, responder, family);
  settle_sessions(now);
  return opened;
}

void Server::close_session(Now now, const SessionId& session) {
  sessions_.close(session);
  settle_sessions(now);
}

bool Server::accepts_sessions(WallTime now) const {
  return has_external() && sessions_.has_room() && !(donation_ && donation_->is_spent(now));
}

void Server::settle_sessions(Now now) {
  while (auto ended = sessions_.poll_event()) {
    for (const auto& slot : ended->allocations) {
      if (slot) remove(now, *slot);
    }
    events_.push_back(*ended);
  }
}

// --- what comes in ---

void Server::handle_message(Now now, const FiveTuple& from, ByteView message) {
  if (message.empty()) return;
  if (message.front() >= 0x40) return handle_channel_data(now, from, message);
  const auto read = MessageView::parse(message);
  if (!read || (read->fingerprint() && !stun::verify_fingerprint(*read))) return;
  if (read->message_class() == Class::kIndication && read->method() == Method::kSend) {
    return handle_send(now, from, *read);
  }
  if (read->message_class() != Class::kRequest || message.size() > kMaxRequestSize) return;
  if (read->method() == Method::kBinding) {
    const Endpoint local{from.local, 0};
    if (auto reply = binding_.answer(now.mono, from.client, local, *read)) {
      if (config_.tells_bindings) bindings_.push_back({from, read->id()});
      outgoing_.push_back({from, std::move(reply->payload)});
    }
    return;
  }
  if (!relays()) return;  // nobody could have been told of us
  handle_request(now, from, *read);
}

void Server::handle_request(Now now, const FiveTuple& from, const MessageView& message) {
  const Method method = message.method();
  if (method != Method::kAllocate && method != Method::kRefresh && method != Method::kCreatePermission &&
      method != Method::kChannelBind) {
    return;
  }
  const auto caller = authenticator_.check(now.mono, from, message);
  if (!caller) return challenge(now, from, message, caller.error());
  const Request request{now, from, message, *caller};
  const auto unknown = stun::unknown_attributes(message, kKnown);
  if (!unknown.empty()) return refuse(request, ErrorCode::kUnknownAttribute, unknown);

  if (method == Method::kAllocate) return handle_allocate(request);
  const auto slot = allocations_.find(from);
  if (!slot) return refuse(request, ErrorCode::kAllocationMismatch);
  if (allocations_[*slot].holder != caller->holder) return refuse(request, ErrorCode::kWrongCredentials);
  if (method == Method::kRefresh) return handle_refresh(request, *slot);
  if (method == Method::kCreatePermission) return handle_create_permission(request, *slot);
  handle_channel_bind(request, *slot);
}

void Server::handle_closed(Now now, const FiveTuple& client) {
  if (const auto slot = allocations_.find(client)) remove(now, *slot);
}

void Server::handle_timeout(Now now) {
  sessions_.handle_timeout(now.mono);
  settle_sessions(now);
  while (const auto slot = allocations_.expired(now.mono)) remove(now, *slot);
}

// --- Allocate (RFC 8656, section 7.2) ---

void Server::handle_allocate(const Request& request) {
  if (const auto slot = allocations_.find(request.from)) {
    if (allocations_[*slot].created_by == request.message.id()) return succeed_allocate(request, *slot);
    return refuse(request, ErrorCode::kAllocationMismatch);
  }
  if (const auto fault = fault_of_allocate(request.message)) return refuse(request, *fault);
  const Holder& holder = request.caller.holder;
  if (holder.kind == Holder::Kind::kSession) {
    // One credential, one allocation: who has moved to another address comes back without waiting for the old to
    // expire.
    if (const auto old = sessions_.allocation(end_of(holder))) remove(request.now, *old);
  } else if (by_user_[holder.number] >= config_.max_allocations_per_user) {
    return refuse(request, ErrorCode::kAllocationQuotaReached);
  }
  if (!has_room_for(request)) return refuse(request, ErrorCode::kAllocationQuotaReached);
  if (allocations_.size() >= config_.max_allocations) return refuse(request, ErrorCode::kInsufficientCapacity);
  const auto relayed = take_relayed(request);
  if (!relayed) return refuse(request, relayed.error());

  const Slot slot = allocations_.add({.client = request.from,
                                      .relayed = *relayed,
                                      .holder = holder,
                                      .created_by = request.message.id(),
                                      .expires = request.now.mono + lifetime_for(request),
                                      .permissions = {},
                                      .channels = {}});
  ++by_network_[stun::answer_network(request.from.client.address)];
  ++counters_.allocations;
  if (holder.kind == Holder::Kind::kSession) {
    sessions_.set_allocation(request.now.mono, end_of(holder), slot);
  } else {
    ++by_user_[holder.number];
    ports_.set_owner(*relayed, kUserPort | slot);
  }
  succeed_allocate(request, slot);
}

std::optional<ErrorCode> Server::fault_of_allocate(const MessageView& message) const {
  const auto transport = message.find(AttributeType::kRequestedTransport);
  const auto protocol = transport ? read_requested_transport(*transport) : std::nullopt;
  if (!protocol) return ErrorCode::kBadRequest;
  if (*protocol != kProtocolUdp) return ErrorCode::kUnsupportedTransport;

  const auto family = message.find(AttributeType::kRequestedAddressFamily);
  const auto additional = message.find(AttributeType::kAdditionalAddressFamily);
  const auto even_port = message.find(AttributeType::kEvenPort);
  const bool has_token = message.has(AttributeType::kReservationToken);
  if (has_token && (even_port || family || additional)) return ErrorCode::kBadRequest;
  if (family && additional) return ErrorCode::kBadRequest;
  const auto reserves_next = even_port ? read_even_port(*even_port) : false;
  if (!reserves_next || (additional && *reserves_next)) return ErrorCode::kBadRequest;
  // Nothing is ever reserved here, so there is no token that could be good.
  if (has_token || *reserves_next) return ErrorCode::kInsufficientCapacity;

  if (additional && read_address_family(*additional) != RequestedFamily::kV6) return ErrorCode::kBadRequest;
  const auto requested = family ? read_address_family(*family) : RequestedFamily::kV4;
  if (!requested) return ErrorCode::kBadRequest;
  if (*requested == RequestedFamily::kUnknown) return ErrorCode::kAddressFamilyNotSupported;
  return std::nullopt;
}

bool Server::has_room_for(const Request& request) const {
  const auto at = by_network_.find(stun::answer_network(request.from.client.address));
  return at == by_network_.end() || at->second < config_.max_allocations_per_network;
}

Result<Endpoint, ErrorCode> Server::take_relayed(const Request& request) {
  const auto value = request.message.find(AttributeType::kRequestedAddressFamily);
  const auto family =
      value && read_address_family(*value) == RequestedFamily::kV6 ? IpAddress::Family::kV6 : IpAddress::Family::kV4;
  const bool even = request.message.has(AttributeType::kEvenPort);
  const Holder& holder = request.caller.holder;
  if (holder.kind == Holder::Kind::kSession) {
    // The grant fixed the address; who asks for a family by name must have meant that one.
    const Endpoint& relayed = sessions_.relayed(end_of(holder));
    if (value && relayed.address.family != family) return fail(ErrorCode::kAddressFamilyNotSupported);
    if (even && relayed.port % 2 != 0) return fail(ErrorCode::kInsufficientCapacity);
    return relayed;
  }
  if (!ports_.has_family(family)) return fail(ErrorCode::kAddressFamilyNotSupported);
  const auto relayed = ports_.take(random_, family, kUserPort, even ? PortParity::kEven : PortParity::kAny);
  if (!relayed) return fail(ErrorCode::kInsufficientCapacity);
  return *relayed;
}

Duration Server::lifetime_for(const Request& request) const {
  const auto value = request.message.find(AttributeType::kLifetime);
  const Duration asked = value ? read_lifetime(*value).value_or(kDefaultLifetime) : kDefaultLifetime;
  const Duration given = std::clamp<Duration>(asked, kDefaultLifetime, kMaxLifetime);
  const Holder& holder = request.caller.holder;
  if (holder.kind != Holder::Kind::kSession) return given;
  return std::min(given, sessions_.ends_at(holder.number) - request.now.mono);
}

void Server::succeed_allocate(const Request& request, Slot slot) {
  const Allocation& allocation = allocations_[slot];
  MessageWriter out = answer(Class::kSuccess, request.message);
  stun::add_xor_address(out, AttributeType::kXorRelayedAddress, allocation.relayed);
  add_lifetime(out, allocation.expires - request.now.mono);
  stun::add_xor_address(out, AttributeType::kXorMappedAddress, request.from.client);
  if (request.message.has(AttributeType::kAdditionalAddressFamily)) {  // one address is all that anybody gets
    add_address_error(out, IpAddress::Family::kV6, ErrorCode::kAddressFamilyNotSupported);
  }
  succeed(request, std::move(out));
}

void Server::remove(Now now, Slot slot) {
  const Allocation& allocation = allocations_[slot];
  for (const Channel& channel : allocation.channels.all()) forwarding_.withdraw(allocation.client, channel.number);
  forwarding_.withdraw_to(slot);
  if (const auto at = by_network_.find(stun::answer_network(allocation.client.client.address));
      at != by_network_.end() && --at->second == 0) {
    by_network_.erase(at);
  }
  if (allocation.holder.kind == Holder::Kind::kUser) {
    --by_user_[allocation.holder.number];
    ports_.release(allocation.relayed);
  } else {
    const Sessions::End end = end_of(allocation.holder);
    if (sessions_.allocation(end) == slot) sessions_.set_allocation(now.mono, end, std::nullopt);
  }
  allocations_.remove(slot);
}

// --- Refresh, CreatePermission, ChannelBind (sections 8, 10, 12) ---

void Server::handle_refresh(const Request& request, Slot slot) {
  if (const auto value = request.message.find(AttributeType::kRequestedAddressFamily)) {
    const bool v4 = allocations_[slot].relayed.address.family == IpAddress::Family::kV4;
    const auto family = read_address_family(*value);
    if (!family) return refuse(request, ErrorCode::kBadRequest);
    if (*family != (v4 ? RequestedFamily::kV4 : RequestedFamily::kV6)) {
      return refuse(request, ErrorCode::kPeerAddressFamilyMismatch);
    }
  }
  const auto value = request.message.find(AttributeType::kLifetime);
  const auto asked = value ? read_lifetime(*value) : kDefaultLifetime;
  if (!asked) return refuse(request, ErrorCode::kBadRequest);
  Duration given = Duration::zero();
  if (*asked == Duration::zero()) {
    const Holder holder = request.caller.holder;
    remove(request.now, slot);
    if (holder.kind == Holder::Kind::kSession) sessions_.handle_released(holder.number);
  } else {
    given = lifetime_for(request);
    allocations_.set_expiry(slot, request.now.mono + given);
  }
  MessageWriter out = answer(Class::kSuccess, request.message);
  add_lifetime(out, given);
  succeed(request, std::move(out));
  settle_sessions(request.now);
}

std::optional<ErrorCode> Server::fault_of_peer(Slot slot, const Endpoint& peer, bool exact) const {
  const Allocation& allocation = allocations_[slot];
  if (peer.address.family != allocation.relayed.address.family) return ErrorCode::kPeerAddressFamilyMismatch;
  if (allocation.holder.kind == Holder::Kind::kSession) {
    Sessions::End end = end_of(allocation.holder);
    end.side = other(end.side);
    const Endpoint& partner = sessions_.relayed(end);
    if (exact ? peer == partner : peer.address == partner.address) return std::nullopt;
    return ErrorCode::kForbidden;
  }
  if (exact ? partner(slot, peer).has_value() : ports_.is_external(peer.address)) return std::nullopt;
  return ErrorCode::kForbidden;
}

void Server::handle_create_permission(const Request& request, Slot slot) {
  std::vector<IpAddress> addresses;
  const MessageView& message = request.message;
  for (auto at = message.next(stun::kHeaderSize); at; at = message.next(MessageView::end_of(*at))) {
    if (at->type != AttributeType::kXorPeerAddress) continue;
    const auto peer = stun::read_xor_address(at->value, message.id());
    if (!peer) return refuse(request, ErrorCode::kBadRequest);
    if (const auto fault = fault_of_peer(slot, *peer, false)) return refuse(request, *fault);
    addresses.push_back(peer->address);
  }
  if (addresses.empty()) return refuse(request, ErrorCode::kBadRequest);
  for (const IpAddress& address : addresses) allocations_[slot].permissions.install(request.now.mono, address);
  succeed(request, answer(Class::kSuccess, message));
}

void Server::handle_channel_bind(const Request& request, Slot slot) {
  const MessageView& message = request.message;
  const auto number_value = message.find(AttributeType::kChannelNumber);
  const auto peer_value = message.find(AttributeType::kXorPeerAddress);
  const auto number = number_value ? read_channel_number(*number_value) : std::nullopt;
  const auto peer = peer_value ? stun::read_xor_address(*peer_value, message.id()) : std::nullopt;
  if (!number || !peer || !is_channel(*number)) return refuse(request, ErrorCode::kBadRequest);
  if (const auto fault = fault_of_peer(slot, *peer, true)) return refuse(request, *fault);
  Allocation& allocation = allocations_[slot];
  switch (allocation.channels.bind(request.now.mono, *number, *peer)) {
    case Channels::Bound::kConflict:
      return refuse(request, ErrorCode::kBadRequest);
    case Channels::Bound::kFull:
      return refuse(request, ErrorCode::kInsufficientCapacity);
    case Channels::Bound::kOk:
      break;
  }
  allocation.permissions.install(request.now.mono, peer->address);
  forwarding_.withdraw(request.from, *number);  // what it said of the time is out of date
  succeed(request, answer(Class::kSuccess, message));
}

// --- data (sections 11 and 12) ---

void Server::handle_send(Now now, const FiveTuple& from, const MessageView& message) {
  const auto slot = allocations_.find(from);
  const auto peer_value = message.find(AttributeType::kXorPeerAddress);
  const auto data = message.find(AttributeType::kData);
  const auto peer = peer_value ? stun::read_xor_address(*peer_value, message.id()) : std::nullopt;
  if (!slot || !peer || !data || !stun::unknown_attributes(message, kKnown).empty() ||
      !allocations_[*slot].permissions.allows(now.mono, peer->address)) {
    ++counters_.dropped;
    return;
  }
  deliver(now, *slot, *peer, *data, std::nullopt);
}

void Server::handle_channel_data(Now now, const FiveTuple& from, ByteView message) {
  const auto slot = allocations_.find(from);
  const auto read = parse_channel_data(message);
  const Channel* const channel =
      slot && read ? allocations_[*slot].channels.by_number(now.mono, read->channel) : nullptr;
  if (channel == nullptr) {
    ++counters_.dropped;
    return;
  }
  deliver(now, *slot, channel->peer, read->data, read->channel);
}

std::optional<Server::Slot> Server::partner(Slot from, const Endpoint& to) const {
  const Allocation& allocation = allocations_[from];
  if (allocation.holder.kind == Holder::Kind::kSession) {
    Sessions::End end = end_of(allocation.holder);
    end.side = other(end.side);
    return to == sessions_.relayed(end) ? sessions_.allocation(end) : std::nullopt;
  }
  const auto owner = ports_.owner_of(to);
  if (!owner || (*owner & kUserPort) == 0) return std::nullopt;
  const Slot slot = *owner & ~kUserPort;
  return allocations_[slot].holder == allocation.holder ? std::optional(slot) : std::nullopt;
}

Allowance Server::charge(Now now, const Route& route, std::uint64_t bytes) {
  return charge(now, allocations_[route.from_slot].holder, bytes);
}

Allowance Server::charge(Now now, const Holder& holder, std::uint64_t bytes) {
  if (donation_) {
    if (donation_->left(now.wall) < bytes) return {};
    if (const Duration rest = donation_->wait(now.mono); rest > Duration::zero()) return {false, rest};
  }
  if (config_.payer != nullptr) {
    const Payer::Answer answer = config_.payer->pay(now, bytes);
    if (!answer.allowed) return {false, answer.rest};
  }
  if (holder.kind == Holder::Kind::kSession) {
    const Allowance allowance = sessions_.take(now.mono, holder.number, bytes);
    if (!allowance.allowed) {
      settle_sessions(now);
      return allowance;
    }
  }
  if (donation_) donation_->charge(now, bytes);
  counters_.bytes += bytes;
  return {.allowed = true, .rest = {}};
}

void Server::deliver(Now now, Slot from, const Endpoint& to, ByteView data, std::optional<ChannelNumber> sent_on) {
  const Endpoint relayed = allocations_[from].relayed;
  const auto target = partner(from, to);
  if (!target || !allocations_[*target].permissions.allows(now.mono, relayed.address) ||
      !charge(now, allocations_[from].holder, data.size()).allowed) {
    ++counters_.dropped;
    return;
  }
  const Allocation& receiver = allocations_[*target];
  if (const Channel* const channel = receiver.channels.by_peer(now.mono, relayed)) {
    if (sent_on) publish(now.mono, from, *sent_on, *target, *channel);
    outgoing_.push_back({receiver.client, channel_message(channel->number, data, receiver.client.transport)});
  } else if (data.size() <= kMaxIndicationData) {
    outgoing_.push_back({receiver.client, data_indication(random_.array<12>(), relayed, data)});
  } else {
    ++counters_.dropped;
  }
}

void Server::publish(Instant now, Slot from, ChannelNumber sent_on, Slot to, const Channel& received_on) {
  const Allocation& sender = allocations_[from];
  const Allocation& receiver = allocations_[to];
  const Channel* const channel = sender.channels.by_number(now, sent_on);
  const Instant until = std::min({channel->expires, received_on.expires, sender.expires, receiver.expires,
                                  receiver.permissions.until(sender.relayed.address)});
  forwarding_.publish(
      sender.client, sent_on,
      {.to = receiver.client, .channel = received_on.number, .from_slot = from, .to_slot = to, .valid_until = until});
}

// --- answers ---

MessageWriter Server::answer(Class message_class, const MessageView& request) const {
  return {message_class, request.method(), request.id()};
}

void Server::succeed(const Request& request, MessageWriter out) {
  Authenticator::sign(request.caller, out);
  finish(request.from, request.message, std::move(out));
}

void Server::refuse(const Request& request, ErrorCode code, std::span<const AttributeType> unknown) {
  ++counters_.refused;
  MessageWriter out = answer(Class::kError, request.message);
  stun::add_error(out, code);
  if (!unknown.empty()) stun::add_unknown_attributes(out, unknown);
  Authenticator::sign(request.caller, out);
  finish(request.from, request.message, std::move(out));
}

void Server::challenge(Now now, const FiveTuple& to, const MessageView& request, ErrorCode code) {
  // In a stream the source is no forgery.
  if (!is_stream(to.transport) && !challenges_.take(now.mono, to.client.address)) {
    ++counters_.unanswered;
    return;
  }
  MessageWriter out = answer(Class::kError, request);
  stun::add_error(out, code);
  if (code != ErrorCode::kBadRequest) authenticator_.add_challenge(now.mono, to, out);
  finish(to, request, std::move(out));
}

void Server::finish(const FiveTuple& to, const MessageView& request, MessageWriter out) {
  if (request.fingerprint()) stun::add_fingerprint(out);
  outgoing_.push_back({to, std::move(out).take()});
}

std::optional<Outgoing> Server::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  Outgoing out = std::move(outgoing_.front());
  outgoing_.pop_front();
  return out;
}

std::optional<Server::Bound> Server::poll_binding() {
  if (bindings_.empty()) return std::nullopt;
  Bound out = bindings_.front();
  bindings_.pop_front();
  return out;
}

std::optional<Ended> Server::poll_event() {
  if (events_.empty()) return std::nullopt;
  Ended out = events_.front();
  events_.pop_front();
  return out;
}

std::optional<Instant> Server::poll_timeout() const {
  const auto allocation = allocations_.poll_timeout();
  const auto session = sessions_.poll_timeout();
  if (!allocation || !session) return allocation ? allocation : session;
  return std::min(*allocation, *session);
}

}  // namespace turnpike::turn
