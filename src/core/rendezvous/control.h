// The messages of a bootstrap's control WebSocket `/v1/connect`, as values: one binary frame holds one of them
// (docs/protocols/bootstrap.md).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/relay/sessions.h"
#include "core/rendezvous/proof.h"
#include "core/rendezvous/registration.h"

namespace turnpike::rendezvous {

using identity::PeerId;

constexpr std::size_t kMaxMessageSize = 2U << 20U;  ///< Either way.
constexpr std::size_t kMaxIdsPerLookup = 64;
constexpr std::size_t kMaxAnnouncersPerStore = 32;  ///< In one answer, over all contents of the store.
constexpr std::size_t kMaxInventoryPage = 4096;     ///< Entries in one answer.
constexpr std::size_t kMaxTextSize = 256;           ///< Of an error's or a refusal's text.
constexpr std::size_t kMaxAvoided = 16;             ///< Addresses that an asker for a proof rules out.
constexpr std::size_t kMaxTurnServers = 16;         ///< In one answer.
constexpr std::size_t kMaxSignalSize = 8192;        ///< Sealed bytes carried from peer to peer.

using Nonce = std::array<std::uint8_t, 32>;

/// How far one knows a bootstrap's inventory. `epoch` is drawn when a bootstrap starts: a cursor of another epoch
/// counts as none.
struct Cursor {
  std::uint64_t epoch = 0;
  std::uint64_t version = 0;

  friend constexpr auto operator<=>(const Cursor&, const Cursor&) = default;
};

/// One peer that says it has a store.
struct Announcer {
  PeerId peer;
  IpAddress observed;          ///< Where the bootstrap saw it.
  std::vector<Endpoint> http;  ///< Non-global ones only for an asker that may share its network.
  store::Content content;
  std::uint64_t seq = 0;               ///< Of its registration.
  bool connected = false;              ///< Has a live control connection here: a relay session is possible.
  std::vector<Service> services = {};  ///< Likewise, of the kinds other than http; at most kMaxServices.
  bool proving = false;  ///< A proof of some endpoint of it is under way: more may be told of it in a moment.

  friend bool operator==(const Announcer&, const Announcer&) = default;
};

struct FoundStore {
  store::StoreId id;
  std::vector<Announcer> announcers;  ///< Connected ones first. None: nobody registered here has it.

  friend bool operator==(const FoundStore&, const FoundStore&) = default;
};

enum class ErrorCode : std::uint8_t {
  kMalformed = 1,         ///< Not a message, or not one for this side, or not now.
  kMessageTooLarge = 2,   ///< kMaxMessageSize
  kNotAuthenticated = 3,  ///< The challenge's answer was wrong.
  kBadStatement = 4,      ///< Signature, audience, type, network or signer of a statement is wrong.
  kClock = 5,             ///< The statement is expired or from the future: a clock is wrong.
  kReplayed = 6,          ///< Its seq is not above the last.
  kTooManyStores = 7,     ///< kMaxStoresPerPeer
  kBadRegistration = 8,   ///< Anything else wrong in a registration's body.
  kFull = 9,              ///< A limit of the bootstrap, or of the sender's address or network, is reached.
  kTooFast = 10,          ///< Requests beyond the rate; ask again after retry_after.
  kTargetOffline = 11,    ///< A signal's recipient has no control connection here.
};
/// "malformed", "too many stores (limit 20000)", …: for people.
[[nodiscard]] std::string_view to_string(ErrorCode code);

// Server to client.
struct Hello {
  PeerId bootstrap;
  Nonce nonce{};
  WallTime time;
};
struct Welcome {
  IpAddress observed;
};
struct RegisterOk {
  std::uint64_t request = 0;
  std::chrono::seconds ttl{};
};
struct HeartbeatAck {
  bool registered = false;
};
struct Found {
  std::uint64_t request = 0;
  std::vector<FoundStore> stores;
};
struct Inventory {
  std::uint64_t request = 0;
  std::vector<Entry> entries;
  Cursor cursor;
  bool more = false;
};
struct InventoryChanged {};
struct RelayGrant {
  std::uint64_t request = 0;
  relay::Grant grant;
};
struct RelayRefused {
  std::uint64_t request = 0;
  relay::RefusalReason reason{};
  std::chrono::milliseconds retry_after{};
  std::string suggestion;
};
struct Signal {
  PeerId from;
  Bytes sealed;
  std::optional<IpAddress> observed = {};  ///< Where the bootstrap sees the sender.
};
/// A peer that relays by TURN, is proved to be reached at these services, and has room.
struct TurnServer {
  PeerId peer;
  std::vector<Service> services;

  friend bool operator==(const TurnServer&, const TurnServer&) = default;
};
struct TurnServers {
  std::uint64_t request = 0;
  std::vector<TurnServer> servers;
};
/// To an asker of a proof: a nonce of this digest is on its way.
struct ProofExpect {
  Service target;
  Digest digest{};
};
struct ProofResult {
  Service target;
  ProofOutcome outcome{};
  std::chrono::milliseconds time{};  ///< How long the proof lasts, or when to ask again.
};
/// To a prober: send the nonce there.
struct ProbeOrder {
  std::uint64_t number = 0;
  Service target;
  ProofNonce nonce{};
};
/// To whom a look-up told of the peer: from now on it answers there, and nowhere else.
struct PeerChanged {
  PeerId peer;
  std::uint64_t seq = 0;
  std::vector<Endpoint> http;
  std::vector<Service> services;
  bool connected = false;
  bool proving = false;
};
struct Error {
  std::uint64_t request = 0;  ///< 0: of no request in particular.
  ErrorCode code{};
  std::chrono::milliseconds retry_after{};
  std::string text;
};

// Client to server.
struct Authenticate {
  Bytes statement;
};
struct Register {
  std::uint64_t request = 0;
  Bytes statement;
};
struct Heartbeat {};
struct Lookup {
  std::uint64_t request = 0;
  std::vector<store::StoreId> ids;
};
struct InventorySince {
  std::uint64_t request = 0;
  Cursor cursor;
};
struct OpenRelay {
  std::uint64_t request = 0;
  PeerId target;
};
struct SignalTo {
  std::uint64_t request = 0;
  PeerId target;
  Bytes sealed;
};

/// Who relays by TURN? → TurnServers
struct TurnServersAsk {
  std::uint64_t request = 0;
  std::optional<PeerId> about;  ///< Of this one only.
};

/// Prove that this service of mine can be reached. → ProofExpect, then ProofResult
struct ProofAsk {
  Service target;
  std::vector<IpAddress> avoid;  ///< Addresses it has been sending to from that port; at most kMaxAvoided.
};
/// A nonce arrived at my service of that kind, from that address.
struct ProofSeen {
  ProofNonce nonce{};
  ServiceKind at{};
  IpAddress from;
};
/// I send nonces for others.
struct ProbeReady {};
struct ProbeDone {
  std::uint64_t number = 0;
  ProbeOutcome outcome{};
};

using ServerMessage =
    std::variant<Hello, Welcome, RegisterOk, HeartbeatAck, Found, Inventory, InventoryChanged, RelayGrant, RelayRefused,
                 Signal, Error, ProofExpect, ProofResult, ProbeOrder, PeerChanged, TurnServers>;
using ClientMessage = std::variant<Authenticate, Register, Heartbeat, Lookup, InventorySince, OpenRelay, SignalTo,
                                   ProofAsk, ProofSeen, ProbeReady, ProbeDone, TurnServersAsk>;

/// The sender is to blame for each of them.
enum class ControlError : std::uint8_t {
  kTooLarge,
  kMalformed,
  kOverLimit,    ///< More ids, announcers, entries or bytes than the constants above allow.
  kUnknownKind,  ///< A message this side does not know: from a newer version, to be passed over.
};

[[nodiscard]] Bytes encode(const ServerMessage& message);
[[nodiscard]] Bytes encode(const ClientMessage& message);
[[nodiscard]] Result<ServerMessage, ControlError> decode_server_message(ByteView frame);
[[nodiscard]] Result<ClientMessage, ControlError> decode_client_message(ByteView frame);

}  // namespace turnpike::rendezvous
