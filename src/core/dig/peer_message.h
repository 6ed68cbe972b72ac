// The old nodes' JSON on libp2p streams, `/dig/1.0.0` and `/dig-discovery/1.0.0`: one object a stream, in one frame; an
// answer of one object, or a header line and then raw bytes. Nothing of it is proved but who the stream's other end is.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "core/dig/bootstrap_message.h"
#include "core/dig/json.h"

namespace turnpike::dig {

constexpr std::string_view kProtocol = "/dig/1.0.0";
constexpr std::string_view kDiscoveryProtocol = "/dig-discovery/1.0.0";
constexpr std::string_view kNetworkId = "dig-mainnet";

/// What old nodes read of a JSON answer: the first frame, and no more. Ours are never longer.
constexpr std::size_t kMaxAnswerFrame = 65'524;
/// A request must come in one frame, too.
constexpr std::size_t kMaxPeerRequest = 65'524;
/// Of an old node's own JSON answer, read to its end: about 15,000 store ids.
constexpr std::size_t kMaxPeerAnswer = std::size_t{1} << 20U;
constexpr std::size_t kMaxHeaderLine = 4096;  ///< Of a binary answer, newline included.
constexpr std::size_t kMaxStoresTold = 900;   ///< In one answer: more would not fit its frame.
constexpr std::size_t kMaxIdText = 128;       ///< Of sessions, requests and chunks: text of the sender's choosing.

// --- requests ---

struct AskIdentification {};  ///< DIG_NETWORK_IDENTIFICATION
struct AskMembership {};      ///< VERIFY_DIG_MEMBERSHIP
struct AskPeerInfo {          ///< GET_PEER_INFO; nothing named asks for everything.
  bool stores = true;
  bool capabilities = true;
  bool crypto_ipv6 = true;
  bool node_type = true;
};
struct AskHandshake {};  ///< HANDSHAKE, or no type but a networkId: the latter is answered with an empty stream.
struct Announcement {};  ///< What an old node sends on connecting: no type, a networkId.
struct AskStore {        ///< GET_STORE_CONTENT
  StoreId store;
};
struct AskFileRange {  ///< GET_FILE_RANGE: both ends counted in.
  StoreId store;
  ByteSpan span;
  std::string chunk;  ///< Empty: not named.
};
struct AskTurn {  ///< TURN_COORDINATION_REQUEST
  PeerId from;
  PeerId target;
  std::optional<StoreId> store;
};
struct AskTurnData {  ///< TURN_RELAY_DATA
  std::string session;
  StoreId store;
  PeerId from;
  PeerId to;
};
struct TurnSignal {  ///< TURN_CONNECTION_SIGNAL
  PeerId from;
  PeerId turn_server;
  std::vector<std::string> addresses;
  std::string request;
};
struct AskPeers {  ///< PEER_EXCHANGE
  std::size_t max_peers = 10;
  bool stores = false;
  bool capabilities = true;
};
struct AskStoreList {};  ///< LIST_STORES, on the discovery protocol.
struct AskFind {         ///< FIND_STORE, likewise.
  StoreId store;
};
/// Whatever else: the stream is closed without a byte, as old nodes do.
struct UnknownRequest {};

using PeerRequest =
    std::variant<AskIdentification, AskMembership, AskPeerInfo, AskHandshake, Announcement, AskStore, AskFileRange,
                 AskTurn, AskTurnData, TurnSignal, AskPeers, AskStoreList, AskFind, UnknownRequest>;

/// The one object of a stream. Fails for what old nodes answer with an error, or would choke on.
[[nodiscard]] Result<PeerRequest, BadMessage> parse_peer_request(ByteView text);
/// The kinds that we ask old nodes ourselves.
[[nodiscard]] std::string encode_request(const AskIdentification& request, WallTime now);
[[nodiscard]] std::string encode_request(const AskPeerInfo& request);
[[nodiscard]] std::string encode_request(const AskStore& request);
[[nodiscard]] std::string encode_request(const AskFileRange& request);
[[nodiscard]] std::string encode_request(const AskStoreList& request);

// --- answers ---

/// What we tell of ourselves.
struct SelfInfo {
  PeerId peer{};
  std::span<const StoreId> stores{};  ///< At most kMaxStoresTold of them are told.
  Capabilities capabilities{};
};

[[nodiscard]] std::string encode_identification(WallTime now);
[[nodiscard]] std::string encode_membership(const SelfInfo& self, WallTime now);
[[nodiscard]] std::string encode_peer_info(const AskPeerInfo& asked, const SelfInfo& self, WallTime now);
[[nodiscard]] std::string encode_handshake(const SelfInfo& self);
[[nodiscard]] std::string encode_store_list(const SelfInfo& self);
[[nodiscard]] std::string encode_found(const SelfInfo& self, bool has_store);
[[nodiscard]] std::string encode_peer_exchange(std::span<const PeerRecord> peers, const AskPeers& asked);
/// The header line, newline included, that must go in a frame of its own before `size` raw bytes.
[[nodiscard]] std::string encode_content_header(std::uint64_t size);
[[nodiscard]] std::string encode_range_header(const AskFileRange& asked, std::uint64_t total);
/// `external` unset: it is not known.
struct TurnGrant {
  std::string session{};
  PeerId turn_server{};
  std::optional<IpAddress> external{};
  std::uint16_t relay_port = 0;
};
[[nodiscard]] std::string encode_turn_grant(const TurnGrant& grant);
/// {success: false, error}, and for a range also chunkId and totalSize.
[[nodiscard]] std::string encode_failure(std::string_view error);
[[nodiscard]] std::string encode_range_failure(const AskFileRange& asked, std::uint64_t total);

/// Whether an answer to DIG_NETWORK_IDENTIFICATION is an old node's of this network.
[[nodiscard]] bool is_identification(ByteView answer);
struct PeerInfo {
  PeerId peer{};
  std::vector<StoreId> stores{};  ///< Sorted, each once; file names that are no ids are left out.
};
/// Of GET_PEER_INFO or LIST_STORES, read to the stream's end.
[[nodiscard]] Result<PeerInfo, BadMessage> parse_peer_info(ByteView answer);

/// The header line of a binary answer.
struct ContentHeader {
  bool success = false;
  std::uint64_t size = 0;    ///< Raw bytes that follow.
  std::string error{};       ///< Where not successful; none follow.
  std::size_t consumed = 0;  ///< How much of the input was the line.
};
/// Unset: more is needed. The line ends with '\n', or, where it tells of a failure, with the object itself.
[[nodiscard]] Result<std::optional<ContentHeader>, BadMessage> read_content_header(ByteView input, bool at_end);

}  // namespace turnpike::dig
