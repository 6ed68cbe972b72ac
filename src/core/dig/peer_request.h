// What old nodes ask each other over libp2p: one JSON object a stream on /dig/1.0.0, /dig-discovery/1.0.0
// (docs/protocols/legacy-peer.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "core/dig/json.h"
#include "core/store/store_id.h"

namespace turnpike::dig {

constexpr std::string_view kPeerProtocol = "/dig/1.0.0";
constexpr std::string_view kDiscoveryProtocol = "/dig-discovery/1.0.0";
constexpr std::string_view kNetworkId = "dig-mainnet";
constexpr std::size_t kMaxEchoedText = 128;  ///< Of ids that an answer repeats.
constexpr std::uint64_t kMaxExchangedPeers = 50;

enum class Ask : std::uint8_t {
  kIdentification,
  kMembership,
  kPeerInfo,
  kHandshake,
  kStoreContent,
  kFileRange,
  kFile,
  kUrn,
  kStoreFiles,
  kPeerExchange,
  kStoreLocation,
  kConnectionCapabilities,
  kTurnCoordination,
  kTurnData,
  kTurnSignal,
  kListStores,
  kFindStore,
};

/// The name on the wire.
[[nodiscard]] std::string_view name_of(Ask ask);

/// Only what an answer depends on; fields that old nodes send and nobody reads are not kept.
struct PeerRequest {
  Ask ask = Ask::kIdentification;
  std::string store_text;         ///< As asked: an id that is none is "not found", not malformed.
  std::uint64_t range_start = 0;  ///< kFileRange
  std::uint64_t range_end = 0;    ///< Likewise; the last byte, inclusive.
  std::string chunk_id;           ///< Repeated in answers; empty: none.
  std::string urn;                ///< kUrn
  std::vector<std::string> info;  ///< kPeerInfo: which parts; empty: all.
  std::uint64_t max_peers = 10;   ///< kPeerExchange
  bool include_stores = false;
  bool include_capabilities = true;
  bool privacy_mode = false;
  std::string session;    ///< kTurnData
  std::string turn_peer;  ///< kTurnSignal

  [[nodiscard]] std::optional<store::StoreId> store() const { return store::StoreId::parse(store_text); }
  [[nodiscard]] bool wants(std::string_view part) const;
};

enum class PeerRequestError : std::uint8_t {
  kMalformed,  ///< No JSON object, or a field of the wrong type.
  kUnknown,    ///< No type, or one that nobody answers: the stream is closed without a byte.
};

/// `discovery`: on /dig-discovery/1.0.0.
[[nodiscard]] Result<PeerRequest, PeerRequestError> parse_peer_request(ByteView object, bool discovery);

/// Ours to them; each fits one frame.
[[nodiscard]] Bytes make_identification_request(std::uint64_t unix_ms);
[[nodiscard]] Bytes make_peer_info_request();
[[nodiscard]] Bytes make_list_stores_request();
/// `last` is inclusive.
[[nodiscard]] Bytes make_range_request(const store::StoreId& store, std::uint64_t first, std::uint64_t last);

}  // namespace turnpike::dig
