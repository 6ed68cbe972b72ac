#include "core/rendezvous/control.h"

#include <algorithm>

#include "core/rendezvous/control.pb.h"

namespace turnpike::rendezvous {
namespace {

using std::chrono::milliseconds;

// --- values to bytes ---

template <class View>
std::string text(const View& bytes) {
  return std::string(text_of(bytes));
}

std::string text(const PeerId& peer) { return text(ByteView(peer.to_bytes())); }

std::string entries_text(const std::vector<Entry>& entries) {
  Bytes out;
  out.reserve(entries.size() * kStoreEntrySize);
  for (const Entry& entry : entries) append_entry(out, entry);
  return text(ByteView(out));
}

void write(const Cursor& cursor, wire::Cursor& out) {
  out.set_epoch(cursor.epoch);
  out.set_version(cursor.version);
}

void write(const Announcer& announcer, wire::Announcer& out) {
  out.set_peer(text(announcer.peer));
  out.set_observed(text(ByteView(address_bytes(announcer.observed))));
  for (const Endpoint& endpoint : announcer.http) out.add_http(text(ByteView(endpoint_bytes(endpoint))));
  out.set_size(announcer.content.size);
  out.set_root(text(ByteView(announcer.content.root)));
  out.set_seq(announcer.seq);
  out.set_connected(announcer.connected);
  for (const Service& service : announcer.services) out.add_services(text(ByteView(service_bytes(service))));
  out.set_proving(announcer.proving);
}

std::uint64_t count(milliseconds wait) { return static_cast<std::uint64_t>(std::max<std::int64_t>(wait.count(), 0)); }

struct ServerWriter {
  wire::ServerMessage& out;

  void operator()(const Hello& m) const {
    out.mutable_hello()->set_bootstrap(text(m.bootstrap));
    out.mutable_hello()->set_nonce(text(ByteView(m.nonce)));
    out.mutable_hello()->set_unix_ms(m.time.unix_ms);
  }
  void operator()(const Welcome& m) const {
    out.mutable_welcome()->set_observed(text(ByteView(address_bytes(m.observed))));
  }
  void operator()(const RegisterOk& m) const {
    out.set_request(m.request);
    out.mutable_register_ok()->set_ttl_seconds(static_cast<std::uint32_t>(m.ttl.count()));
  }
  void operator()(const HeartbeatAck& m) const { out.mutable_heartbeat_ack()->set_registered(m.registered); }
  void operator()(const Found& m) const {
    out.set_request(m.request);
    wire::Found& found = *out.mutable_found();
    for (const FoundStore& store : m.stores) {
      wire::FoundStore& to = *found.add_stores();
      to.set_id(text(ByteView(store.id.bytes)));
      for (const Announcer& announcer : store.announcers) write(announcer, *to.add_announcers());
    }
  }
  void operator()(const Inventory& m) const {
    out.set_request(m.request);
    out.mutable_inventory()->set_entries(entries_text(m.entries));
    write(m.cursor, *out.mutable_inventory()->mutable_cursor());
    out.mutable_inventory()->set_more(m.more);
  }
  void operator()(const InventoryChanged& /*m*/) const { out.mutable_inventory_changed(); }
  void operator()(const RelayGrant& m) const {
    out.set_request(m.request);
    wire::RelayGrant& to = *out.mutable_relay_grant();
    to.set_session(text(ByteView(m.grant.session.bytes)));
    to.set_initiator(text(ByteView(m.grant.initiator.bytes)));
    to.set_responder(text(ByteView(m.grant.responder.bytes)));
    to.set_quote_bytes(m.grant.quote.bytes);
    to.set_quote_bytes_per_second(m.grant.quote.bytes_per_second);
    to.set_quote_until_ms(m.grant.quote.until.unix_ms);
  }
  void operator()(const RelayRefused& m) const {
    out.set_request(m.request);
    out.mutable_relay_refused()->set_reason(static_cast<std::uint32_t>(m.reason));
    out.mutable_relay_refused()->set_retry_after_ms(count(m.retry_after));
    out.mutable_relay_refused()->set_suggestion(m.suggestion.substr(0, kMaxTextSize));
  }
  void operator()(const Signal& m) const {
    out.mutable_signal()->set_from(text(m.from));
    out.mutable_signal()->set_sealed(text(ByteView(m.sealed)));
    if (m.observed) out.mutable_signal()->set_observed(text(ByteView(address_bytes(*m.observed))));
  }
  void operator()(const TurnServers& m) const {
    out.set_request(m.request);
    wire::TurnServers& to = *out.mutable_turn_servers();
    for (const TurnServer& each : m.servers) {
      wire::TurnServer& server = *to.add_servers();
      server.set_peer(text(each.peer));
      for (const Service& service : each.services) server.add_services(text(ByteView(service_bytes(service))));
    }
  }
  void operator()(const ProofExpect& m) const {
    out.mutable_proof_expect()->set_target(text(ByteView(service_bytes(m.target))));
    out.mutable_proof_expect()->set_digest(text(ByteView(m.digest)));
  }
  void operator()(const ProofResult& m) const {
    out.mutable_proof_result()->set_target(text(ByteView(service_bytes(m.target))));
    out.mutable_proof_result()->set_outcome(static_cast<std::uint32_t>(m.outcome));
    out.mutable_proof_result()->set_time_ms(count(m.time));
  }
  void operator()(const ProbeOrder& m) const {
    out.mutable_probe_order()->set_number(m.number);
    out.mutable_probe_order()->set_target(text(ByteView(service_bytes(m.target))));
    out.mutable_probe_order()->set_nonce(text(ByteView(m.nonce)));
  }
  void operator()(const PeerChanged& m) const {
    wire::PeerChanged& to = *out.mutable_peer_changed();
    to.set_peer(text(m.peer));
    to.set_seq(m.seq);
    for (const Endpoint& endpoint : m.http) to.add_http(text(ByteView(endpoint_bytes(endpoint))));
    for (const Service& service : m.services) to.add_services(text(ByteView(service_bytes(service))));
    to.set_connected(m.connected);
    to.set_proving(m.proving);
  }
  void operator()(const Error& m) const {
    out.set_request(m.request);
    out.mutable_error()->set_code(static_cast<std::uint32_t>(m.code));
    out.mutable_error()->set_retry_after_ms(count(m.retry_after));
    out.mutable_error()->set_text(m.text.substr(0, kMaxTextSize));
  }
};

std::string text(const Service& service) { return text(ByteView(service_bytes(service))); }

struct ClientWriter {
  wire::ClientMessage& out;

  void operator()(const Authenticate& m) const { out.set_authenticate(text(ByteView(m.statement))); }
  void operator()(const Register& m) const {
    out.set_request(m.request);
    out.set_register_(text(ByteView(m.statement)));
  }
  void operator()(const Heartbeat& /*m*/) const { out.mutable_heartbeat(); }
  void operator()(const Lookup& m) const {
    out.set_request(m.request);
    std::string ids;
    for (const store::StoreId& id : m.ids) ids += text(ByteView(id.bytes));
    out.set_lookup(ids);
  }
  void operator()(const InventorySince& m) const {
    out.set_request(m.request);
    write(m.cursor, *out.mutable_inventory_since());
  }
  void operator()(const OpenRelay& m) const {
    out.set_request(m.request);
    out.set_open_relay(text(m.target));
  }
  void operator()(const SignalTo& m) const {
    out.set_request(m.request);
    out.mutable_signal_to()->set_target(text(m.target));
    out.mutable_signal_to()->set_sealed(text(ByteView(m.sealed)));
  }
  void operator()(const ProofAsk& m) const {
    out.mutable_proof_ask()->set_target(text(m.target));
    for (const IpAddress& each : m.avoid) out.mutable_proof_ask()->add_avoid(text(ByteView(address_bytes(each))));
  }
  void operator()(const ProofSeen& m) const {
    out.mutable_proof_seen()->set_nonce(text(ByteView(m.nonce)));
    out.mutable_proof_seen()->set_kind(static_cast<std::uint32_t>(m.at));
    out.mutable_proof_seen()->set_from(text(ByteView(address_bytes(m.from))));
  }
  void operator()(const ProbeReady& /*m*/) const { out.mutable_probe_ready(); }
  void operator()(const TurnServersAsk& m) const {
    out.set_request(m.request);
    out.mutable_turn_servers_ask();
    if (m.about) out.mutable_turn_servers_ask()->set_about(text(*m.about));
  }
  void operator()(const ProbeDone& m) const {
    out.mutable_probe_done()->set_number(m.number);
    out.mutable_probe_done()->set_outcome(static_cast<std::uint32_t>(m.outcome));
  }
};

template <class Wire>
Bytes serialised(const Wire& message) {
  Bytes out(message.ByteSizeLong());
  message.SerializeToArray(out.data(), static_cast<int>(out.size()));
  return out;
}

// --- bytes to values ---

template <class Message>
using Read = Result<Message, ControlError>;

template <std::size_t N>
bool read_array(const std::string& from, std::array<std::uint8_t, N>& to) {
  if (from.size() != N) return false;
  std::ranges::copy(bytes_of(from), to.begin());
  return true;
}

bool read_peer(const std::string& from, PeerId& to) {
  const auto peer = PeerId::from_bytes(bytes_of(from));
  if (peer) to = *peer;
  return peer.has_value();
}

bool read_address(const std::string& from, IpAddress& to) {
  const auto address = address_of(bytes_of(from));
  if (address) to = *address;
  return address.has_value();
}

// What the other end says may end up on a terminal or in a log.
std::string printable(const std::string& from) {
  std::string out = from.substr(0, kMaxTextSize);
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

// A wait nobody would wait for is as good as a day.
milliseconds wait_of(std::uint64_t ms) {
  return milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(ms, 86'400'000)));
}

Cursor cursor_of(const wire::Cursor& from) { return {from.epoch(), from.version()}; }

Read<ServerMessage> read(const wire::Hello& in) {
  Hello out;
  if (!read_peer(in.bootstrap(), out.bootstrap) || !read_array(in.nonce(), out.nonce)) {
    return fail(ControlError::kMalformed);
  }
  out.time = WallTime{in.unix_ms()};
  return ServerMessage{out};
}

Read<ServerMessage> read(const wire::Welcome& in) {
  Welcome out;
  if (!read_address(in.observed(), out.observed)) return fail(ControlError::kMalformed);
  return ServerMessage{out};
}

template <class Texts>
bool read_http(const Texts& from, std::vector<Endpoint>& to) {
  for (const std::string& bytes : from) {
    const auto endpoint = endpoint_of(bytes_of(bytes));
    if (!endpoint || endpoint->port == 0) return false;
    to.push_back(*endpoint);
  }
  return true;
}

// Kinds of a newer version are passed over.
template <class Texts>
bool read_services(const Texts& from, std::vector<Service>& to) {
  for (const std::string& bytes : from) {
    if (!knows_kind(bytes_of(bytes))) continue;
    const auto service = service_of(bytes_of(bytes));
    if (!service) return false;
    to.push_back(*service);
  }
  return true;
}

Read<Announcer> read(const wire::Announcer& in) {
  Announcer out;
  if (in.http_size() > static_cast<int>(kMaxHttpEndpoints) || in.services_size() > static_cast<int>(kMaxServices)) {
    return fail(ControlError::kOverLimit);
  }
  if (!read_peer(in.peer(), out.peer) || !read_address(in.observed(), out.observed) ||
      !read_array(in.root(), out.content.root)) {
    return fail(ControlError::kMalformed);
  }
  out.content.size = in.size();
  if (!out.content.is_valid()) return fail(ControlError::kMalformed);
  if (!read_http(in.http(), out.http) || !read_services(in.services(), out.services)) {
    return fail(ControlError::kMalformed);
  }
  out.seq = in.seq();
  out.connected = in.connected();
  out.proving = in.proving();
  return out;
}

Read<ServerMessage> read(std::uint64_t request, const wire::Found& in) {
  Found out{.request = request, .stores = {}};
  if (in.stores_size() > static_cast<int>(kMaxIdsPerLookup)) return fail(ControlError::kOverLimit);
  for (const wire::FoundStore& from : in.stores()) {
    FoundStore store;
    if (from.announcers_size() > static_cast<int>(kMaxAnnouncersPerStore)) return fail(ControlError::kOverLimit);
    if (!read_array(from.id(), store.id.bytes)) return fail(ControlError::kMalformed);
    for (const wire::Announcer& each : from.announcers()) {
      auto announcer = read(each);
      if (!announcer) return fail(announcer.error());
      store.announcers.push_back(*std::move(announcer));
    }
    out.stores.push_back(std::move(store));
  }
  return ServerMessage{std::move(out)};
}

Read<ServerMessage> read(std::uint64_t request, const wire::Inventory& in) {
  auto entries = entries_of(bytes_of(in.entries()), kMaxInventoryPage);
  if (!entries) {
    const bool over = entries.error() == RegistrationError::kTooManyStores;
    return fail(over ? ControlError::kOverLimit : ControlError::kMalformed);
  }
  return ServerMessage{Inventory{request, *std::move(entries), cursor_of(in.cursor()), in.more()}};
}

Read<ServerMessage> read(std::uint64_t request, const wire::RelayGrant& in) {
  RelayGrant out{.request = request, .grant = {}};
  if (!read_array(in.session(), out.grant.session.bytes) || !read_array(in.initiator(), out.grant.initiator.bytes) ||
      !read_array(in.responder(), out.grant.responder.bytes)) {
    return fail(ControlError::kMalformed);
  }
  out.grant.quote = {in.quote_bytes(), in.quote_bytes_per_second(), WallTime{in.quote_until_ms()}};
  return ServerMessage{out};
}

Read<ServerMessage> read(std::uint64_t request, const wire::RelayRefused& in) {
  if (in.reason() > static_cast<std::uint32_t>(relay::kLastRefusalReason)) return fail(ControlError::kMalformed);
  return ServerMessage{RelayRefused{request, static_cast<relay::RefusalReason>(in.reason()),
                                    wait_of(in.retry_after_ms()), printable(in.suggestion())}};
}

Read<ServerMessage> read(const wire::Signal& in) {
  Signal out;
  if (in.sealed().size() > kMaxSignalSize) return fail(ControlError::kOverLimit);
  if (!read_peer(in.from(), out.from)) return fail(ControlError::kMalformed);
  if (!in.observed().empty() && !read_address(in.observed(), out.observed.emplace())) {
    return fail(ControlError::kMalformed);
  }
  out.sealed = copy_of(bytes_of(in.sealed()));
  return ServerMessage{std::move(out)};
}

Read<ServerMessage> read(std::uint64_t request, const wire::TurnServers& in) {
  if (in.servers_size() > static_cast<int>(kMaxTurnServers)) return fail(ControlError::kOverLimit);
  TurnServers out{.request = request, .servers = {}};
  for (const wire::TurnServer& each : in.servers()) {
    TurnServer& server = out.servers.emplace_back();
    if (each.services_size() > static_cast<int>(kMaxServices)) return fail(ControlError::kOverLimit);
    if (!read_peer(each.peer(), server.peer) || !read_services(each.services(), server.services)) {
      return fail(ControlError::kMalformed);
    }
  }
  return ServerMessage{std::move(out)};
}

bool read_service(const std::string& from, Service& to) {
  const auto service = service_of(bytes_of(from));
  if (service) to = *service;
  return service.has_value();
}

bool read_kind(std::uint32_t from, ServiceKind& to) {
  if (from > UINT8_MAX || !is_kind(static_cast<std::uint8_t>(from))) return false;
  to = static_cast<ServiceKind>(from);
  return true;
}

Read<ServerMessage> read(const wire::ProofExpect& in) {
  ProofExpect out;
  if (!read_service(in.target(), out.target) || !read_array(in.digest(), out.digest)) {
    return fail(ControlError::kMalformed);
  }
  return ServerMessage{out};
}

Read<ServerMessage> read(const wire::ProofResult& in) {
  ProofResult out;
  out.outcome = static_cast<ProofOutcome>(std::min<std::uint32_t>(in.outcome(), UINT8_MAX));
  if (!read_service(in.target(), out.target) || !is_outcome(out.outcome)) return fail(ControlError::kMalformed);
  out.time = wait_of(in.time_ms());
  return ServerMessage{out};
}

Read<ServerMessage> read(const wire::ProbeOrder& in) {
  ProbeOrder out{.number = in.number(), .target = {}, .nonce = {}};
  if (!read_service(in.target(), out.target) || !read_array(in.nonce(), out.nonce)) {
    return fail(ControlError::kMalformed);
  }
  return ServerMessage{out};
}

Read<ServerMessage> read(const wire::PeerChanged& in) {
  PeerChanged out{.peer = {}, .seq = in.seq(), .http = {}, .services = {}};
  if (in.http_size() > static_cast<int>(kMaxHttpEndpoints) || in.services_size() > static_cast<int>(kMaxServices)) {
    return fail(ControlError::kOverLimit);
  }
  if (!read_peer(in.peer(), out.peer) || !read_http(in.http(), out.http) ||
      !read_services(in.services(), out.services)) {
    return fail(ControlError::kMalformed);
  }
  out.connected = in.connected();
  out.proving = in.proving();
  return ServerMessage{std::move(out)};
}

Read<ServerMessage> read(std::uint64_t request, const wire::Error& in) {
  if (in.code() == 0 || in.code() > static_cast<std::uint32_t>(ErrorCode::kTargetOffline)) {
    return fail(ControlError::kMalformed);
  }
  return ServerMessage{
      Error{request, static_cast<ErrorCode>(in.code()), wait_of(in.retry_after_ms()), printable(in.text())}};
}

Read<ClientMessage> read_lookup(std::uint64_t request, ByteView ids) {
  if (ids.size() % 32 != 0) return fail(ControlError::kMalformed);
  if (ids.size() / 32 > kMaxIdsPerLookup) return fail(ControlError::kOverLimit);
  Lookup out{.request = request, .ids = {}};
  ByteReader in(ids);
  while (in.remaining() > 0) out.ids.push_back({in.array<32>()});
  return ClientMessage{std::move(out)};
}

Read<ClientMessage> read_open_relay(std::uint64_t request, const std::string& target) {
  OpenRelay out{.request = request, .target = {}};
  if (!read_peer(target, out.target)) return fail(ControlError::kMalformed);
  return ClientMessage{out};
}

Read<ClientMessage> read(std::uint64_t request, const wire::SignalTo& in) {
  SignalTo out{.request = request, .target = {}, .sealed = {}};
  if (in.sealed().size() > kMaxSignalSize) return fail(ControlError::kOverLimit);
  if (!read_peer(in.target(), out.target)) return fail(ControlError::kMalformed);
  out.sealed = copy_of(bytes_of(in.sealed()));
  return ClientMessage{std::move(out)};
}

Read<ClientMessage> read(std::uint64_t request, const wire::TurnServersAsk& in) {
  TurnServersAsk out{.request = request, .about = {}};
  if (!in.about().empty() && !read_peer(in.about(), out.about.emplace())) return fail(ControlError::kMalformed);
  return ClientMessage{out};
}

Read<ClientMessage> read(const wire::ProofAsk& in) {
  ProofAsk out;
  if (in.avoid_size() > static_cast<int>(kMaxAvoided)) return fail(ControlError::kOverLimit);
  if (!read_service(in.target(), out.target)) return fail(ControlError::kMalformed);
  for (const std::string& each : in.avoid()) {
    if (!read_address(each, out.avoid.emplace_back())) return fail(ControlError::kMalformed);
  }
  return ClientMessage{std::move(out)};
}

Read<ClientMessage> read(const wire::ProofSeen& in) {
  ProofSeen out;
  if (!read_array(in.nonce(), out.nonce) || !read_kind(in.kind(), out.at) || !read_address(in.from(), out.from)) {
    return fail(ControlError::kMalformed);
  }
  return ClientMessage{out};
}

Read<ClientMessage> read(const wire::ProbeDone& in) {
  ProbeDone out{.number = in.number()};
  out.outcome = static_cast<ProbeOutcome>(std::min<std::uint32_t>(in.outcome(), UINT8_MAX));
  if (!is_outcome(out.outcome)) return fail(ControlError::kMalformed);
  return ClientMessage{out};
}

template <class Wire>
std::optional<ControlError> parse(ByteView frame, Wire& into) {
  if (frame.size() > kMaxMessageSize) return ControlError::kTooLarge;
  if (!into.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) return ControlError::kMalformed;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
      return "malformed or unexpected message";
    case ErrorCode::kMessageTooLarge:
      return "message too large (limit 2 MiB)";
    case ErrorCode::kNotAuthenticated:
      return "wrong answer to the challenge";
    case ErrorCode::kBadStatement:
      return "statement not signed by the sender for this bootstrap";
    case ErrorCode::kClock:
      return "statement expired or from the future: check the clock";
    case ErrorCode::kReplayed:
      return "statement seen before";
    case ErrorCode::kTooManyStores:
      return "too many stores in one registration (limit 20000)";
    case ErrorCode::kBadRegistration:
      return "bad registration";
    case ErrorCode::kFull:
      return "a limit of the bootstrap is reached";
    case ErrorCode::kTooFast:
      return "too many requests";
    case ErrorCode::kTargetOffline:
      return "the recipient is not connected here";
  }
  return "";
}

Bytes encode(const ServerMessage& message) {
  wire::ServerMessage out;
  std::visit(ServerWriter{out}, message);
  return serialised(out);
}

Bytes encode(const ClientMessage& message) {
  wire::ClientMessage out;
  std::visit(ClientWriter{out}, message);
  return serialised(out);
}

Result<ServerMessage, ControlError> decode_server_message(ByteView frame) {
  wire::ServerMessage in;
  if (const auto error = parse(frame, in)) return fail(*error);
  switch (in.kind_case()) {
    case wire::ServerMessage::kHello:
      return read(in.hello());
    case wire::ServerMessage::kWelcome:
      return read(in.welcome());
    case wire::ServerMessage::kRegisterOk:
      return ServerMessage{RegisterOk{in.request(), std::chrono::seconds(in.register_ok().ttl_seconds())}};
    case wire::ServerMessage::kHeartbeatAck:
      return ServerMessage{HeartbeatAck{in.heartbeat_ack().registered()}};
    case wire::ServerMessage::kFound:
      return read(in.request(), in.found());
    case wire::ServerMessage::kInventory:
      return read(in.request(), in.inventory());
    case wire::ServerMessage::kInventoryChanged:
      return ServerMessage{InventoryChanged{}};
    case wire::ServerMessage::kRelayGrant:
      return read(in.request(), in.relay_grant());
    case wire::ServerMessage::kRelayRefused:
      return read(in.request(), in.relay_refused());
    case wire::ServerMessage::kSignal:
      return read(in.signal());
    case wire::ServerMessage::kError:
      return read(in.request(), in.error());
    case wire::ServerMessage::kProofExpect:
      return read(in.proof_expect());
    case wire::ServerMessage::kProofResult:
      return read(in.proof_result());
    case wire::ServerMessage::kProbeOrder:
      return read(in.probe_order());
    case wire::ServerMessage::kPeerChanged:
      return read(in.peer_changed());
    case wire::ServerMessage::kTurnServers:
      return read(in.request(), in.turn_servers());
    case wire::ServerMessage::KIND_NOT_SET:
      break;
  }
  return fail(ControlError::kUnknownKind);
}

Result<ClientMessage, ControlError> decode_client_message(ByteView frame) {
  wire::ClientMessage in;
  if (const auto error = parse(frame, in)) return fail(*error);
  switch (in.kind_case()) {
    case wire::ClientMessage::kAuthenticate:
      return ClientMessage{Authenticate{copy_of(bytes_of(in.authenticate()))}};
    case wire::ClientMessage::kRegister:
      return ClientMessage{Register{in.request(), copy_of(bytes_of(in.register_()))}};
    case wire::ClientMessage::kHeartbeat:
      return ClientMessage{Heartbeat{}};
    case wire::ClientMessage::kLookup:
      return read_lookup(in.request(), bytes_of(in.lookup()));
    case wire::ClientMessage::kInventorySince:
      return ClientMessage{InventorySince{in.request(), cursor_of(in.inventory_since())}};
    case wire::ClientMessage::kOpenRelay:
      return read_open_relay(in.request(), in.open_relay());
    case wire::ClientMessage::kSignalTo:
      return read(in.request(), in.signal_to());
    case wire::ClientMessage::kProofAsk:
      return read(in.proof_ask());
    case wire::ClientMessage::kProofSeen:
      return read(in.proof_seen());
    case wire::ClientMessage::kProbeReady:
      return ClientMessage{ProbeReady{}};
    case wire::ClientMessage::kProbeDone:
      return read(in.probe_done());
    case wire::ClientMessage::kTurnServersAsk:
      return read(in.request(), in.turn_servers_ask());
    case wire::ClientMessage::KIND_NOT_SET:
      break;
  }
  return fail(ControlError::kUnknownKind);
}

}  // namespace turnpike::rendezvous
