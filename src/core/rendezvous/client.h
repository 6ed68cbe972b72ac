// One link to one bootstrap, seen from the node: proves who it is, keeps its registration alive, asks, and follows the
// inventory.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/identity/replay.h"
#include "core/rendezvous/control.h"
#include "core/rendezvous/limiter.h"
#include "core/signal/message.h"

namespace turnpike::rendezvous {

constexpr Duration kHeartbeatPeriod = std::chrono::minutes(2);
constexpr unsigned kHeartbeatsPerShow = 5;  ///< After so many we show ourselves over the other family again.
constexpr Duration kRequestLimit = std::chrono::seconds(20);   ///< An unanswered request means a dead link.
constexpr Duration kCheckLimit = std::chrono::seconds(2);      ///< For the answer to a heartbeat that `check` sent.
constexpr Duration kMinRegisterGap = std::chrono::seconds(1);  ///< Between two registrations; larger ones wait longer.
/// A registration whose services changed goes out at once, this often: what is proved is waited for.
constexpr Rate kServicesPace{.per_second = 1, .burst = 4};
constexpr std::size_t kMaxPendingRequests = 1024;  ///< Verbs are refused above it.

constexpr Duration kRegisterRetry = std::chrono::minutes(1);  ///< After a refusal that does not say when.
/// Below what a bootstrap allows (server.h), so that looking many ids up is slow rather than refused.
constexpr Rate kLookupPace{.per_second = 30, .burst = 100};

/// What the node wants known of itself. Stores that are not shared never leave the node.
struct LocalStore {
  store::StoreId id;
  store::Content content;
  bool shared = true;
};

// --- events ---
/// The bootstrap has accepted who we are; a registration follows by itself.
struct Welcomed {
  PeerId bootstrap;
  IpAddress observed;  ///< Where it sees us.
};
/// The bootstrap sees a peer over the one family of its connection only. Where it has an address of the other one,
/// whoever posts this statement there (POST /v1/seen) is told at which address it is seen over that.
struct ShowElsewhere {
  IpAddress::Family family{};
  Bytes statement;
};
struct Registered {
  Duration ttl{};
};
/// Store contents somebody announces there; may repeat what was told before, e.g. after the bootstrap restarted.
struct InventoryEntries {
  std::vector<Entry> entries;
  bool complete = false;  ///< All it knows has now been told.
};
/// The answer for one id of a lookup.
struct StoreFound {
  FoundStore found;
};
/// The answer to open_relay. The partner has been sent its credential; join at once, as the initiator.
struct RelayGranted {
  PeerId target;
  relay::SessionId session;
  relay::Credential credential;
  relay::Quote quote;
};
struct RelayDenied {
  PeerId target;
  relay::RefusalReason reason{};
  Duration retry_after{};
  std::string suggestion;
};
/// Somebody opened a relay session towards us; join it as the responder, here or at `offer.bootstrap`.
struct RelayOffered {
  PeerId from;
  signal::RelayOffer offer;
};
/// Any other signal of a peer.
struct SignalReceived {
  PeerId from;
  std::optional<IpAddress> observed;  ///< Where the bootstrap sees it, if it told.
  signal::Message message;
};
/// The answer to turn_servers.
struct TurnServersFound {
  std::optional<PeerId> about;
  std::vector<TurnServer> servers;
};
enum class FailureReason : std::uint8_t {
  kSilent,            ///< No Hello, or no answer, within kRequestLimit.
  kProtocol,          ///< The bootstrap sent what no bootstrap may.
  kWrongBootstrap,    ///< Not the peer id that was expected.
  kNotAuthenticated,  ///< It would not have our signature.
  kRegistration,      ///< It would not have our registration; the text says why. The link stays up.
  kRefused,           ///< It refused us altogether (full, too large a message); the text says why.
};
/// But for kRegistration, the link is useless: close it and connect again later.
struct Failed {
  FailureReason reason{};
  std::string text;  ///< For people.
};

/// A pure machine. Fed with the link's ups and downs and its messages; drained by poll_send, poll_event, poll_timeout
/// after each call. Survives any number of links: registration and inventory cursor are kept between them, unanswered
/// requests are not.
class Client {
 public:
  struct Config {
    const crypto::SigningKey* key = nullptr;         ///< Outlives the machine, as do the next two.
    identity::SequenceSource* sequence = nullptr;    ///< Shared by all statements of the node.
    identity::ReplayWindow* seen_signals = nullptr;  ///< Shared by all links of the node.
    std::optional<PeerId> expected;                  ///< The bootstrap's id, if it is known beforehand.
    std::string url;                                 ///< Told to partners in relay offers; may be empty.
    bool follow_inventory = true;                    ///< Ask for the whole inventory and its changes.
    bool can_probe = true;                           ///< Offer to send nonces for others.
    bool show_elsewhere = false;                     ///< Emit ShowElsewhere, when welcomed and now and then.
  };
  /// ProofExpect, ProofResult, ProbeOrder and PeerChanged are handed on as the bootstrap sent them.
  using Event = std::variant<Welcomed, ShowElsewhere, Registered, InventoryEntries, StoreFound, RelayGranted,
                             RelayDenied, RelayOffered, Failed, ProofExpect, ProofResult, ProbeOrder, PeerChanged,
                             SignalReceived, TurnServersFound>;

  Client(Config config, Random& random);

  // What happened to the link.
  void handle_link_up(Now now);
  void handle_link_down(Now now);
  void handle_message(Now now, ByteView frame);
  void handle_timeout(Now now);

  // Verbs.
  /// Replaces what is registered; sent when welcomed, and again after every reconnection. More than kMaxStoresPerPeer
  /// shared stores, kMaxHttpEndpoints of kind http or kMaxServices of the others: the first ones are registered.
  /// `relays`: we would relay one session more.
  void set_registration(Now now, const std::vector<Service>& services, const std::vector<LocalStore>& stores,
                        bool relays = false);
  void set_follow_inventory(Now now, bool follow);
  /// Something else that went over this network has fallen silent: does the link live? If it does not answer within
  /// kCheckLimit it has failed. At most once in that time.
  void check(Now now);
  /// The network changed: whoever showed itself elsewhere does so again.
  void show_elsewhere(Now now);
  /// A StoreFound comes for each id. False, and nothing asked, unless welcomed and below kMaxPendingRequests.
  [[nodiscard]] bool lookup(Now now, const std::vector<store::StoreId>& ids);
  /// RelayGranted or RelayDenied comes. False as above.
  [[nodiscard]] bool open_relay(Now now, const PeerId& target);
  /// TurnServersFound comes. False as above.
  [[nodiscard]] bool turn_servers(Now now, const std::optional<PeerId>& about = std::nullopt);
  /// Seals it to the peer; whether it is there, nobody tells. False unless welcomed.
  bool signal(Now now, const PeerId& target, const signal::Message& message);
  // Of proofs. Dropped unless welcomed; nothing is kept for the next link.
  void prove(const Service& target, std::vector<IpAddress> avoid);
  void proof_seen(const ProofNonce& nonce, ServiceKind at, const IpAddress& from);
  void probe_done(std::uint64_t number, ProbeOutcome outcome);

  [[nodiscard]] std::optional<Bytes> poll_send();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] bool is_welcomed() const { return state_ == State::kWelcomed; }
  [[nodiscard]] bool is_registered() const { return registered_; }
  /// Who is at the other end; none before Hello.
  [[nodiscard]] const std::optional<PeerId>& bootstrap() const { return bootstrap_; }

 private:
  enum class State : std::uint8_t { kDown, kAwaitsHello, kAwaitsWelcome, kWelcomed, kFailed };
  struct AskedLookup {
    std::vector<store::StoreId> ids;
  };
  struct AskedRelay {
    PeerId target;
  };
  struct AskedInventory {};
  struct AskedRegister {};
  struct AskedTurnServers {
    std::optional<PeerId> about;
  };
  using Asked = std::variant<AskedLookup, AskedRelay, AskedInventory, AskedRegister, AskedTurnServers>;
  struct Pending {
    Asked what;
    bool waits = false;  // to be sent, at `deadline`; otherwise it was, and must be answered by then
    Instant deadline;
  };
  using Requests = std::map<std::uint64_t, Pending>;

  void on(Now now, Hello& hello);
  void on(Now now, Welcome& welcome);
  void on(Now now, RegisterOk& ok);
  void on(Now now, HeartbeatAck& ack);
  void on(Now now, Found& found);
  void on(Now now, Inventory& inventory);
  void on(Now now, InventoryChanged& changed);
  void on(Now now, RelayGrant& grant);
  void on(Now now, RelayRefused& refused);
  void on(Now now, Signal& signal);
  void on(Now now, Error& error);
  void on(Now now, TurnServers& servers);
  void on(Now /*now*/, ProofExpect& expect) { events_.emplace_back(expect); }
  void on(Now /*now*/, ProofResult& result) { events_.emplace_back(result); }
  void on(Now /*now*/, ProbeOrder& order) { events_.emplace_back(order); }
  void on(Now now, PeerChanged& changed);

  [[nodiscard]] bool is_in_turn(const ServerMessage& message) const;
  void handle_request_timeouts(Now now);
  void handle_refusal(Now now, Requests::iterator request, const Error& error);
  void refuse_registration(Now now, const Error& error);
  /// The request `number`, if it was sent, is pending, and is a What. Takes it off the table.
  template <class What>
  [[nodiscard]] std::optional<What> answered(std::uint64_t number);

  void reset();
  void fail_link(FailureReason reason, std::string text);
  void ask(Now now, Asked what);
  void try_to_send(Now now, std::uint64_t number, Pending& pending);
  void ask_inventory(Now now);
  void maybe_register(Now now);
  void send(const ClientMessage& message) { sends_.push_back(encode(message)); }
  [[nodiscard]] Bytes signed_statement(Now now, std::string_view type, Bytes body);
  [[nodiscard]] PeerId self() const { return {config_.key->public_key()}; }

  Config config_;
  Random& random_;
  State state_ = State::kDown;
  std::optional<PeerId> bootstrap_;
  Instant state_deadline_;  // of Hello and Welcome

  std::optional<Bytes> registration_;  // the statement's body
  bool registered_ = false;
  bool registration_due_ = false;  // at next_register_, unless one is pending
  bool registration_pending_ = false;
  Instant next_register_;
  std::vector<Service> services_;  // as registered
  TokenBucket services_pace_;

  IpAddress::Family elsewhere_{};
  unsigned heartbeats_ = 0;  // since the last ShowElsewhere
  Instant next_heartbeat_;
  std::optional<Instant> heartbeat_deadline_;

  Cursor cursor_;
  bool inventory_pending_ = false;
  bool inventory_due_ = false;  // it changed while an answer was on its way

  std::uint64_t last_request_ = 0;
  Requests requests_;
  TokenBucket lookup_pace_;
  std::deque<Bytes> sends_;
  std::deque<Event> events_;
};

}  // namespace turnpike::rendezvous
