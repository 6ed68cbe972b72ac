#include "core/dig/peer_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/store/urn.h"

namespace turnpike::dig {
namespace {

using nlohmann::json;

struct Name {
  Ask ask;
  std::string_view name;
};

constexpr std::array kNames{
    Name{Ask::kIdentification, "DIG_NETWORK_IDENTIFICATION"},
    Name{Ask::kMembership, "VERIFY_DIG_MEMBERSHIP"},
    Name{Ask::kPeerInfo, "GET_PEER_INFO"},
    Name{Ask::kHandshake, "HANDSHAKE"},
    Name{Ask::kStoreContent, "GET_STORE_CONTENT"},
    Name{Ask::kFileRange, "GET_FILE_RANGE"},
    Name{Ask::kFile, "GET_FILE"},
    Name{Ask::kUrn, "GET_URN"},
    Name{Ask::kStoreFiles, "GET_STORE_FILES"},
    Name{Ask::kPeerExchange, "PEER_EXCHANGE"},
    Name{Ask::kStoreLocation, "QUERY_STORE_LOCATION"},
    Name{Ask::kConnectionCapabilities, "GET_CONNECTION_CAPABILITIES"},
    Name{Ask::kTurnCoordination, "TURN_COORDINATION_REQUEST"},
    Name{Ask::kTurnData, "TURN_RELAY_DATA"},
    Name{Ask::kTurnSignal, "TURN_CONNECTION_SIGNAL"},
    Name{Ask::kListStores, "LIST_STORES"},
    Name{Ask::kFindStore, "FIND_STORE"},
};

constexpr std::size_t kMaxType = 64;
constexpr std::size_t kMaxParts = 16;
constexpr std::uint64_t kMaxOffset = std::uint64_t{1} << 53U;  // what a JavaScript number counts exactly

bool is_of_discovery(Ask ask) { return ask == Ask::kListStores || ask == Ask::kFindStore; }

bool needs_store(Ask ask) {
  return ask == Ask::kStoreContent || ask == Ask::kFileRange || ask == Ask::kFile || ask == Ask::kStoreFiles ||
         ask == Ask::kStoreLocation || ask == Ask::kTurnData || ask == Ask::kFindStore;
}

Bytes serialized(const json& object) { return copy_of(bytes_of(object.dump())); }

}  // namespace

std::string_view name_of(Ask ask) { return std::ranges::find(kNames, ask, &Name::ask)->name; }

bool PeerRequest::wants(std::string_view part) const {
  return info.empty() || std::ranges::find(info, part) != info.end();
}

Result<PeerRequest, PeerRequestError> parse_peer_request(ByteView object, bool discovery) {
  const auto parsed = parse_object(object);
  if (!parsed) return fail(PeerRequestError::kMalformed);
  Fields fields(*parsed);
  const auto type = fields.text("type", kMaxType);
  if (fields.bad()) return fail(PeerRequestError::kMalformed);
  if (!type) return fail(PeerRequestError::kUnknown);
  const auto known = std::ranges::find(kNames, std::string_view(*type), &Name::name);
  if (known == kNames.end() || is_of_discovery(known->ask) != discovery) return fail(PeerRequestError::kUnknown);

  PeerRequest out;
  out.ask = known->ask;
  out.store_text = fields.text("storeId", kMaxEchoedText).value_or("");
  out.chunk_id = fields.text("chunkId", kMaxEchoedText).value_or("");
  if (out.ask == Ask::kFileRange) {
    const auto first = fields.number("rangeStart", kMaxOffset);
    const auto last = fields.number("rangeEnd", kMaxOffset);
    if (!first || !last) return fail(PeerRequestError::kMalformed);
    out.range_start = *first;
    out.range_end = *last;
  }
  if (out.ask == Ask::kUrn) out.urn = fields.text("urn", store::kMaxUrnSize).value_or("");
  if (out.ask == Ask::kPeerInfo) {
    out.info = fields.texts("requestedInfo", kMaxParts, kMaxEchoedText).value_or(std::vector<std::string>());
  }
  if (out.ask == Ask::kPeerExchange) {
    out.max_peers = std::min(fields.number("maxPeers", kMaxOffset).value_or(out.max_peers), kMaxExchangedPeers);
    out.include_stores = fields.flag("includeStores");
    out.include_capabilities = fields.flag("includeCapabilities", true);
    out.privacy_mode = fields.flag("privacyMode");
  }
  if (out.ask == Ask::kTurnData) out.session = fields.text("sessionId", kMaxEchoedText).value_or("");
  if (out.ask == Ask::kTurnSignal) out.turn_peer = fields.text("turnServerPeerId", kMaxEchoedText).value_or("");
  if (fields.bad() || (needs_store(out.ask) && out.store_text.empty())) return fail(PeerRequestError::kMalformed);
  return out;
}

Bytes make_identification_request(std::uint64_t unix_ms) {
  return serialized({{"type", name_of(Ask::kIdentification)},
                     {"networkId", kNetworkId},
                     {"protocolVersion", "1.0.0"},
                     {"timestamp", unix_ms}});
}

Bytes make_peer_info_request() {
  return serialized({{"type", name_of(Ask::kPeerInfo)}, {"requestedInfo", {"stores", "nodeType"}}});
}

Bytes make_list_stores_request() { return serialized({{"type", name_of(Ask::kListStores)}}); }

Bytes make_range_request(const store::StoreId& store, std::uint64_t first, std::uint64_t last) {
  return serialized({{"type", name_of(Ask::kFileRange)},
                     {"storeId", store.to_string()},
                     {"filePath", store.file_name()},
                     {"rangeStart", first},
                     {"rangeEnd", last}});
}

}  // namespace turnpike::dig
