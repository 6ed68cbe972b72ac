#include "core/dig/peer_answer.h"

#include <algorithm>

#include "base/base64.h"
#include "base/hex.h"
#include "core/dig/address.h"
#include "core/store/urn.h"
#include "crypto/hash.h"

namespace turnpike::dig {
namespace {

using nlohmann::json;

constexpr std::string_view kMime = "application/x-dig-archive";
constexpr std::string_view kVersion = "1.0.0";
constexpr std::uint64_t kMaxOldStore = std::uint64_t{1} << 40U;

/// RFC 4648 §4, with padding.
std::string to_base64(ByteView bytes) {
  std::string out = to_base64url(bytes);
  std::ranges::replace(out, '-', '+');
  std::ranges::replace(out, '_', '/');
  out.resize((out.size() + 3) / 4 * 4, '=');
  return out;
}

JsonAnswer json_answer(const json& object) { return {copy_of(bytes_of(object.dump()))}; }

/// Old readers read one frame: a list that does not fit is cut, and the answer says nothing of it, as they would not
/// read that either.
JsonAnswer cut_to_frame(json object, const char* list) {
  while (true) {
    std::string text = object.dump();
    if (text.size() <= kMaxAnswer || object[list].empty()) return {copy_of(bytes_of(text))};
    json& rows = object[list];
    const std::size_t keep = rows.size() * kMaxAnswer / text.size();
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(std::min(keep, rows.size() - 1)), rows.end());
  }
}

json texts_of(const std::vector<StoreId>& stores) {
  json out = json::array();
  for (const StoreId& store : stores) out.push_back(store.to_string());
  return out;
}

/// True of what is true: old nodes decide by these what to ask for.
json capabilities(const SelfView& self) {
  return {{"libp2p", true},
          {"dht", false},
          {"mdns", false},
          {"upnp", false},
          {"autonat", false},
          {"webrtc", false},
          {"websockets", false},
          {"circuitRelay", false},
          {"turnServer", self.turn.has_value()},
          {"bootstrapServer", false},
          {"storeSync", true},
          {"e2eEncryption", true},
          {"protocolVersion", kVersion},
          {"environment", "production"},
          {"acceptsDirectConnections", self.is_reachable}};
}

json failure(std::string_view error, const std::string& chunk) {
  json out{{"success", false}, {"error", error}};
  if (!chunk.empty()) out["chunkId"] = chunk;
  return out;
}

Bytes header_line(const json& header) {
  std::string text = header.dump();
  text += '\n';
  return copy_of(bytes_of(text));
}

PeerAnswer whole_file(const PeerRequest& request, std::optional<std::uint64_t> size) {
  const auto store = store_of(request);
  if (!store || !size) {
    // GET_URN's askers want to know which one was not found.
    const bool by_urn = request.ask == Ask::kUrn;
    return json_answer(failure(by_urn && store ? "Store not found: " + store->to_string() : "Store not found", ""));
  }
  return FileAnswer{header_line({{"success", true}, {"size", *size}, {"mimeType", kMime}}), *store, 0, *size};
}

PeerAnswer by_urn(const PeerRequest& request, std::optional<std::uint64_t> size) {
  if (!store::parse_urn(request.urn)) {
    return json_answer(
        failure("Invalid URN format. Expected: urn:dig:chia:<storeId>[:<rootHash>][/<resourceKey>]", ""));
  }
  return whole_file(request, size);
}

PeerAnswer file_range(const PeerRequest& request, std::optional<std::uint64_t> size) {
  const auto store = request.store();
  if (!store || !size) return json_answer(failure("Store not found", request.chunk_id));
  if (request.range_start > request.range_end || request.range_end >= *size) {
    json out = failure("Invalid range: " + std::to_string(request.range_start) + "-" +
                           std::to_string(request.range_end) + " (file size: " + std::to_string(*size) + ")",
                       request.chunk_id);
    out["totalSize"] = *size;
    return json_answer(out);
  }
  const std::uint64_t length = request.range_end - request.range_start + 1;
  json header{{"success", true},
              {"storeId", store->to_string()},
              {"size", length},
              {"totalSize", *size},
              {"rangeStart", request.range_start},
              {"rangeEnd", request.range_end},
              {"isPartial", true},
              {"mimeType", kMime}};
  if (!request.chunk_id.empty()) header["chunkId"] = request.chunk_id;
  return FileAnswer{header_line(header), *store, request.range_start, length};
}

JsonAnswer peer_info(const PeerRequest& request, const SelfView& self) {
  json out{{"success", true}, {"peerId", self.peer.to_string()}, {"timestamp", self.unix_ms}};
  if (request.wants("capabilities")) out["capabilities"] = capabilities(self);
  if (request.wants("cryptoIPv6")) out["cryptoIPv6"] = crypto_ipv6(self.peer);
  if (request.wants("nodeType")) out["nodeType"] = "full";
  if (!request.wants("stores")) return json_answer(out);
  out["stores"] = texts_of(self.stores);
  return cut_to_frame(std::move(out), "stores");
}

JsonAnswer membership(const SelfView& self) {
  return cut_to_frame({{"success", true},
                       {"networkId", kNetworkId},
                       {"cryptoIPv6", crypto_ipv6(self.peer)},
                       {"capabilities", capabilities(self)},
                       {"stores", texts_of(self.stores)},
                       {"timestamp", self.unix_ms}},
                      "stores");
}

JsonAnswer handshake(const SelfView& self) {
  return json_answer({{"success", true},
                      {"protocolVersion", kVersion},
                      {"supportedFeatures", {"protocol-negotiation", "store-sync"}},
                      {"metadata",
                       {{"nodeCapabilities", capabilities(self)},
                        {"storeCount", self.stores.size()},
                        {"acceptsDirectConnections", self.is_reachable}}}});
}

JsonAnswer connection_capabilities(const SelfView& self) {
  const json facts{{"acceptsDirectConnections", self.is_reachable},
                   {"canActAsTurnServer", self.turn.has_value()},
                   {"natTraversalMethods", json::array()},
                   {"connectionTypes", {"tcp"}},
                   {"testResults", {{"upnp", false}, {"autonat", false}, {"webrtc", false}, {"circuitRelay", false}}}};
  // The one field is what was written, the other what is read.
  return json_answer({{"success", true}, {"metadata", facts}, {"capabilities", facts}});
}

JsonAnswer peer_exchange(const PeerRequest& request, const SelfView& self) {
  json rows = json::array();
  for (const KnownPeer& known : self.peers) {
    if (rows.size() == request.max_peers) break;
    json row{{"peerId", known.peer.to_string()},
             {"cryptoIPv6", crypto_ipv6(known.peer)},
             {"lastSeen", known.last_seen_ms},
             {"turnCapable", false},
             {"bootstrapCapable", false}};
    if (request.include_stores) row["stores"] = texts_of(known.stores);
    if (request.include_capabilities) row["capabilities"] = {{"storeSync", true}, {"protocolVersion", kVersion}};
    if (!request.privacy_mode) {
      row["addresses"] = json::array();
      for (const Endpoint& endpoint : known.tcp) row["addresses"].push_back(multiaddr_of(endpoint, known.peer));
    }
    rows.push_back(std::move(row));
  }
  const std::size_t total = rows.size();
  return cut_to_frame({{"success", true}, {"peers", std::move(rows)}, {"totalPeers", total}}, "peers");
}

JsonAnswer store_location(const PeerRequest& request, const SelfView& self, bool here) {
  const auto store = request.store();
  json rows = json::array();
  for (const KnownPeer& known : self.peers) {
    if (!store || std::ranges::find(known.stores, *store) == known.stores.end()) continue;
    json row{{"peerId", known.peer.to_string()}, {"addresses", json::array()}};
    for (const Endpoint& endpoint : known.tcp) row["addresses"].push_back(multiaddr_of(endpoint, known.peer));
    rows.push_back(std::move(row));
  }
  return cut_to_frame({{"success", true},
                       {"peerId", self.peer.to_string()},
                       {"storeId", request.store_text},
                       {"hasStore", here},
                       {"locations", std::move(rows)}},
                      "locations");
}

JsonAnswer store_files(const PeerRequest& request, const SelfView& self, std::optional<std::uint64_t> size) {
  const auto store = request.store();
  if (!store || !size) return refusal("Store not found");
  const std::string name = store->file_name();
  return json_answer({{"success", true},
                      {"storeId", store->to_string()},
                      {"files", {name}},
                      {"metadata", {{"name", name}, {"size", *size}, {"created", self.unix_ms}, {"mimeType", kMime}}}});
}

JsonAnswer turn_coordination(Now now, const PeerRequest& request, const SelfView& self,
                             std::optional<std::uint64_t> size, TurnSessions& sessions, Random& random) {
  // As among old nodes: it is our own copy that they will ask for.
  if (!request.store_text.empty() && !size) {
    return refusal("Store " + request.store_text + " not available for relay");
  }
  json out{{"success", true},
           {"sessionId", sessions.open(now.mono, self.unix_ms, random)},
           {"turnServerPeerId", self.peer.to_string()},
           {"message", "TURN relay session established"}};
  if (self.turn) {
    out["externalAddress"] = self.turn->address.to_string();
    out["relayPort"] = self.turn->port;
  }
  return json_answer(out);
}

PeerAnswer turn_data(Now now, const PeerRequest& request, const SelfView& self, std::optional<std::uint64_t> size,
                     const TurnSessions& sessions) {
  if (!sessions.has(now.mono, request.session)) return refusal("TURN relay session not found");
  const auto store = request.store();
  if (!store || !size) return refusal("Store not available for TURN relay");
  if (*size <= kMaxInlineFile) return InlineAnswer{*store, *size, request.session};
  std::string error = "the store has " + std::to_string(*size) + " bytes, more than one message can carry";
  if (!self.http.empty()) {
    error += "; fetch it from http://" + self.http.front().to_string() + "/download/" + store->to_string();
  } else {
    error += "; ask for it with GET_FILE_RANGE";
  }
  return refusal(error);
}

}  // namespace

std::string TurnSessions::open(Instant now, std::uint64_t unix_ms, Random& random) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  constexpr std::size_t kRandomDigits = 9;
  std::string name = "turn_" + std::to_string(unix_ms) + "_";
  for (std::size_t i = 0; i < kRandomDigits; ++i) name += kDigits[static_cast<std::size_t>(random.below(36))];
  while (!order_.empty() && (order_.size() >= kMaxTurnSessions || expiry_.at(order_.front()) <= now)) {
    expiry_.erase(order_.front());
    order_.pop_front();
  }
  if (expiry_.emplace(name, now + kTurnSessionLifetime).second) order_.push_back(name);
  return name;
}

bool TurnSessions::has(Instant now, const std::string& session) const {
  const auto at = expiry_.find(session);
  return at != expiry_.end() && now < at->second;
}

JsonAnswer refusal(std::string_view error) { return json_answer(failure(error, "")); }

std::optional<StoreId> store_of(const PeerRequest& request) {
  if (request.ask != Ask::kUrn) return request.store();
  const auto urn = store::parse_urn(request.urn);
  if (!urn) return std::nullopt;
  return urn->id;
}

PeerAnswer answer_peer(Now now, const PeerRequest& request, const SelfView& self, std::optional<std::uint64_t> size,
                       TurnSessions& sessions, Random& random) {
  switch (request.ask) {
    case Ask::kIdentification:
      return json_answer({{"success", true},
                          {"networkId", kNetworkId},
                          {"isDIGNode", true},
                          {"protocolVersion", kVersion},
                          {"timestamp", self.unix_ms}});
    case Ask::kMembership:
      return membership(self);
    case Ask::kPeerInfo:
      return peer_info(request, self);
    case Ask::kHandshake:
      return handshake(self);
    case Ask::kStoreContent:
    case Ask::kFile:
      return whole_file(request, size);
    case Ask::kFileRange:
      return file_range(request, size);
    case Ask::kUrn:
      return by_urn(request, size);
    case Ask::kStoreFiles:
      return store_files(request, self, size);
    case Ask::kPeerExchange:
      return peer_exchange(request, self);
    case Ask::kStoreLocation:
      return store_location(request, self, size.has_value());
    case Ask::kConnectionCapabilities:
      return connection_capabilities(self);
    case Ask::kTurnCoordination:
      return turn_coordination(now, request, self, size, sessions, random);
    case Ask::kTurnData:
      return turn_data(now, request, self, size, sessions);
    case Ask::kTurnSignal:
      // It would let any peer make us connect to anything.
      return refusal(request.turn_peer.empty() ? std::string("Missing TURN server information in signal")
                                               : "Could not connect to TURN server " + request.turn_peer);
    case Ask::kListStores:
      return cut_to_frame({{"success", true}, {"peerId", self.peer.to_string()}, {"stores", texts_of(self.stores)}},
                          "stores");
    case Ask::kFindStore:
      return json_answer({{"success", true},
                          {"peerId", self.peer.to_string()},
                          {"cryptoIPv6", crypto_ipv6(self.peer)},
                          {"hasStore", size.has_value()}});
  }
  return NoAnswer{};
}

JsonAnswer finish_inline(const InlineAnswer& answer, ByteView file) {
  return json_answer({{"success", true},
                      {"storeId", answer.store.to_string()},
                      {"size", answer.size},
                      {"data", to_base64(file)},
                      {"sessionId", answer.session}});
}

std::string crypto_ipv6(const PeerId& peer) {
  const Digest hash = crypto::sha256(bytes_of(to_hex(peer.public_key)));
  IpAddress address{IpAddress::Family::kV6, {}};
  std::copy_n(hash.begin(), address.octets.size(), address.octets.begin());
  address.octets[0] = 0xfd;
  address.octets[1] = 0x00;
  return address.to_string();
}

bool parse_identification(ByteView object) {
  const auto parsed = parse_object(object);
  if (!parsed) return false;
  Fields fields(*parsed);
  const auto network = fields.text("networkId", kMaxEchoedText);
  const bool is_node = fields.flag("isDIGNode");
  return !fields.bad() && network == kNetworkId && is_node;
}

std::optional<std::vector<StoreId>> parse_stores(ByteView object) {
  const auto parsed = parse_object(object);
  if (!parsed) return std::nullopt;
  Fields fields(*parsed);
  const bool success = fields.flag("success");
  const auto names = fields.texts("stores", 16'000, 256);
  if (fields.bad() || !success || !names) return std::nullopt;
  std::vector<StoreId> out;
  for (const std::string& name : *names) {
    if (const auto id = StoreId::parse(name)) out.push_back(*id);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::optional<RangeHeader> parse_range_header(ByteView object) {
  const auto parsed = parse_object(object);
  if (!parsed) return std::nullopt;
  Fields fields(*parsed);
  const bool success = fields.flag("success");
  const auto size = fields.number("size", kMaxOldStore);
  const auto total = fields.number("totalSize", kMaxOldStore);
  if (fields.bad() || !success || !size || !total || *size == 0 || *size > *total) return std::nullopt;
  return RangeHeader{*size, *total};
}

std::optional<std::uint64_t> parse_total_size(ByteView object) {
  const auto parsed = parse_object(object);
  if (!parsed) return std::nullopt;
  Fields fields(*parsed);
  const auto total = fields.number("totalSize", kMaxOldStore);
  return fields.bad() ? std::nullopt : total;
}

}  // namespace turnpike::dig
