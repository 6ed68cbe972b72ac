#include "core/dig/bootstrap_message.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "core/dig/address.h"

namespace turnpike::dig {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, Capabilities::kCount> kCapabilityNames{
    "libp2p",    "dht",          "mdns",         "upnp",       "autonat",
    "webrtc",    "websockets",   "circuitRelay", "turnServer", "bootstrapServer",
    "storeSync", "e2eEncryption"};

Result<json, BadMessage> object_of(ByteView text) { return parse_object(text, {.bytes = kMaxRequestSize}); }

std::vector<Endpoint> turn_addresses_of(Fields& fields) {
  std::vector<Endpoint> out;
  const auto texts = fields.texts("turnAddresses", kMaxTurnAddresses, kMaxMultiaddrText);
  for (const std::string& text : texts.value_or(std::vector<std::string>{})) {
    const auto tcp = tcp_of(text);
    if (tcp) out.push_back(*tcp);  // other transports are no use to anybody, but no fault either
  }
  return out;
}

Capabilities capabilities_of(Fields& fields) {
  Capabilities out;
  const json* const object = fields.object("capabilities");
  if (object == nullptr) return out;
  for (const auto& [name, value] : object->items()) {
    const std::size_t index = capability_of(name);
    if (index == Capabilities::kCount) continue;
    if (!value.is_boolean()) {
      fields.refuse(MessageError::kWrongType, "capabilities");
      return {};
    }
    out.has[index] = value.get<bool>();
  }
  return out;
}

void read_stores(Fields& fields, RegisterRequest& out) {
  const auto names = fields.texts("stores", kMaxStoresPerPeer, kMaxStoreText);
  for (const std::string& name : names.value_or(std::vector<std::string>{})) {
    const auto id = StoreId::parse(name);
    if (id) {
      out.stores.push_back(*id);
    } else {
      ++out.ignored_stores;
    }
  }
  std::ranges::sort(out.stores);
  const auto repeated = std::ranges::unique(out.stores);
  out.stores.erase(repeated.begin(), repeated.end());
}

std::optional<ByteSpan> range_of(Fields& fields) {
  constexpr auto kMax = store::kMaxStoreSize - 1;
  const auto first = fields.number("rangeStart", kMax);
  const auto last = fields.number("rangeEnd", kMax);
  if (!first && !last) return std::nullopt;
  if (!first) fields.refuse(MessageError::kMissing, "rangeStart");
  if (!last) fields.refuse(MessageError::kMissing, "rangeEnd");
  if (first && last && *last < *first) fields.refuse(MessageError::kOutOfRange, "rangeEnd");
  if (fields.bad()) return std::nullopt;
  return ByteSpan{*first, *last};
}

// "fd00:" and the end of the id: what the old bootstrap gave to nodes that do not say. No address of anything.
std::string crypto_ipv6_of(const PeerId& peer) {
  const std::string text = peer.to_string();
  return "fd00:" + text.substr(text.size() - std::min<std::size_t>(32, text.size()));
}

json texts_of(std::span<const Endpoint> tcp) {
  json out = json::array();
  for (const Endpoint& each : tcp) out.push_back(multiaddr_of(each));
  return out;
}

json capabilities_json(const Capabilities& capabilities) {
  json out = json::object();
  for (std::size_t i = 0; i < Capabilities::kCount; ++i) {
    out[std::string(kCapabilityNames.at(i))] = static_cast<bool>(capabilities.has[i]);
  }
  out["protocolVersion"] = "1.0.0";
  return out;
}

json record_json(const PeerRecord& peer, const PeersQuery& query) {
  json out{{"peerId", peer.peer.to_string()},
           {"addresses", peer.addresses},
           {"cryptoIPv6", crypto_ipv6_of(peer.peer)},
           {"lastSeen", peer.last_seen.unix_ms},
           {"version", peer.version},
           {"turnCapable", !peer.turn.empty()},
           {"bootstrapCapable", peer.bootstrap_capable},
           {"privacyMode", peer.privacy_mode}};
  if (!peer.turn.empty()) {
    out["turnAddresses"] = texts_of(peer.turn);
    out["turnPort"] = peer.turn.front().port;
    out["turnCapacity"] = peer.turn_capacity;
  }
  if (query.stores) {
    json stores = json::array();
    for (const StoreId& store : peer.stores) stores.push_back(store.to_string());
    out["stores"] = std::move(stores);
  }
  if (query.capabilities) {
    Capabilities told = peer.capabilities;
    told.has[capability_of("turnServer")] = !peer.turn.empty();  // as proved, not as claimed
    out["capabilities"] = capabilities_json(told);
  }
  return out;
}

json dollars(const std::optional<double>& amount) {
  if (!amount) return nullptr;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "$%.2f", *amount);
  return text.data();
}

std::optional<double> ratio_of(const CostInfo& cost) {
  if (!cost.projected || !cost.budget || *cost.budget <= 0) return std::nullopt;
  return *cost.projected / *cost.budget;
}

json percent(const std::optional<double>& ratio) {
  if (!ratio) return nullptr;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.1f%%", *ratio * 100);
  return text.data();
}

json number_or_null(const std::optional<double>& value) { return value ? json(*value) : json(nullptr); }

json cost_json(const CostInfo& cost) {
  return {{"budgetUsed", percent(ratio_of(cost))},
          {"projectedMonthlyCost", dollars(cost.projected)},
          {"budgetLimit", dollars(cost.budget)},
          {"mode", cost.mode},
          {"activeSessions", cost.sessions}};
}

json remaining_json(const CostInfo& cost) {
  std::optional<double> left;
  if (cost.budget && cost.spend) left = std::max(0.0, *cost.budget - *cost.spend);
  return {{"currentCostRatio", number_or_null(ratio_of(cost))},
          {"projectedMonthlyCost", number_or_null(cost.projected)},
          {"budgetRemaining", number_or_null(left)}};
}

}  // namespace

std::span<const std::string_view, Capabilities::kCount> capability_names() { return kCapabilityNames; }

std::size_t capability_of(std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(kCapabilityNames, name) - kCapabilityNames.begin());
}

// --- requests ---

Result<RegisterRequest, BadMessage> parse_register(ByteView text) {
  const auto object = object_of(text);
  if (!object) return fail(object.error());
  Fields fields(*object);
  RegisterRequest out;
  out.peer = fields.required_peer("peerId");
  const auto addresses = fields.texts("addresses", kMaxAddresses, kMaxMultiaddrText);
  if (!addresses || addresses->empty()) fields.refuse(MessageError::kMissing, "addresses");
  for (const std::string& address : addresses.value_or(std::vector<std::string>{})) {
    if (!is_multiaddr_text(address)) fields.refuse(MessageError::kBadAddress, "addresses");
  }
  out.addresses = addresses.value_or(std::vector<std::string>{});
  read_stores(fields, out);
  out.version = fields.text("version", kMaxVersionText).value_or("1.0.0");
  out.privacy_mode = fields.flag("privacyMode");
  out.capabilities = capabilities_of(fields);
  const bool turn_capable = fields.flag("turnCapable");
  out.turn_capable = turn_capable || out.capabilities.has[capability_of("turnServer")];
  const bool bootstrap_capable = fields.flag("bootstrapCapable");
  out.bootstrap_capable = bootstrap_capable || out.capabilities.has[capability_of("bootstrapServer")];
  out.turn_addresses = turn_addresses_of(fields);
  if (const auto port = fields.number("turnPort", UINT16_MAX)) out.turn_port = static_cast<std::uint16_t>(*port);
  if (const auto capacity = fields.number("turnCapacity", kMaxTurnCapacity)) {
    out.turn_capacity = static_cast<std::uint32_t>(*capacity);
  }
  (void)fields.number("serverPort", UINT16_MAX);  // of no use here; but whoever sends nonsense is told so
  (void)fields.number("nodeType", UINT8_MAX);
  if (fields.bad()) return fail(*fields.bad());
  return out;
}

Result<PeerId, BadMessage> parse_heartbeat(ByteView text) {
  const auto object = object_of(text);
  if (!object) return fail(object.error());
  Fields fields(*object);
  const PeerId peer = fields.required_peer("peerId");
  if (fields.bad()) return fail(*fields.bad());
  return peer;
}

Result<TurnServerRequest, BadMessage> parse_turn_server(ByteView text) {
  const auto object = object_of(text);
  if (!object) return fail(object.error());
  Fields fields(*object);
  TurnServerRequest out;
  out.peer = fields.required_peer("peerId");
  out.turn_addresses = turn_addresses_of(fields);
  if (out.turn_addresses.empty()) fields.refuse(MessageError::kMissing, "turnAddresses");
  const auto port = fields.number("turnPort", UINT16_MAX);
  if (!port) fields.refuse(MessageError::kMissing, "turnPort");
  out.turn_port = static_cast<std::uint16_t>(port.value_or(0));
  if (const auto capacity = fields.number("turnCapacity", kMaxTurnCapacity)) {
    out.turn_capacity = static_cast<std::uint32_t>(*capacity);
  }
  if (fields.bad()) return fail(*fields.bad());
  return out;
}

Result<AllocateRequest, BadMessage> parse_allocate(ByteView text) {
  const auto object = object_of(text);
  if (!object) return fail(object.error());
  Fields fields(*object);
  AllocateRequest out;
  out.peer = fields.required_peer("peerId");
  out.session = fields.text("sessionId", kMaxSessionText);
  if (const auto mbps = fields.number("estimatedBandwidthMbps", kMaxMbps)) out.mbps = static_cast<std::uint32_t>(*mbps);
  out.p2p_attempted = fields.flag("p2pAttempted");
  (void)fields.flag("isPremium");
  (void)fields.text("userTier", kMaxVersionText);
  if (fields.bad()) return fail(*fields.bad());
  return out;
}

Result<RelayRequest, BadMessage> parse_relay(ByteView text) {
  const auto object = object_of(text);
  if (!object) return fail(object.error());
  Fields fields(*object);
  RelayRequest out;
  out.store = fields.required_store("storeId");
  out.from = fields.required_peer("fromPeerId");
  out.to = fields.required_peer("toPeerId");
  out.range = range_of(fields);
  if (fields.bad()) return fail(*fields.bad());
  return out;
}

bool names_peer(ByteView health, const PeerId& peer) {
  const auto object = parse_object(health);
  if (!object) return false;
  Fields fields(*object);
  return fields.peer("peerId") == peer;
}

// --- answers ---

std::string encode_health(const HealthAnswer& answer, WallTime now) {
  const std::string id = answer.bootstrap.to_string();
  return json{{"status", answer.cost.mode == "shutdown" ? "degraded" : "healthy"},
              {"service", "turnpike bootstrap"},
              {"version", answer.version},
              {"peer_id", id},
              {"peerId", id},
              {"public_url", answer.public_url ? json(*answer.public_url) : json(nullptr)},
              {"time", now.unix_ms},
              {"timestamp", now.unix_ms},
              {"uptime", answer.uptime_seconds},
              {"peers", answer.peers},
              {"turnServers", answer.turn_servers},
              {"socketConnections", answer.connections},
              {"costInfo", cost_json(answer.cost)}}
      .dump();
}

std::string encode_registered(const PeerId& peer, const Census& census, std::size_t ignored_stores, WallTime now) {
  json out{{"success", true},
           {"peerId", peer.to_string()},
           {"totalPeers", census.peers},
           {"cleanedExpiredPeers", census.cleaned},
           {"timestamp", now.unix_ms}};
  if (ignored_stores > 0) out["ignoredStores"] = ignored_stores;
  return out.dump();
}

std::string encode_heartbeat(const PeerId& peer, const Census& census, WallTime now) {
  return json{{"success", true},
              {"peerId", peer.to_string()},
              {"lastSeen", now.unix_ms},
              {"totalPeers", census.peers},
              {"cleanedExpiredPeers", census.cleaned},
              {"timestamp", now.unix_ms}}
      .dump();
}

std::string encode_turn_registered(const Census& census) {
  return json{{"success", true}, {"turnServers", census.turn_servers}, {"cleanedExpiredPeers", census.cleaned}}.dump();
}

std::string encode_peers(std::span<const PeerRecord> peers, const PeersQuery& query, std::size_t registered,
                         WallTime now) {
  json list = json::array();
  for (const PeerRecord& peer : peers) list.push_back(record_json(peer, query));
  return json{
      {"peers", std::move(list)}, {"total", peers.size()}, {"totalRegistered", registered}, {"timestamp", now.unix_ms}}
      .dump();
}

std::string encode_turn_servers(std::span<const PeerRecord> peers, WallTime now) {
  json list = json::array();
  for (const PeerRecord& peer : peers) {
    if (peer.turn.empty()) continue;
    json entry = record_json(peer, {.stores = false, .capabilities = true});
    entry["turnLoad"] = 0;  // what its own clients cost it, only it knows
    list.push_back(std::move(entry));
  }
  const std::size_t total = list.size();
  return json{{"servers", std::move(list)}, {"total", total}, {"timestamp", now.unix_ms}}.dump();
}

std::string encode_stats(const HealthAnswer& answer, WallTime now) {
  return json{{"totalPeers", answer.peers},         {"activePeers", answer.peers},
              {"turnServers", answer.turn_servers}, {"socketConnections", answer.connections},
              {"uptime", answer.uptime_seconds},    {"timestamp", now.unix_ms}}
      .dump();
}

std::string encode_allocated(std::string_view session, std::uint64_t mbps, std::uint64_t seconds, double weight,
                             const CostInfo& cost) {
  return json{{"success", true},
              {"sessionId", session},
              {"limits", {{"maxBandwidthMbps", mbps}, {"maxDurationSeconds", seconds}, {"priorityLevel", weight}}},
              {"costInfo", remaining_json(cost)}}
      .dump();
}

std::string encode_cost_stats(const CostInfo& cost, WallTime now) {
  const auto [free, basic, standard, premium] =
      cost.by_tier.value_or(std::array<std::size_t, 4>{cost.sessions, 0, 0, 0});
  std::optional<double> transfer = cost.spend;
  if (transfer && cost.fixed) *transfer -= *cost.fixed;
  return json{{"costMetrics",
               {{"currentSpend", number_or_null(cost.spend)},
                {"projectedMonthlySpend", number_or_null(cost.projected)},
                {"budgetLimit", number_or_null(cost.budget)},
                {"costRatio", number_or_null(ratio_of(cost))},
                {"lastUpdated", now.unix_ms},
                {"dataTransferCosts", number_or_null(transfer)},
                {"computeCosts", number_or_null(cost.fixed)},
                {"storageCosts", nullptr}}},
              {"sessionStats",
               {{"total", cost.sessions},
                {"premium", premium},
                {"byTier", {{"premium", premium}, {"standard", standard}, {"basic", basic}, {"free", free}}}}},
              {"mode",
               {{"emergency", cost.mode == "emergency"},
                {"shutdown", cost.mode == "shutdown"},
                {"currentThreshold", cost.mode}}}}
      .dump();
}

std::string encode_relay(const RelayAnswer& answer) {
  std::string method = answer.endpoint.empty() ? "turn-" : "bootstrap-turn-";
  method += answer.range ? "range-relay" : "relay";
  json out{{"success", true}, {"method", method}};
  if (!answer.endpoint.empty()) {
    out["fallbackTurnServer"] = {{"type", "bootstrap-server"},
                                 {"relayEndpoint", answer.endpoint},
                                 {"addresses", json::array({answer.host})},
                                 {"port", answer.port}};
  }
  if (!answer.direct.empty()) {
    out["turnServer"] = {{"addresses", texts_of(answer.direct)}, {"port", answer.direct.front().port}};
  }
  if (answer.range) {
    out["rangeInfo"] = {{"rangeStart", answer.range->first}, {"rangeEnd", answer.range->last}};
  }
  return out.dump();
}

std::string encode_error(const ErrorAnswer& answer) {
  json out{{"success", false}, {"error", answer.error}};
  if (answer.retry_after_seconds > 0) out["retryAfter"] = answer.retry_after_seconds;
  if (!answer.suggestion.empty()) out["suggestion"] = answer.suggestion;
  if (answer.cost) out["costInfo"] = remaining_json(*answer.cost);
  if (answer.shutdown) out["shutdown"] = true;
  return out.dump();
}

}  // namespace turnpike::dig
