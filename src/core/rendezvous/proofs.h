// The bootstrap's part of a proof (docs/protocols/proof.md): who may ask, who is sent, and what counts. Pure: it sends
// nothing anywhere but to the address at which the asker itself is observed.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "core/identity/peer_id.h"
#include "core/rendezvous/connection_id.h"
#include "core/rendezvous/control.h"
#include "core/rendezvous/limiter.h"
#include "core/rendezvous/proof.h"

namespace turnpike::rendezvous {

constexpr Duration kProbeHedge = std::chrono::milliseconds(400);  ///< Then the next prober is asked besides.
constexpr Duration kAfterFailure = std::chrono::seconds(1);     ///< A nonce whose sender failed may come so much later.
constexpr Duration kBusyWait = std::chrono::milliseconds(500);  ///< Between looks at whether a busy prober is free.
constexpr Duration kBusyLimit = std::chrono::seconds(10);       ///< An ask waits so long for one.
constexpr Duration kAskLifetime = std::chrono::minutes(10);     ///< An ask that found nobody waits so long.
constexpr std::size_t kMaxProbesPerAsk = 4;
constexpr std::size_t kMaxAsksPerPeer = 12;
constexpr std::size_t kMaxProbes = 8192;        ///< Under way, over all.
constexpr std::size_t kMaxProbesPerProber = 8;  ///< Under way: one peer has five kinds of service to prove.
constexpr std::size_t kMaxProvers = 200'000;    ///< Peers whose proofs are remembered.
constexpr std::size_t kMaxProbersWeighed = 32;  ///< For one choice.
constexpr std::size_t kMaxWaitingServed = 16;   ///< Waiting asks looked at for one new prober.
constexpr unsigned kUnreliableAfter = 3;        ///< Misses in a row; such a prober is asked where there is no other.
constexpr Rate kProberRate{.per_second = 2, .burst = 8};         ///< Orders to one prober.
constexpr Rate kAskRate{.per_second = 1, .burst = 24};           ///< Asks of one identity.
constexpr Rate kHostAskRate{.per_second = 4, .burst = 96};       ///< Asks from one IPv4 address or /64.
constexpr Rate kNetworkAskRate{.per_second = 16, .burst = 256};  ///< Asks from one /24 or /48.

/// May `prober`, seen there, prove what answers at `target`? Not from behind the same NAT or in the same network
/// (/24, /48), and over the same family only.
[[nodiscard]] bool may_probe(const IpAddress& prober, const IpAddress& target);

// --- what it wants done ---
/// A prober linked here is to send the nonce there.
struct OrderProbe {
  ConnectionId prober;
  std::uint64_t number = 0;
  Service target;
  ProofNonce nonce{};
};
/// The bootstrap itself is to send it, from its probe address of that family. → handle_probed(number, …)
struct ProbeFromHere {
  std::uint64_t number = 0;
  Service target;
  ProofNonce nonce{};
};
/// The asker is told the digest of a nonce that is on its way.
struct TellExpected {
  ConnectionId asker;
  Service target;
  Digest digest{};
};
struct TellOutcome {
  ConnectionId asker;
  Service target;
  ProofOutcome outcome{};
  Duration time{};  ///< How long the proof lasts, or when to ask again.
};
/// From now until then the peer's service counts as reachable.
struct Proved {
  PeerId peer;
  Service service;
  Instant until;
};

class Proofs {
 public:
  using Action = std::variant<OrderProbe, ProbeFromHere, TellExpected, TellOutcome, Proved>;
  struct Counters {
    std::uint64_t asks = 0;
    std::uint64_t refused = 0;  ///< Of these: not the asker's address, or over a budget.
    std::uint64_t probes = 0;
    std::uint64_t proved = 0;
    std::uint64_t rejected = 0;  ///< Nonces that came back late, twice, from elsewhere or at another port.
  };

  /// `own`: addresses of the bootstrap that it can send from and that peers do not connect to.
  Proofs(std::vector<IpAddress> own, Random& random) : random_(random), own_(std::move(own)) {}

  /// `prober` offers to send nonces for others.
  void add_prober(Now now, ConnectionId prober, const PeerId& peer, const IpAddress& observed);
  /// The connection is gone, as asker and as prober. Its peer's proofs stay until they lapse.
  void remove(Now now, ConnectionId connection);

  /// Replaces an ask of the same connection for the same service.
  void ask(Now now, ConnectionId asker, const PeerId& peer, const IpAddress& observed, const Service& target,
           std::vector<IpAddress> avoided);
  /// The asker says that a nonce arrived at its service of that kind, from that address.
  void handle_seen(Now now, ConnectionId asker, const ProofNonce& nonce, ServiceKind at, const IpAddress& from);
  /// `prober` is none for our own probes.
  void handle_probed(Now now, std::optional<ConnectionId> prober, std::uint64_t number, ProbeOutcome outcome);
  void handle_timeout(Now now);

  [[nodiscard]] std::optional<Action> poll_action();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// A nonce for one of its services is on its way.
  [[nodiscard]] bool is_proving(const PeerId& peer) const { return proving_.contains(peer); }
  [[nodiscard]] const std::map<Service, Instant>* proved(const PeerId& peer) const;
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::size_t asks() const { return asks_.size(); }
  [[nodiscard]] std::size_t probes() const { return probes_.size(); }

 private:
  using AskId = std::uint64_t;
  using Number = std::uint64_t;
  struct Ask {
    ConnectionId asker;
    PeerId peer;
    IpAddress observed;
    Service target;
    std::vector<IpAddress> avoided;
    std::set<ConnectionId> tried;
    bool tried_own = false;
    bool answered = false;
    std::size_t sent = 0;     // probes so far
    std::set<Number> live{};  // of these, those that may yet arrive
    Instant since;
    Instant next;  // filed in wake_
  };
  struct Probe {
    AskId ask = 0;
    std::optional<ConnectionId> prober;
    IpAddress from;
    ProofNonce nonce{};
    Instant since;
    Instant deadline;
    bool counts = true;  // towards the prober's limit
  };
  struct Prober {
    PeerId peer;
    IpAddress observed;
    std::size_t place = 0;  // in order_
    std::size_t under_way = 0;
    unsigned misses = 0;  // in a row
    TokenBucket rate{};
  };
  using Asks = std::map<AskId, Ask>;
  using Probers = std::map<ConnectionId, Prober>;

  [[nodiscard]] std::optional<Duration> over_budget(Now now, const PeerId& peer, const IpAddress& observed);
  void advance(Now now, Asks::iterator ask);
  [[nodiscard]] bool send_next(Now now, Asks::iterator ask);
  [[nodiscard]] const IpAddress* own_for(const Ask& ask) const;
  [[nodiscard]] Probers::iterator choose(Now now, const Ask& ask);
  [[nodiscard]] static bool is_fit(ConnectionId connection, const Prober& prober, const Ask& ask);
  [[nodiscard]] static bool is_free(Now now, const Prober& prober);
  [[nodiscard]] bool waits_for_one(Now now, const Ask& ask) const;
  void launch(Now now, Asks::iterator ask, std::optional<ConnectionId> prober, const IpAddress& from);
  void end_probe(std::map<Number, Probe>::iterator probe, bool arrived);
  void release(Probe& probe);
  void hasten(std::map<Number, Probe>::iterator probe, Instant deadline);
  void drop(Asks::iterator ask);
  void file(Asks::iterator ask, Instant next);
  void answer(Ask& ask, ProofOutcome outcome, Duration time);
  void remember(Now now, const PeerId& peer, const Service& service);

  Random& random_;
  std::vector<IpAddress> own_;
  Asks asks_;
  std::map<std::pair<ConnectionId, Service>, AskId> by_service_;
  std::set<std::pair<Instant, AskId>> wake_;
  std::set<AskId> waiting_;  // answered, and glad of a new prober
  std::map<Number, Probe> probes_;
  std::map<ProofNonce, Number> by_nonce_;
  std::set<std::pair<Instant, Number>> deadlines_;
  Probers probers_;
  std::vector<ConnectionId> order_;  // the probers, for drawing one
  std::map<PeerId, std::size_t> proving_;
  std::map<PeerId, std::map<Service, Instant>> proved_;
  std::set<std::pair<Instant, PeerId>> lapses_;
  KeyedLimiter<PeerId> by_identity_{kAskRate};
  KeyedLimiter<IpAddress> by_host_{kHostAskRate};
  NetworkLimiter by_network_{kNetworkAskRate};
  std::uint64_t last_ask_ = 0;
  std::uint64_t last_number_ = 0;
  std::deque<Action> actions_;
  Counters counters_;
};

}  // namespace turnpike::rendezvous
