// The bootstrap's brain: who is there, what they hold, and who may relay through here. Pure: frames in, frames out.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/budget/budget.h"
#include "core/relay/sessions.h"
#include "core/rendezvous/control.h"
#include "core/rendezvous/elsewhere.h"
#include "core/rendezvous/limiter.h"
#include "core/rendezvous/proofs.h"
#include "core/rendezvous/registry.h"

namespace turnpike::rendezvous {

constexpr std::size_t kMaxConnections = 20'000;
constexpr std::size_t kMaxConnectionsPerAddress = 64;
constexpr std::size_t kMaxConnectionsPerNetwork = 512;                  ///< /24, or /48 for IPv6
constexpr Duration kAuthenticateLimit = std::chrono::seconds(10);       ///< From connecting to a good answer.
constexpr Duration kConnectionSilenceLimit = std::chrono::minutes(10);  ///< Without any message from a client.
/// Changes of the inventory are told at most this often, and later if very many follow it: see inventory_debounce().
constexpr Duration kInventoryDebounce = std::chrono::milliseconds(200);
constexpr std::size_t kMaxPeersPerPage = 1000;

/// kInventoryDebounce up to 2,000 connections, and 100 us for each further one: what all of them then ask stays
/// bounded.
[[nodiscard]] Duration inventory_debounce(std::size_t connections);

/// Cost a connection (or, for HTTP, a network) may run up: requests, and ids looked up.
constexpr Rate kRequestRate{.per_second = 50, .burst = 200};
constexpr Rate kLookupRate{.per_second = 2'000, .burst = 20'000};
constexpr Rate kRegisterRate{.per_second = 1, .burst = 10};
constexpr Rate kNetworkRegisterRate{.per_second = 10, .burst = 100};
constexpr Rate kSignalRate{.per_second = 50, .burst = 200};  ///< Towards one recipient, from all senders together.
/// Refused requests on one connection before it is closed; forgiven when a request is granted.
constexpr std::size_t kMaxRefusedInARow = 256;
/// Askers that are told when something better is known of a peer they looked up; the latest ones.
constexpr std::size_t kMaxToldPerPeer = 16;

enum class CloseReason : std::uint8_t {
  kFull,              ///< kMaxConnections, or per address, or per network.
  kNotAuthenticated,  ///< kAuthenticateLimit passed, or the answer was wrong.
  kProtocol,          ///< The peer sent what no client may.
  kMessageTooLarge,   ///< kMaxMessageSize
  kFlood,             ///< kMaxRefusedInARow
  kReplaced,          ///< The same peer connected anew.
  kSilent,            ///< kConnectionSilenceLimit
};
/// The text of the close frame.
[[nodiscard]] std::string_view to_string(CloseReason reason);

struct Send {
  ConnectionId connection;
  Bytes frame;
};
/// No more is sent there; handle_disconnected need not follow.
struct Close {
  ConnectionId connection;
  CloseReason reason{};
};

/// A refusal for HTTP: `text` names the limit or the fault.
struct Rejected {
  ErrorCode code{};
  std::string text;
  Duration retry_after{};
};

/// A registered peer, as told to an asker.
struct PeerListing {
  PeerId peer;
  IpAddress observed;
  std::vector<Endpoint> http;
  std::vector<Service> services;  ///< The other kinds.
  std::size_t stores = 0;
  bool connected = false;
  Duration expires_in{};
};

struct PeerPage {
  std::vector<PeerListing> peers;
  std::optional<PeerId> next;  ///< Ask again with `after` = this.
};

struct Stats {
  std::size_t connections = 0;
  std::size_t authenticated = 0;
  std::size_t peers = 0;
  std::size_t stores = 0;    ///< Distinct ids.
  std::size_t contents = 0;  ///< Distinct (id, size, root).
  std::size_t entries = 0;   ///< (peer, content) pairs.
  std::uint64_t registrations = 0;
  std::uint64_t registrations_refused = 0;
  std::uint64_t lookups = 0;  ///< Ids looked up.
  std::uint64_t signals = 0;
  std::uint64_t requests_refused = 0;
  std::size_t relay_sessions = 0;
  relay::Counters relay;
  Proofs::Counters proofs;
};

constexpr std::uint32_t kSeeCost = 4;  ///< Of see(): a signature is checked.

class Server {
 public:
  struct Config {
    PeerId id;
    relay::Policy relay{};             ///< Of no meaning with a budget.
    budget::Budget* budget = nullptr;  ///< Borrowed for life: who pays for relay sessions. Null: nobody.
    RegistryLimits registry{};
    /// Addresses of ours to send nonces from; nobody connects to us there.
    std::vector<IpAddress> probe_addresses{};
  };
  using Command = std::variant<Send, Close, ProbeFromHere>;

  Server(Config config, Random& random);

  // --- control WebSockets ---
  /// A WebSocket was accepted on /v1/connect. A refusal shows as a Close of the id returned.
  [[nodiscard]] ConnectionId handle_connected(Now now, const Endpoint& observed);
  /// One binary frame. Unknown connections are no offence: they were closed first.
  void handle_message(Now now, ConnectionId connection, ByteView frame);
  void handle_disconnected(Now now, ConnectionId connection);
  /// How a ProbeFromHere ended.
  void handle_probed(Now now, std::uint64_t number, ProbeOutcome outcome);
  void handle_timeout(Now now);

  /// Drain after every call above. Drain relay().poll_event() then, too.
  [[nodiscard]] std::optional<Command> poll_command();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // --- HTTP /v1 ---
  /// POST /v1/register: `statement` is the signed envelope. Gives how long the registration holds.
  [[nodiscard]] Result<std::chrono::seconds, Rejected> register_peer(Now now, const Endpoint& observed,
                                                                     ByteView statement);
  /// GET /v1/stores/<id>: who has it, as `asker` may see them.
  [[nodiscard]] Result<FoundStore, Rejected> lookup(Now now, const Endpoint& asker, const store::StoreId& id);
  /// POST /v1/seen: who signed the statement (kSeenType), and has a control connection here, is at that address too.
  /// Its asks for proofs are granted there besides, where this is the family that its connection does not have.
  [[nodiscard]] Result<IpAddress, Rejected> see(Now now, const Endpoint& observed, ByteView statement);
  /// GET /v1/inventory?cursor=: at most kMaxInventoryPage entries.
  [[nodiscard]] Result<Inventory, Rejected> inventory(Now now, const Endpoint& asker, const Cursor& since);
  /// GET /v1/peers?after=: at most min(limit, kMaxPeersPerPage) of them, by peer id.
  [[nodiscard]] Result<PeerPage, Rejected> peers(Now now, const Endpoint& asker, const std::optional<PeerId>& after,
                                                 std::size_t limit = kMaxPeersPerPage);
  [[nodiscard]] Stats stats() const;

  // --- for the bootstrap's own doing ---
  /// Charges `cost` to the asker's network, as every HTTP request here is. Unset: granted.
  [[nodiscard]] std::optional<Rejected> charge(Now now, const Endpoint& asker, std::uint32_t cost) {
    return limit_http(now, asker, cost);
  }
  /// As peers(), uncharged.
  [[nodiscard]] std::vector<PeerListing> list(Now now, const Endpoint& asker, const std::optional<PeerId>& after,
                                              std::size_t limit);
  [[nodiscard]] bool is_registered(const PeerId& peer) const { return registry_.contains(peer); }
  /// Has a control connection here now.
  [[nodiscard]] bool is_connected(const PeerId& peer) const { return by_peer_.contains(peer); }
  /// What `peer` says it holds as `id`, as `asker` may see it. Unset where it does not.
  [[nodiscard]] std::optional<Announcer> held_by(Now now, const Endpoint& asker, const PeerId& peer,
                                                 const store::StoreId& id);
  [[nodiscard]] std::vector<store::StoreId> stores_of(const PeerId& peer, std::size_t limit) const {
    return registry_.stores_of(peer, limit);
  }
  /// Sends a signal of the bootstrap itself, sealed by its key. False: the peer has no control connection here.
  [[nodiscard]] bool signal(const PeerId& target, Bytes sealed);

  /// The relay sessions opened here; join(), take() and leave() are the driver's to call.
  [[nodiscard]] relay::Sessions& relay() { return relay_; }
  [[nodiscard]] const relay::Sessions& relay() const { return relay_; }
  [[nodiscard]] const PeerId& id() const { return config_.id; }

 private:
  struct Connection {
    Endpoint observed;
    Elsewhere elsewhere;
    [[nodiscard]] IpAddress seen_for(const Service& target) const {
      return elsewhere.seen_for(target.endpoint.address, observed.address);
    }
    Nonce nonce{};
    std::optional<PeerId> peer;  // once authenticated
    Instant last_heard;
    Instant deadline;  // as filed in deadlines_
    TokenBucket requests;
    TokenBucket lookups;
    TokenBucket registrations;
    TokenBucket signals;  // towards it
    std::size_t refused_in_a_row = 0;
    std::uint64_t told = 0;  // version of the inventory it has asked up to
    bool follows = false;    // has asked, up to the end, and has not been told of a change since
  };
  using Table = std::map<ConnectionId, Connection>;

  void on(Now now, Table::iterator from, const Authenticate& message);
  void on(Now now, Table::iterator from, const Register& message);
  void on(Now now, Table::iterator from, const Heartbeat& message);
  void on(Now now, Table::iterator from, const Lookup& message);
  void on(Now now, Table::iterator from, const InventorySince& message);
  void on(Now now, Table::iterator from, const OpenRelay& message);
  void on(Now now, Table::iterator from, const SignalTo& message);
  void on(Now now, Table::iterator from, const TurnServersAsk& message);
  void on(Now now, Table::iterator from, const ProofAsk& message);
  void on(Now now, Table::iterator from, const ProofSeen& message);
  void on(Now now, Table::iterator from, const ProbeReady& message);
  void on(Now now, Table::iterator from, const ProbeDone& message);

  [[nodiscard]] std::optional<CloseReason> refusal_of(const IpAddress& from) const;
  [[nodiscard]] bool grant_request(Now now, Table::iterator from, const ClientMessage& message);
  [[nodiscard]] Result<std::chrono::seconds, Rejected> accept_registration(Now now, const IpAddress& observed,
                                                                           const std::optional<PeerId>& peer,
                                                                           ByteView statement);
  [[nodiscard]] std::optional<Rejected> limit(NetworkLimiter& limiter, Now now, const Endpoint& asker,
                                              std::uint32_t cost);
  [[nodiscard]] std::optional<Rejected> limit_http(Now now, const Endpoint& asker, std::uint32_t cost) {
    return limit(http_requests_, now, asker, cost);
  }
  void drain_proofs();
  void note_told(ConnectionId asker, FoundStore& found);
  void tell_peer_changed(const PeerId& peer);
  [[nodiscard]] std::pair<std::vector<Endpoint>, std::vector<Service>> shown(const PeerId& peer) const;
  void note_changes(Now now);
  void tell_changes();

  void send(ConnectionId to, const ServerMessage& message) { commands_.push_back(Send{to, encode(message)}); }
  void refuse(Table::iterator from, std::uint64_t request, ErrorCode code, Duration retry_after = {});
  void close(Now now, Table::iterator at, CloseReason reason);
  void remove(Now now, Table::iterator at);
  void file(Table::iterator at);

  Config config_;
  Random& random_;
  relay::Sessions relay_;
  Registry registry_;
  Proofs proofs_;
  std::map<PeerId, std::vector<ConnectionId>> told_;  // who looked up a peer that may yet be reached better
  NetworkLimiter http_requests_{kRequestRate};
  NetworkLimiter http_registrations_{kNetworkRegisterRate};
  Table connections_;
  std::set<std::pair<Instant, ConnectionId>> deadlines_;
  std::map<PeerId, ConnectionId> by_peer_;
  std::map<IpAddress, std::size_t> by_address_;
  std::map<IpAddress, std::size_t> by_network_;
  std::uint64_t last_connection_ = 0;
  std::uint64_t noted_ = 0;  // version of the inventory whose followers were told, or soon will be
  std::optional<Instant> tell_at_;
  std::deque<Command> commands_;
  Stats counts_;  // the counters; the gauges are filled in by stats()
};

}  // namespace turnpike::rendezvous
