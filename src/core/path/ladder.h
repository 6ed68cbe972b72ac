// The ladder to one remote peer: races the rungs there are, keeps the cheapest that works, holds the costly one back
// while a cheaper may yet come, and never stops trying for a cheaper one.
#pragma once

#include <array>
#include <deque>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/path/action.h"
#include "core/path/backoff.h"
#include "core/path/direct_rung.h"
#include "core/path/peer_relay_rung.h"
#include "core/path/punch_rung.h"
#include "core/path/rung_view.h"

namespace turnpike::path {

using namespace std::chrono_literals;

constexpr Duration kHttpStagger = 250ms;  ///< Between attempts at two addresses of one peer (RFC 8305 §5).
constexpr Duration kRelayHold = 800ms;    ///< The relay's bytes wait so long for a cheaper path.
constexpr std::uint64_t kRelayBytesInRace = std::uint64_t{2} << 20U;  ///< Relayed at most before the race is settled.
constexpr Duration kRaceLimit = 3s;  ///< Cheaper rungs that have not answered by then have lost the race.
constexpr Duration kHttpAttemptLimit =
    2500ms;                                   ///< A first SYN that is lost is sent again after 1 s: time for one more.
constexpr Duration kRelayAttemptLimit = 15s;  ///< The partner has to hear of it, join, and shake hands.
constexpr Duration kGrantLimit = 20s;         ///< For the bootstrap's answer to a wish for a session.
constexpr Duration kFirstRungBackoff = 2s;
constexpr Duration kRungBackoffLimit = 5min;
constexpr Duration kRefusalLimit = 1h;  ///< A bootstrap that says to ask later is believed up to here.
constexpr Duration kHttpLinger = 30s;   ///< An unused path is kept so long.
constexpr Duration kRelayLinger = 10s;  ///< Likewise; it holds a slot of somebody else's.
constexpr std::size_t kMaxEndpoints = 12;
constexpr std::uint64_t kMinUsefulQuote = std::uint64_t{1200} << 10U;  ///< One piece and what surrounds it.
constexpr Duration kMinUsefulTime = 15s;  ///< A session that ends sooner is renewed, once it is idle.

/// What a fetch needs to know of the best path there is.
struct Way {
  PathId path;
  Rung rung = Rung::kHttp;
  Duration rtt{};
  std::uint64_t allowance = 0;  ///< Bytes that may be asked for now, beside what was charged already.
};

enum class Standing : std::uint8_t {
  kIdle,     ///< Nobody wants it.
  kTrying,   ///< Attempts are under way.
  kOpen,     ///< There is a path, though it may have to wait for the race.
  kWaiting,  ///< Everything failed; tried again at next_try().
  kNoWay,    ///< Nothing is left to try until something new is learnt.
};

using RungSet = std::array<bool, kRungCount>;
[[nodiscard]] constexpr RungSet rungs_of(std::span<const Rung> rungs) {
  RungSet set{};
  for (const Rung rung : rungs) set[index_of(rung)] = true;
  return set;
}
[[nodiscard]] constexpr RungSet rungs_of(std::initializer_list<Rung> rungs) {
  return rungs_of(std::span(rungs.begin(), rungs.size()));
}

/// A pure machine: after every call that takes `now`, drain poll_action, then poll_timeout.
class Ladder {
 public:
  Ladder(const RungSet& allowed, PathIds& ids, Random& random)
      : allowed_(allowed),
        ids_(ids),
        random_(random),
        direct_(allowed[index_of(Rung::kLan)], allowed[index_of(Rung::kDirect)], kFirstRungBackoff, kRungBackoffLimit),
        peer_relay_(allowed[index_of(Rung::kPeerRelay)], kFirstRungBackoff, kRungBackoffLimit),
        punch_(allowed[index_of(Rung::kPunched)], kRungBackoffLimit) {}

  // What is known of the peer.
  /// Where its libp2p host answers, over TCP and over QUIC, at most kMaxDirectEndpoints of either. `has_near` says that
  /// the first of them are of our own networks. The caller leaves out what is not allowed.
  void set_direct(Now now, const std::vector<Endpoint>& tcp, const std::vector<Endpoint>& quic = {},
                  bool has_near = false);
  /// A connection to it stands, or no longer.
  void set_connected(Now now, bool connected);
  /// Where its HTTP downloads answer. Those beyond kMaxEndpoints are dropped, the last of the more numerous address
  /// family first. Known ones keep their back-off; one that is open stays open.
  void set_endpoints(Now now, const std::vector<Endpoint>& http);
  /// The bootstraps, by index, that are linked to it and to us.
  void set_bootstraps(Now now, const std::vector<std::size_t>& linked);

  /// More addresses of it may be told in a moment: one is being proved.
  void expect(Now now, bool more);

  // What is wanted of it.
  void want(Now now, bool relay_too);
  void release(Now now);
  /// The network changed: every back-off is forgotten.
  void retry_now(Now now);

  // What happened.
  /// `rung` is which of lan and direct it is, where it is one of them.
  void handle_open(Now now, PathId path, Duration rtt, Rung rung = Rung::kDirect);
  void handle_closed(Now now, PathId path, const PathFailure& failure);
  void handle_grant(Now now, const RelayTarget& granted);
  void handle_denied(Now now, std::string reason, Duration retry_after);
  void handle_peer_grant(Now now, const PeerRelayTarget& granted);
  void handle_peer_denied(Now now, std::string reason, Duration retry_after);
  /// A hole leads to the peer. `ours`: we asked for it.
  void handle_hole(Now now, const Endpoint& hole, bool ours);
  /// It is closed again: nobody connected through it, or the peer fell silent.
  void handle_hole_gone(Now now);
  void handle_punch_failed(Now now, std::string reason, Duration retry_after);
  void handle_timeout(Now now);

  // What is done over its paths. `bytes` are of content; the relay's overhead is added here.
  void handle_fetch_started(Now now, PathId path, std::uint64_t bytes);
  void handle_delivered(Now now, PathId path, std::uint64_t bytes);
  /// `undelivered` of the bytes it was started with never came.
  void handle_fetch_ended(Now now, PathId path, std::uint64_t undelivered);
  /// A fetch found the path dead or its peer out of order: close it, wait, try what else there is.
  void demote(Now now, PathId path, const PathFailure& failure);

  [[nodiscard]] std::optional<Action> poll_action();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return deadline_; }

  /// The cheapest open path whose bytes may flow now, if there is one.
  [[nodiscard]] std::optional<Way> best(Now now) const;
  [[nodiscard]] Standing standing() const;
  [[nodiscard]] std::optional<Instant> next_try() const;  ///< When kWaiting.
  [[nodiscard]] bool has_free_rung_open() const { return http_.has_value() || direct_.open().has_value(); }
  /// A relay could be asked for now, or is on its way, or there.
  [[nodiscard]] bool relay_may_come(Now now) const;
  [[nodiscard]] bool is_wanted() const { return wanted_; }
  [[nodiscard]] bool owns(PathId path) const;
  /// Why there is no cheaper path, or none at all; for people.
  [[nodiscard]] std::string reason() const;
  [[nodiscard]] std::vector<RungView> view() const;
  [[nodiscard]] std::vector<Endpoint> endpoints() const;
  [[nodiscard]] const std::vector<Endpoint>& direct_endpoints() const { return direct_.endpoints(); }
  /// The one that leads to the peer, if one does.
  [[nodiscard]] const std::optional<Endpoint>& hole() const { return direct_.hole(); }
  [[nodiscard]] bool is_connected() const { return direct_.is_connected(); }

 private:
  struct Address {
    Endpoint endpoint;
    Backoff backoff{kFirstRungBackoff, kRungBackoffLimit};
    Instant next_try;
    std::string reason;
    std::optional<PathId> attempt;
    Instant attempt_deadline;
  };
  enum class RelayState : std::uint8_t { kIdle, kAsking, kTrying, kOpen };
  struct Relay {
    RelayState state = RelayState::kIdle;
    Backoff backoff{kFirstRungBackoff, kRungBackoffLimit};
    Instant next_try;
    std::string reason;
    std::size_t turn = 0;  // which of the linked bootstraps is asked next
    RelayTarget target;
    PathId path;
    Instant deadline;
    OpenPathState open;
    std::uint64_t charged = 0;
  };

  void step(Now now);
  void start_race(Instant now);
  void settle(Instant now);
  void try_direct(Instant now);
  void try_addresses(Instant now);
  void try_relay(Instant now);
  void close_what_is_not_needed(Now now);
  void fail_address(Instant now, Address& address, std::string reason, bool was_proven);
  void fail_relay(Instant now, std::string reason, Duration at_least, bool was_proven);
  void drop_attempts();
  void drop_addresses();
  void lose_path(Now now);
  void drop_relay();
  void close(PathId path) { actions_.emplace_back(Close{path}); }
  void schedule(Now now);
  [[nodiscard]] bool relay_is_possible() const;
  /// Whoever relays is a stranger who gives: only one peer is fetched from in this way for each store.
  [[nodiscard]] bool needs_punch() const { return wanted_ && !has_free_rung_open() && !direct_.hole(); }
  [[nodiscard]] bool needs_peer_relay() const { return relay_wanted_ && !has_free_rung_open(); }
  [[nodiscard]] bool quote_is_low(Now now) const;
  [[nodiscard]] OpenPathState* open_state(PathId path);

  RungSet allowed_;
  PathIds& ids_;
  Random& random_;
  DirectRung direct_;
  PeerRelayRung peer_relay_;
  PunchRung punch_;
  std::vector<Address> addresses_;
  bool expecting_ = false;
  std::vector<std::size_t> linked_;
  std::optional<OpenPathState> http_;
  Relay relay_;
  bool wanted_ = false;
  bool relay_wanted_ = false;
  Instant released_;
  Instant race_since_;
  bool settled_ = false;
  std::uint64_t race_bytes_ = 0;
  Instant next_http_start_;
  std::array<std::uint64_t, kRungCount> bytes_{};
  std::deque<Action> actions_;
  std::optional<Instant> deadline_;
};

}  // namespace turnpike::path
