// Keeps our doors proved: asks bootstraps to have each candidate tried from outside, hands back the nonces that arrive,
// renews in time, and says of each candidate what is known (docs/protocols/proof.md). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/path/backoff.h"
#include "core/reach/sent_to.h"
#include "core/reach/verdict.h"
#include "core/rendezvous/proof.h"

namespace turnpike::reach {

using rendezvous::ProofNonce;
using rendezvous::ProofOutcome;
using rendezvous::Service;
using rendezvous::ServiceKind;

constexpr std::size_t kMaxCandidates = 24;  ///< The rest is left out; each family keeps a place.
constexpr std::size_t kMaxExpected = 64;    ///< Nonces that bootstraps have announced.
constexpr std::size_t kMaxEarly = 32;       ///< Nonces that arrived before they were announced.
constexpr Duration kExpectLimit = 2 * rendezvous::kProbeLimit;
constexpr Duration kAskLimit = std::chrono::seconds(20);  ///< An ask unanswered for so long is asked again.
constexpr Duration kFirstAskBackoff = std::chrono::seconds(10);
constexpr Duration kAskBackoffLimit = std::chrono::minutes(10);
constexpr std::size_t kByPeers = SIZE_MAX;  ///< Stands for the bootstrap where peers proved something.
constexpr Duration kRenewalRetry = std::chrono::seconds(15);  ///< One failed renewal may be a lost packet.
constexpr unsigned kRenewalFailures = 2;                      ///< After so many in a row a proof is withdrawn.

/// Renewal begins when a third of the proof's time is left.
[[nodiscard]] constexpr Duration renewal_after(Duration lifetime) { return lifetime * 2 / 3; }

/// One way in that may work.
struct Candidate {
  Service service;  ///< As the outside would dial it.
  Origin origin = Origin::kOwn;

  friend constexpr auto operator<=>(const Candidate&, const Candidate&) = default;
};

// --- what it wants said to a bootstrap ---
struct Ask {
  std::size_t bootstrap = 0;
  Service target;
  std::vector<IpAddress> avoid;
};
struct Seen {
  std::size_t bootstrap = 0;
  ProofNonce nonce{};
  ServiceKind at{};
  IpAddress from;
};

struct CandidateView {
  Service service;
  Origin origin = Origin::kOwn;
  Verdict verdict = Verdict::kUnknown;
  std::optional<Instant> proved_until;
  std::optional<Instant> next_action;
};

class Prover {
 public:
  explicit Prover(Random& random) : random_(random) {}

  /// All there are now; what is known of those that stay is kept. Loopback and unspecified ones are dropped.
  void set_candidates(Now now, std::vector<Candidate> candidates);
  /// A bootstrap has welcomed us, or answered over the other family besides, and sees us there.
  void handle_link_up(Now now, std::size_t bootstrap, const IpAddress& observed);
  void handle_link_down(Now now, std::size_t bootstrap);
  /// The network changed: nothing waits any longer, and what was proved is asked again.
  void retry_now(Now now);

  void handle_expect(Now now, std::size_t bootstrap, const Service& target, const Digest& digest);
  void handle_result(Now now, std::size_t bootstrap, const Service& target, ProofOutcome outcome, Duration time);
  /// Something that looks like a nonce came in at our service of that kind.
  void handle_arrival(Now now, ServiceKind at, const ProofNonce& nonce, const IpAddress& from);
  /// A peer, asked to dial `target`, did: a connection with our nonce came in from there (AutoNAT v2). The same holds
  /// of where from as of any nonce.
  void handle_dialled_back(Now now, const Service& target, const IpAddress& from);
  /// We sent from that service's port without having been asked.
  void handle_sent(Now now, ServiceKind from, const IpAddress& to) { sent_to_.note(now.mono, from, to); }
  void handle_timeout(Now now);

  [[nodiscard]] std::optional<Ask> poll_ask();
  [[nodiscard]] std::optional<Seen> poll_seen();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// What may be registered: private candidates, and global ones that are proved now. Sorted.
  [[nodiscard]] const std::vector<Service>& services() const { return services_; }
  /// Of these, the proved ones.
  [[nodiscard]] std::vector<Service> proved() const;
  [[nodiscard]] std::vector<CandidateView> view() const;
  /// Where bootstraps see us, each address once.
  [[nodiscard]] std::vector<IpAddress> observed() const;

  struct Counters {
    std::uint64_t arrived = 0;  ///< Nonces handed back.
    std::uint64_t tainted = 0;  ///< From an address that the port had been sending to.
    std::uint64_t foreign = 0;  ///< From our own network.
    std::uint64_t unknown = 0;  ///< Announced by no bootstrap, or for another port, or late, or twice.
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Standing {  // of one candidate at one bootstrap
    bool asked = false;
    Instant next;  // asked: the answer is given up; else: ask again
    std::optional<Instant> proved_until;
    std::optional<ProofOutcome> last;
    unsigned failures = 0;  // in a row, since the last proof
    path::Backoff backoff{kFirstAskBackoff, kAskBackoffLimit};
  };
  using Standings = std::map<std::pair<std::size_t, Service>, Standing>;
  struct Expected {
    std::size_t bootstrap = 0;
    Service target;
    Digest digest{};
    Instant until;
  };
  struct Early {
    ServiceKind at{};
    ProofNonce nonce{};
    IpAddress from;
    Instant until;
  };

  void settle(Now now);
  void ask(Now now, std::size_t bootstrap, const Service& target, Standing& standing);
  void fail(Now now, Standing& standing, ProofOutcome outcome, Duration wait);
  [[nodiscard]] bool is_near(const IpAddress& from) const;
  [[nodiscard]] bool hand_back(const Early& arrival);
  [[nodiscard]] Verdict verdict_of(const Candidate& candidate) const;
  [[nodiscard]] bool is_worth_asking(const Candidate& candidate, const IpAddress& observed) const;

  Random& random_;
  Instant now_;
  std::vector<Candidate> candidates_;
  std::map<std::pair<std::size_t, IpAddress::Family>, IpAddress> observed_;  // by bootstrap, over that family
  Standings standings_;
  SentTo sent_to_;
  std::deque<Expected> expected_;
  std::deque<Early> early_;
  std::vector<Service> services_;
  std::deque<Ask> asks_;
  std::deque<Seen> seen_;
  Counters counters_;
};

}  // namespace turnpike::reach
