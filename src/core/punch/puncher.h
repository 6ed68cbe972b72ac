// One attempt to make a hole through both NATs: connectivity checks from both ends at once (RFC 8445, section 7), along
// predicted ports where a NAT has an order, and by many sockets and many guesses where it has none.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "core/punch/check.h"
#include "core/punch/checklist.h"
#include "core/punch/governor.h"
#include "core/punch/outlook.h"

namespace turnpike::punch {

constexpr Duration kCheckPace = std::chrono::milliseconds(5);      ///< Between two checks (Ta, RFC 8445, section 14.2).
constexpr Duration kGuessPace = std::chrono::microseconds(2'500);  ///< 400 a second, by many sockets or guesses.
constexpr Duration kGuessAfter = std::chrono::milliseconds(250);   ///< Plain checks have so long alone.
constexpr std::size_t kManySockets = 256;
constexpr std::size_t kMaxGuesses = 1536;
constexpr std::size_t kPredictedPorts = 8;                   ///< Tried of a NAT whose ports have an order.
constexpr Duration kSettle = std::chrono::milliseconds(30);  ///< A worthier pair may still answer so long.
constexpr unsigned kMaxNominations = 5;                      ///< Of one pair, before another is taken.
constexpr Duration kPunchLimit = std::chrono::seconds(6);    ///< Of one attempt.

struct LocalEnd {
  Role role = Role::kControlling;
  Credentials credentials{};
  std::vector<Candidate> candidates{};  ///< As told to the peer.
  Behaviour behaviour{};
};

struct RemoteEnd {
  Credentials credentials{};
  std::vector<Candidate> candidates{};  ///< As told by the peer; acceptable() is applied here.
  Behaviour behaviour{};                ///< Of its NAT, as told by the peer.
  std::vector<IpAddress> witnessed{};   ///< Where somebody we trust saw the peer itself: more probes are fair there.
};

enum class PunchFailure : std::uint8_t {
  kNoCandidates,  ///< The peer told nothing that may be tried.
  kNoAnswer,      ///< Nothing came through in kPunchLimit.
  kHopeless,      ///< The same, and it was to be expected of these two NATs.
  kHeldBack,      ///< The governor did not let enough out.
};
[[nodiscard]] std::string_view words_of(PunchFailure failure);

/// A machine as base/machine.h has it, but for several sockets at once. The `governor` is borrowed and shared by all
/// punches. Checks of the peer that come before start() are answered; theirs are then the first pairs.
class Puncher {
 public:
  struct Send {
    SocketNumber socket = 0;
    Endpoint to;
    Bytes payload;
  };

  /// Datagrams pass both ways between `socket` and `remote`, and both ends know it.
  struct Opened {
    PairKey pair;
    Duration rtt;
    CandidateKind kind;
  };
  /// Open so many more sockets, on ports the system chooses → add_sockets.
  struct WantSockets {
    std::size_t count = 0;
  };
  struct Failed {
    PunchFailure why{};
  };
  using Event = std::variant<Opened, WantSockets, Failed>;

  Puncher(Random& random, Governor& governor, LocalEnd local);

  // Verbs.
  /// The peer's end is known and it begins now, or has begun: so do we.
  void start(Instant now, RemoteEnd remote);
  /// Sockets `first` to `first + count - 1` are there.
  void add_sockets(Instant now, SocketNumber first, std::size_t count);

  // What happened.
  /// True when it was a check of this punch, or an answer to one: nobody else's then.
  bool handle_datagram(Instant now, SocketNumber socket, const Endpoint& from, ByteView datagram);
  void handle_timeout(Instant now);

  [[nodiscard]] std::optional<Send> poll_transmit();
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // Getters.
  [[nodiscard]] Role role() const { return local_.role; }
  [[nodiscard]] Outlook outlook() const { return outlook_; }
  [[nodiscard]] bool is_over() const { return over_; }
  [[nodiscard]] const std::optional<PairKey>& opened() const { return opened_; }
  [[nodiscard]] std::size_t probes_sent() const { return probes_; }
  [[nodiscard]] std::size_t pairs() const { return checks_.pairs().size(); }
  [[nodiscard]] const Credentials& credentials() const { return local_.credentials; }

 private:
  struct Probe {
    PairKey pair;
    bool guess = false;
  };

  void add_plain_pairs(Instant now);
  void add_predicted_pairs(Instant now);
  void start_guessing(Instant now);
  void handle_request(Instant now, const PairKey& key, const CheckRequest& request);
  bool resolve_conflict(const PairKey& key, const CheckRequest& request);
  void handle_success(Instant now, const Checklist::Sent& sent, const CheckResponse& response);
  void trigger(Instant now, const PairKey& key, Pair& pair);
  void schedule(Instant due, const Probe& probe) { queue_.emplace(due, probe); }
  void schedule_retries(Instant now, const PairKey& key, const Pair& pair);
  bool send(Instant now, const PairKey& key, bool use_candidate);
  void run_queue(Instant now);
  void nominate(Instant now);
  void open(const PairKey& key, const Pair& pair);
  void fail_with(PunchFailure why);
  [[nodiscard]] std::uint64_t priority_with(std::uint32_t remote) const;
  [[nodiscard]] bool is_witnessed(const IpAddress& address) const;
  [[nodiscard]] bool anything_heard() const;
  [[nodiscard]] std::optional<Endpoint> steady_endpoint() const;

  Random& random_;
  Governor& governor_;
  LocalEnd local_;
  std::optional<RemoteEnd> remote_;
  std::uint64_t tie_breaker_;
  Outlook outlook_ = Outlook::kPlain;
  Checklist checks_;
  std::multimap<Instant, Probe> queue_;
  Instant next_slot_{};
  Duration pace_ = kCheckPace;
  std::optional<Instant> guess_at_;
  std::optional<Instant> nominate_at_;
  std::optional<PairKey> nominee_;
  unsigned nominations_ = 0;
  std::optional<Instant> deadline_;
  std::optional<PairKey> opened_;
  bool over_ = false;
  bool held_back_ = false;
  std::size_t probes_ = 0;
  std::deque<Send> out_;
  std::deque<Event> events_;
};

}  // namespace turnpike::punch
