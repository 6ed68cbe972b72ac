// What is answered to an old node over libp2p: JSON in one frame, or a header alone in its frame and then a file's
// bytes (docs/protocols/legacy-peer.md).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/endpoint.h"
#include "base/random.h"
#include "base/time.h"
#include "core/dig/json_object_reader.h"
#include "core/dig/peer_request.h"

namespace turnpike::dig {

/// A file inside a JSON answer: as base64 it still fits one frame, with what stands around it.
constexpr std::size_t kMaxInlineFile = 48'000;
constexpr std::size_t kMaxTurnSessions = 256;  ///< The oldest is forgotten beyond it.
constexpr Duration kTurnSessionLifetime = std::chrono::minutes(10);

/// A peer that another may be told of.
struct KnownPeer {
  PeerId peer;
  std::uint64_t last_seen_ms = 0;
  std::vector<StoreId> stores;
  std::vector<Endpoint> tcp;  ///< Global ones.
};

/// What the answers tell of this node. Gathered for each request by whoever knows.
struct SelfView {
  PeerId peer;
  std::uint64_t unix_ms = 0;
  std::vector<StoreId> stores;  ///< The public ones.
  bool is_reachable = false;    ///< Proved: strangers can connect.
  std::vector<Endpoint> http;   ///< Where GET /download/<id> answers.
  std::vector<KnownPeer> peers;
  std::optional<Endpoint> turn;  ///< Where our TURN server is proved to be reached.
};

/// Whole, and at most kMaxAnswer bytes.
struct JsonAnswer {
  Bytes text;
};
/// The header goes out in a frame of its own; then so many bytes of the store's file.
struct FileAnswer {
  Bytes header;
  StoreId store;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
/// The file is read whole, at most kMaxInlineFile bytes, and given to finish_inline().
struct InlineAnswer {
  StoreId store;
  std::uint64_t size = 0;
  std::string session;
};
/// The stream is closed without a byte.
struct NoAnswer {};
using PeerAnswer = std::variant<JsonAnswer, FileAnswer, InlineAnswer, NoAnswer>;

/// TURN_COORDINATION_REQUEST's sessions: an old node names one again when it asks for the file.
class TurnSessions {
 public:
  [[nodiscard]] std::string open(Instant now, std::uint64_t unix_ms, Random& random);
  [[nodiscard]] bool has(Instant now, const std::string& session) const;
  [[nodiscard]] std::size_t size() const { return expiry_.size(); }

 private:
  std::map<std::string, Instant> expiry_;
  std::deque<std::string> order_;
};

/// `size` is the file's, when the request names a public store that is here; the caller looks it up.
[[nodiscard]] PeerAnswer answer_peer(Now now, const PeerRequest& request, const SelfView& self,
                                     std::optional<std::uint64_t> size, TurnSessions& sessions, Random& random);
/// `file` has InlineAnswer::size bytes.
[[nodiscard]] JsonAnswer finish_inline(const InlineAnswer& answer, ByteView file);
/// The store an URN request is about, or one that is named outright.
[[nodiscard]] std::optional<StoreId> store_of(const PeerRequest& request);
/// {"success":false,"error":…}
[[nodiscard]] JsonAnswer refusal(std::string_view error);

/// An old node's IPv6 address made of a key: fd00 and 14 bytes of a hash. Nothing is ever sent to it.
[[nodiscard]] std::string crypto_ipv6(const PeerId& peer);

// What old nodes answer us.

/// True when it is one of the network we know.
[[nodiscard]] bool parse_identification(ByteView object);
/// The ids among its stores; of GET_PEER_INFO and LIST_STORES alike. Unset: it refused, or spoke nonsense.
[[nodiscard]] std::optional<std::vector<StoreId>> parse_stores(ByteView object);
/// Of GET_FILE_RANGE's header.
struct RangeHeader {
  std::uint64_t size = 0;   ///< Of what follows.
  std::uint64_t total = 0;  ///< Of the file.
};
[[nodiscard]] std::optional<RangeHeader> parse_range_header(ByteView object);
/// Of a refusal in the place of a header: "Invalid range: … (file size: n)" tells the size too.
[[nodiscard]] std::optional<std::uint64_t> parse_total_size(ByteView object);

}  // namespace turnpike::dig
