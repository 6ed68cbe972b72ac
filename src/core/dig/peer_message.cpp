#include "core/dig/peer_message.h"

#include <algorithm>
#include <array>

#include "core/dig/address.h"

namespace turnpike::dig {
namespace {

using nlohmann::json;

constexpr std::string_view kProtocolVersion = "1.0.0";
constexpr std::string_view kMimeType = "application/x-dig-archive";
constexpr std::uint64_t kMaxOffset = store::kMaxStoreSize - 1;
constexpr std::size_t kMaxSignalAddresses = 16;
constexpr std::size_t kMaxErrorText = 512;
constexpr std::size_t kMaxPeersTold = 64;

PeerRequest peer_info_of(Fields& fields) {
  AskPeerInfo out;
  const auto named = fields.texts("requestedInfo", 16, 32);
  if (!named || named->empty()) return out;
  const auto has = [&named](std::string_view what) { return std::ranges::find(*named, what) != named->end(); };
  out.stores = has("stores");
  out.capabilities = has("capabilities");
  out.crypto_ipv6 = has("cryptoIPv6");
  out.node_type = has("nodeType");
  return out;
}

PeerRequest range_of(Fields& fields) {
  AskFileRange out{.store = fields.required_store("storeId"), .span = {}, .chunk = {}};
  const auto first = fields.number("rangeStart", kMaxOffset);
  const auto last = fields.number("rangeEnd", kMaxOffset);
  if (!first) fields.refuse(MessageError::kMissing, "rangeStart");
  if (!last) fields.refuse(MessageError::kMissing, "rangeEnd");
  if (first && last && *last < *first) fields.refuse(MessageError::kOutOfRange, "rangeEnd");
  out.span = {first.value_or(0), last.value_or(0)};
  out.chunk = fields.text("chunkId", kMaxIdText).value_or(std::string());
  return out;
}

PeerRequest turn_of(Fields& fields) {
  AskTurn out{.from = fields.required_peer("fromPeerId"), .target = fields.required_peer("targetPeerId"), .store = {}};
  const auto named = fields.text("storeId", kMaxStoreText);
  if (named) out.store = fields.required_store("storeId");
  return out;
}

PeerRequest turn_data_of(Fields& fields) {
  AskTurnData out;
  out.session = fields.text("sessionId", kMaxIdText).value_or(std::string());
  if (out.session.empty()) fields.refuse(MessageError::kMissing, "sessionId");
  out.store = fields.required_store("storeId");
  out.from = fields.required_peer("fromPeerId");
  out.to = fields.required_peer("toPeerId");
  return out;
}

PeerRequest signal_of(Fields& fields) {
  TurnSignal out;
  out.from = fields.required_peer("fromPeerId");
  out.turn_server = fields.required_peer("turnServerPeerId");
  const auto addresses = fields.texts("turnServerAddresses", kMaxSignalAddresses, kMaxMultiaddrText);
  if (!addresses) fields.refuse(MessageError::kMissing, "turnServerAddresses");
  out.addresses = addresses.value_or(std::vector<std::string>{});
  for (const std::string& address : out.addresses) {
    if (!is_multiaddr_text(address)) fields.refuse(MessageError::kBadAddress, "turnServerAddresses");
  }
  out.request = fields.text("requestId", kMaxIdText).value_or(std::string());
  return out;
}

PeerRequest peers_of(Fields& fields) {
  AskPeers out;
  out.max_peers = static_cast<std::size_t>(fields.number("maxPeers", 1'000'000).value_or(out.max_peers));
  out.max_peers = std::min(out.max_peers, kMaxPeersTold);
  out.stores = fields.flag("includeStores", out.stores);
  out.capabilities = fields.flag("includeCapabilities", out.capabilities);
  return out;
}

PeerRequest request_of(std::string_view type, Fields& fields) {
  if (type == "DIG_NETWORK_IDENTIFICATION") return AskIdentification{};
  if (type == "VERIFY_DIG_MEMBERSHIP") return AskMembership{};
  if (type == "GET_PEER_INFO") return peer_info_of(fields);
  if (type == "HANDSHAKE") return AskHandshake{};
  if (type == "GET_STORE_CONTENT") return AskStore{fields.required_store("storeId")};
  if (type == "GET_FILE_RANGE") return range_of(fields);
  if (type == "TURN_COORDINATION_REQUEST") return turn_of(fields);
  if (type == "TURN_RELAY_DATA") return turn_data_of(fields);
  if (type == "TURN_CONNECTION_SIGNAL") return signal_of(fields);
  if (type == "PEER_EXCHANGE") return peers_of(fields);
  if (type == "LIST_STORES") return AskStoreList{};
  if (type == "FIND_STORE") return AskFind{fields.required_store("storeId")};
  return UnknownRequest{};
}

json stores_json(std::span<const StoreId> stores) {
  json out = json::array();
  for (const StoreId& store : stores.first(std::min(stores.size(), kMaxStoresTold))) out.push_back(store.to_string());
  return out;
}

std::string crypto_ipv6_of(const PeerId& peer) {
  const std::string text = peer.to_string();
  return "fd00:" + text.substr(text.size() - std::min<std::size_t>(32, text.size()));
}

json capabilities_json(const Capabilities& capabilities) {
  json out = json::object();
  for (std::size_t i = 0; i < Capabilities::kCount; ++i) {
    out[std::string(capability_names()[i])] = static_cast<bool>(capabilities.has[i]);
  }
  out["protocolVersion"] = kProtocolVersion;
  return out;
}

}  // namespace

// --- requests ---

Result<PeerRequest, BadMessage> parse_peer_request(ByteView text) {
  const auto object = parse_object(text, {.bytes = kMaxPeerRequest});
  if (!object) return fail(object.error());
  Fields fields(*object);
  const auto type = fields.text("type", kMaxIdText);
  PeerRequest out = UnknownRequest{};
  if (type) {
    out = request_of(*type, fields);
  } else if (fields.text("networkId", kMaxIdText)) {
    out = Announcement{};
  }
  if (fields.bad()) return fail(*fields.bad());
  return out;
}

std::string encode_request(const AskIdentification& /*request*/, WallTime now) {
  return json{{"type", "DIG_NETWORK_IDENTIFICATION"},
              {"networkId", kNetworkId},
              {"protocolVersion", kProtocolVersion},
              {"timestamp", now.unix_ms}}
      .dump();
}

std::string encode_request(const AskPeerInfo& request) {
  json named = json::array();
  if (request.stores) named.push_back("stores");
  if (request.capabilities) named.push_back("capabilities");
  if (request.crypto_ipv6) named.push_back("cryptoIPv6");
  if (request.node_type) named.push_back("nodeType");
  return json{{"type", "GET_PEER_INFO"}, {"requestedInfo", named}}.dump();
}

std::string encode_request(const AskStore& request) {
  return json{{"type", "GET_STORE_CONTENT"}, {"storeId", request.store.to_string()}}.dump();
}

std::string encode_request(const AskFileRange& request) {
  json out{{"type", "GET_FILE_RANGE"},
           {"storeId", request.store.to_string()},
           {"rangeStart", request.span.first},
           {"rangeEnd", request.span.last}};
  if (!request.chunk.empty()) out["chunkId"] = request.chunk;
  return out.dump();
}

std::string encode_request(const AskStoreList& /*request*/) { return json{{"type", "LIST_STORES"}}.dump(); }

// --- answers ---

std::string encode_identification(WallTime now) {
  return json{{"success", true},
              {"networkId", kNetworkId},
              {"isDIGNode", true},
              {"protocolVersion", kProtocolVersion},
              {"timestamp", now.unix_ms}}
      .dump();
}

std::string encode_membership(const SelfInfo& self, WallTime now) {
  return json{{"success", true},
              {"networkId", kNetworkId},
              {"cryptoIPv6", crypto_ipv6_of(self.peer)},
              {"capabilities", capabilities_json(self.capabilities)},
              {"stores", stores_json(self.stores)},
              {"timestamp", now.unix_ms}}
      .dump();
}

std::string encode_peer_info(const AskPeerInfo& asked, const SelfInfo& self, WallTime now) {
  json out{{"success", true}, {"peerId", self.peer.to_string()}, {"timestamp", now.unix_ms}};
  if (asked.stores) out["stores"] = stores_json(self.stores);
  if (asked.capabilities) out["capabilities"] = capabilities_json(self.capabilities);
  if (asked.crypto_ipv6) out["cryptoIPv6"] = crypto_ipv6_of(self.peer);
  if (asked.node_type) out["nodeType"] = "full";
  return out.dump();
}

std::string encode_handshake(const SelfInfo& self) {
  return json{{"success", true},
              {"protocolVersion", kProtocolVersion},
              {"supportedFeatures", {"store-sync", "protocol-negotiation"}},
              {"metadata",
               {{"nodeCapabilities", capabilities_json(self.capabilities)},
                {"storeCount", self.stores.size()},
                {"acceptsDirectConnections", true}}}}
      .dump();
}

std::string encode_store_list(const SelfInfo& self) {
  return json{{"success", true}, {"peerId", self.peer.to_string()}, {"stores", stores_json(self.stores)}}.dump();
}

std::string encode_found(const SelfInfo& self, bool has_store) {
  return json{{"success", true},
              {"peerId", self.peer.to_string()},
              {"cryptoIPv6", crypto_ipv6_of(self.peer)},
              {"hasStore", has_store}}
      .dump();
}

std::string encode_peer_exchange(std::span<const PeerRecord> peers, const AskPeers& asked) {
  json list = json::array();
  std::size_t room = kMaxStoresTold / 2;
  for (const PeerRecord& peer : peers.first(std::min({peers.size(), asked.max_peers, kMaxPeersTold}))) {
    json entry{{"peerId", peer.peer.to_string()},
               {"cryptoIPv6", crypto_ipv6_of(peer.peer)},
               {"lastSeen", peer.last_seen.unix_ms},
               {"turnCapable", !peer.turn.empty()}};
    json addresses = json::array();
    for (const Endpoint& tcp : peer.turn) {
      if (addresses.size() < 2) addresses.push_back(multiaddr_of(tcp, peer.peer));
    }
    entry["addresses"] = std::move(addresses);
    if (asked.stores) {
      const std::size_t told = std::min(room, peer.stores.size());
      entry["stores"] = stores_json(std::span(peer.stores).first(told));
      room -= told;
    }
    list.push_back(std::move(entry));
  }
  const std::size_t total = list.size();
  return json{{"success", true}, {"peers", std::move(list)}, {"totalPeers", total}}.dump();
}

std::string encode_content_header(std::uint64_t size) {
  return json{{"success", true}, {"size", size}, {"mimeType", kMimeType}}.dump() + "\n";
}

std::string encode_range_header(const AskFileRange& asked, std::uint64_t total) {
  json out{{"success", true},
           {"storeId", asked.store.to_string()},
           {"size", asked.span.last - asked.span.first + 1},
           {"totalSize", total},
           {"rangeStart", asked.span.first},
           {"rangeEnd", asked.span.last},
           {"isPartial", true},
           {"mimeType", kMimeType}};
  if (!asked.chunk.empty()) out["chunkId"] = asked.chunk;
  return out.dump() + "\n";
}

std::string encode_turn_grant(const TurnGrant& grant) {
  json out{{"success", true},
           {"sessionId", grant.session},
           {"turnServerPeerId", grant.turn_server.to_string()},
           {"relayPort", grant.relay_port},
           {"message", "TURN relay session established"}};
  if (grant.external) out["externalAddress"] = grant.external->to_string();
  return out.dump();
}

std::string encode_failure(std::string_view error) { return json{{"success", false}, {"error", error}}.dump(); }

std::string encode_range_failure(const AskFileRange& asked, std::uint64_t total) {
  json out{{"success", false},
           {"error", "Invalid range: " + std::to_string(asked.span.first) + "-" + std::to_string(asked.span.last) +
                         " (file size: " + std::to_string(total) + ")"},
           {"totalSize", total}};
  if (!asked.chunk.empty()) out["chunkId"] = asked.chunk;
  return out.dump();
}

// --- what old nodes answer us ---

bool is_identification(ByteView answer) {
  const auto object = parse_object(answer, {.bytes = kMaxAnswerFrame});
  if (!object) return false;
  Fields fields(*object);
  const bool is_node = fields.flag("isDIGNode");
  const auto network = fields.text("networkId", kMaxIdText);
  return !fields.bad() && is_node && network == kNetworkId;
}

Result<PeerInfo, BadMessage> parse_peer_info(ByteView answer) {
  const auto object = parse_object(answer, {.bytes = kMaxPeerAnswer});
  if (!object) return fail(object.error());
  Fields fields(*object);
  PeerInfo out;
  out.peer = fields.required_peer("peerId");
  const auto names = fields.texts("stores", kMaxStoresPerPeer, kMaxStoreText);
  if (fields.bad()) return fail(*fields.bad());
  for (const std::string& name : names.value_or(std::vector<std::string>{})) {
    if (const auto id = StoreId::parse(name)) out.stores.push_back(*id);
  }
  std::ranges::sort(out.stores);
  const auto repeated = std::ranges::unique(out.stores);
  out.stores.erase(repeated.begin(), repeated.end());
  return out;
}

Result<std::optional<ContentHeader>, BadMessage> read_content_header(ByteView input, bool at_end) {
  const auto newline = std::ranges::find(input, std::uint8_t{'\n'});
  const bool is_line = newline != input.end();
  const auto size = static_cast<std::size_t>(newline - input.begin());
  if (size >= kMaxHeaderLine) return fail(BadMessage{MessageError::kTooLarge});
  if (!is_line && !at_end) return std::optional<ContentHeader>();
  const auto object = parse_object(input.first(size), {.bytes = kMaxHeaderLine});
  if (!object) return fail(object.error());
  Fields fields(*object);
  ContentHeader out;
  out.consumed = size + (is_line ? 1 : 0);
  out.success = fields.flag("success");
  if (out.success) {
    const auto bytes = fields.number("size", store::kMaxStoreSize);
    if (!bytes || !is_line) fields.refuse(MessageError::kMissing, "size");
    out.size = bytes.value_or(0);
  } else {
    out.error = fields.text("error", kMaxErrorText).value_or("failed");
  }
  if (fields.bad()) return fail(*fields.bad());
  return std::optional(std::move(out));
}

}  // namespace turnpike::dig
