// The relay's table of sessions: who may join which, how much they may carry, and when they end. It moves no byte
// itself.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/endpoint.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "core/budget/budget.h"
#include "core/identity/peer_id.h"
#include "core/relay/grant.h"

namespace turnpike::relay {

using identity::PeerId;

constexpr std::size_t kMaxSessions = 4096;
constexpr std::size_t kMaxSessionsPerInitiator = 32;   ///< That one peer asked for.
constexpr std::size_t kMaxSessionsPerResponder = 128;  ///< That others asked for towards one peer; apart from its own.
constexpr std::size_t kMaxSessionsPerNetwork = 512;    ///< Asked for from one /24 (IPv6: /48).
constexpr std::size_t kMaxCountedPeers = 16384;        ///< Counters kept; the one unused for longest goes first.
constexpr Duration kJoinLimit = std::chrono::seconds(15);  ///< Both ends must have joined by then.
constexpr Duration kIdleLimit = std::chrono::minutes(2);   ///< Longest silence of a joined session.

/// What the operator gives each session.
struct Policy {
  std::uint64_t bytes = std::uint64_t{16} << 30U;
  std::uint64_t bytes_per_second = 0;  ///< 0 = not limited.
  Duration lifetime = std::chrono::hours(1);
};

enum class Side : std::uint8_t { kInitiator, kResponder };

struct Grant {
  SessionId session;
  Credential initiator;
  Credential responder;
  Quote quote;
};

enum class RefusalReason : std::uint8_t {
  kSelf,           ///< A peer asked for a session with itself.
  kFull,           ///< kMaxSessions
  kPeerLimit,      ///< kMaxSessionsPerInitiator or kMaxSessionsPerResponder
  kNetworkLimit,   ///< kMaxSessionsPerNetwork
  kTargetOffline,  ///< Said by the rendezvous: the target has no control connection here.
  kTooFast,        ///< Said by the rendezvous: too many requests on one connection.
  // Said by the budget:
  kTier,          ///< All sessions of the initiator's tier run.
  kCheaperFirst,  ///< Money runs low: the initiator has not had time to try cheaper ways.
  kPremiumOnly,
  kFinishQuotes,
  kSpent,
  kShare,   ///< What is left is promised to others.
  kLedger,  ///< It cannot be written down.
};

constexpr RefusalReason kLastRefusalReason = RefusalReason::kLedger;

struct Refusal {
  RefusalReason reason{};
  Duration retry_after{};
};

enum class JoinError : std::uint8_t {
  kNoSession,        ///< Never was, is over, or was replaced: which, is not told to a stranger.
  kWrongCredential,  ///< Of another session, another side, or of nobody.
  kAlreadyJoined,    ///< This credential has been used. Ask for a new session.
};

struct Join {
  Side side{};
  PeerId peer;     ///< Who holds this end.
  PeerId partner;  ///< Who holds the other.
  Quote quote;
  bool paired = false;  ///< The other end is there too: bytes may flow.
};

enum class EndReason : std::uint8_t {
  kLeft,       ///< An end closed its connection.
  kReplaced,   ///< The initiator asked again for the same partner.
  kNotJoined,  ///< kJoinLimit passed with an end missing.
  kIdle,       ///< kIdleLimit
  kQuoteUsed,  ///< quote.bytes
  kExpired,    ///< quote.until
};
/// A word for logs and the close frame's text: "left", "replaced", …
[[nodiscard]] std::string_view to_string(EndReason reason);

/// A session is over: close both its connections, if they still are.
struct Ended {
  SessionId session;
  EndReason reason{};
};

/// May these bytes be forwarded, and how long must the sender's reading then rest.
struct Allowance {
  bool allowed = false;    ///< False: forward nothing; the session has ended, and an Ended tells why.
  bool ask_again = false;  ///< Neither: nothing was charged yet, ask again after `rest`.
  Duration rest{};         ///< Read no more from this session, in either direction, for so long. Zero at most times.
};

struct Counters {
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_joined = 0;  ///< Both ends were there.
  std::uint64_t bytes = 0;            ///< For a peer: of all sessions it was an end of.
  std::uint64_t refused = 0;          ///< For a peer: as initiator.
};

/// One relay's sessions. Pure: `now` comes in, Ended events and a deadline come out. Drain poll_event after every call
/// that takes `now`, then poll_timeout.
class Sessions {
 public:
  /// Quotes come from `budget`, where there is one, borrowed for life; else from the policy. Drain its rows and events
  /// with the events here.
  Sessions(Policy policy, Random& random, budget::Budget* budget = nullptr);

  /// One slot per (initiator, responder): a second open replaces the first, so reconnecting never fills the table.
  /// `from` is the address the initiator is seen at. With `is_ours` the initiator is this relay itself: what comes from
  /// the responder stays here, and whoever it is for is charged for what goes on to him.
  [[nodiscard]] Result<Grant, Refusal> open(Now now, const PeerId& initiator, const IpAddress& from,
                                            const PeerId& responder, bool is_ours = false);
  /// An end's connection arrived. An error leaves the session as it was.
  [[nodiscard]] Result<Join, JoinError> join(Now now, const SessionId& session, const Credential& credential);
  /// Asks before `bytes` that were read from one end are written to the other. Both ends must have joined.
  [[nodiscard]] Allowance take(Now now, const SessionId& session, std::uint64_t bytes, Side from = Side::kInitiator);
  /// An end's connection is gone; the session is over. Unknown sessions are no offence: they ended first.
  void leave(Now now, const SessionId& session);
  void handle_timeout(Now now);

  [[nodiscard]] std::optional<Ended> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  [[nodiscard]] bool is_paired(const SessionId& session) const;
  [[nodiscard]] const Counters& totals() const { return totals_; }
  /// Zeroes for a peer not seen, or not for a long time.
  [[nodiscard]] Counters counters_of(const PeerId& peer) const;
  /// All that are kept, by peer id.
  [[nodiscard]] std::vector<std::pair<PeerId, Counters>> counters() const;

  /// What is left of the policy for sessions opened from now on; running ones keep their quote.
  void set_policy(Policy policy) { policy_ = policy; }
  [[nodiscard]] const Policy& policy() const { return policy_; }

 private:
  struct Session {
    PeerId initiator;
    PeerId responder;
    IpAddress network;
    Quote quote;
    Instant end;  // quote.until, on the clock that does not jump
    Instant join_by;
    Instant deadline;  // as filed in deadlines_
    Instant last_byte;
    Instant rested_until;  // what has flowed so far is paid off by then, at the granted rate
    std::uint64_t used = 0;
    bool initiator_joined = false;
    bool responder_joined = false;
    bool is_ours = false;
    budget::AccountId account = 0;

    [[nodiscard]] bool paired() const { return initiator_joined && responder_joined; }
  };
  using Table = std::map<SessionId, Session>;
  struct Counted {
    Counters counters;
    std::list<PeerId>::iterator age;
  };

  [[nodiscard]] Credential credential_of(const SessionId& session, const PeerId& peer, Side side) const;
  [[nodiscard]] std::optional<RefusalReason> limit_reached(const PeerId& initiator, const IpAddress& network,
                                                           const PeerId& responder) const;
  void file(const SessionId& id, Session& session);
  void end(Now now, Table::iterator at, EndReason reason);
  [[nodiscard]] Result<budget::Terms, Refusal> terms_for(Now now, const budget::Asker& asker);
  Counters& counted(const PeerId& peer);

  Policy policy_;
  Random& random_;
  budget::Budget* budget_;
  Digest secret_;
  Table sessions_;
  std::map<std::pair<PeerId, PeerId>, SessionId> slots_;
  std::set<std::pair<Instant, SessionId>> deadlines_;
  std::map<PeerId, std::size_t> by_initiator_;
  std::map<PeerId, std::size_t> by_responder_;
  std::map<IpAddress, std::size_t> by_network_;
  std::deque<Ended> events_;
  Counters totals_;
  std::map<PeerId, Counted> counted_;
  std::list<PeerId> by_age_;  // front: unused for longest
};

}  // namespace turnpike::relay
