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
#include "core/signal/message.h"

namespace turnpike::rendezvous {

constexpr Duration kHeartbeatPeriod = std::chrono::minutes(2);
constexpr Duration kRequestLimit = std::chrono::seconds(20);   ///< An unanswered request means a dead link.
constexpr Duration kMinRegisterGap = std::chrono::seconds(1);  ///< Between two registrations; larger ones wait longer.
constexpr std::size_t kMaxPendingRequests = 1024;              ///< Verbs are refused above it.

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
  };
  using Event =
      std::variant<Welcomed, Registered, InventoryEntries, StoreFound, RelayGranted, RelayDenied, RelayOffered, Failed>;

  Client(Config config, Random& random);

  // What happened to the link.
  void handle_link_up(Now now);
  void handle_link_down(Now now);
  void handle_message(Now now, ByteView frame);
  void handle_timeout(Now now);

  // Verbs.
  /// Replaces what is registered; sent when welcomed, and again after every reconnection. More than kMaxStoresPerPeer
  /// shared stores or kMaxHttpEndpoints endpoints: the first ones are registered.
  void set_registration(Now now, std::vector<Endpoint> http, const std::vector<LocalStore>& stores);
  void set_follow_inventory(Now now, bool follow);
  /// A StoreFound comes for each id. False, and nothing asked, unless welcomed and below kMaxPendingRequests.
  [[nodiscard]] bool lookup(Now now, const std::vector<store::StoreId>& ids);
  /// RelayGranted or RelayDenied comes. False as above.
  [[nodiscard]] bool open_relay(Now now, const PeerId& target);

  [[nodiscard]] std::optional<Bytes> poll_send();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] bool is_welcomed() const { return state_ == State::kWelcomed; }
  [[nodiscard]] bool is_registered() const { return registered_; }
  /// Who is at the other end; none before Hello.
  [[nodiscard]] const std::optional<PeerId>& bootstrap() const { return bootstrap_; }

 private:
  enum class State : std::uint8_t { kDown, kAwaitsHello, kAwaitsWelcome, kWelcomed, kFailed };
  struct Asked {
    std::vector<store::StoreId> ids;
  };
  struct AskedRelay {
    PeerId target;
  };
  struct AskedInventory {};
  struct AskedRegister {};
  struct Sent {};  // a signal: answered only if it fails
  struct Pending {
    std::variant<Asked, AskedRelay, AskedInventory, AskedRegister> what;
    Instant deadline;     // of the answer, or of asking again
    bool resend = false;  // waits to be asked again
  };

  void on(Now now, const Hello& hello);
  void on(Now now, const Welcome& welcome);
  void on(Now now, const RegisterOk& ok);
  void on(Now now, const HeartbeatAck& ack);
  void on(Now now, Found& found);
  void on(Now now, Inventory& inventory);
  void on(Now now, const InventoryChanged& changed);
  void on(Now now, const RelayGrant& grant);
  void on(Now now, const RelayRefused& refused);
  void on(Now now, const Signal& signal);
  void on(Now now, const Error& error);

  void reset(State state);
  void fail_link(FailureReason reason, std::string text);
  std::uint64_t ask(Now now, Pending pending);
  void send_pending(Now now, std::uint64_t request, Pending& pending);
  void send_registration(Now now);
  void maybe_register(Now now);
  void ask_inventory(Now now);

  Config config_;
  Random& random_;
  State state_ = State::kDown;
  std::optional<PeerId> bootstrap_;
  Instant state_deadline_;
  Bytes registration_;  // the body
  bool has_registration_ = false;
  bool registered_ = false;
  bool registration_due_ = false;
  bool registration_pending_ = false;
  Instant next_register_;
  Instant next_heartbeat_;
  std::optional<Instant> heartbeat_deadline_;
  Cursor cursor_;
  bool inventory_pending_ = false;
  bool inventory_due_ = false;
  std::uint64_t last_request_ = 0;
  std::map<std::uint64_t, Pending> pending_;
  std::deque<Bytes> sends_;
  std::deque<Event> events_;
};

}  // namespace turnpike::rendezvous
