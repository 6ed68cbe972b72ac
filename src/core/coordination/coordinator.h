// TURN coordination (docs/protocols/coordination.md): a requester and a responder find a peer that relays for both, and
// each is given its end of a session there; and a peer that relays says who gets one.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/random.h"
#include "core/coordination/choice.h"
#include "core/identity/replay.h"
#include "core/path/path.h"
#include "core/rendezvous/control.h"
#include "core/signal/message.h"

namespace turnpike::coordination {

using namespace std::chrono_literals;

constexpr std::size_t kMaxServers = 64;         ///< Remembered, over all bootstraps.
constexpr std::size_t kMaxRequests = 64;        ///< Of ours, under way.
constexpr std::size_t kMaxQueries = 64;         ///< Of others, unanswered.
constexpr std::size_t kMaxTickets = 64;         ///< Sessions that others asked of us, not decided yet.
constexpr std::size_t kMaxOffers = 64;          ///< Whose server is not known yet.
constexpr std::size_t kMaxServersTried = 4;     ///< For one request.
constexpr std::size_t kMaxDialled = 1024;       ///< Peers remembered for kDialPeriod.
constexpr Duration kListFresh = 5s;             ///< Then the bootstrap is asked again, once somebody needs it.
constexpr Duration kDistanceFresh = 60s;        ///< Likewise of a round trip.
constexpr Duration kGatherLimit = 700ms;        ///< What is not known by then is not waited for.
constexpr Duration kDistancesLimit = 400ms;     ///< For our answer to a query: before the asker stops waiting.
constexpr Duration kServerAnswerLimit = 900ms;  ///< The next server is asked then.
constexpr Duration kOfferLimit = 2s;            ///< For the bootstrap to tell of an offer's server.
constexpr Duration kTicketLimit = 5s;           ///< For our own server to decide.
constexpr Duration kDialPeriod = 60s;           ///< Between two wishes to one peer that it connect to us,
constexpr Duration kDialBackPeriod = 10s;       ///< and between two of its own that we follow.
constexpr Duration kNoServerRetry = 20s;        ///< Where nobody relays: somebody may come.
constexpr Duration kDialMeLimit = 2500ms;       ///< For a peer to connect to us, before it is relayed to.

// --- what it wants done ---
/// Seal it to that peer, and send it by that bootstrap.
struct Say {
  std::size_t bootstrap = 0;
  PeerId to;
  signal::Message message;
};
/// Ask that bootstrap who relays. → handle_servers
struct List {
  std::size_t bootstrap = 0;
  std::optional<PeerId> about;
};
/// How long does a Binding request to that server take? → handle_measured
struct Measure {
  PeerId server;
  Endpoint at;
};
/// Somebody wants a session of our own server. → handle_decided
struct OpenSession {
  std::uint64_t ticket = 0;
  PeerId requester;
  IpAddress from;  ///< Where it is seen; unspecified where nobody told.
  PeerId responder;
};
/// Our end of a session towards `peer`: the initiator's if we asked for it, else the responder's.
struct Granted {
  PeerId peer;
  path::PeerRelayTarget target;
};
struct Denied {
  PeerId peer;
  std::string reason;  ///< For people.
  Duration retry_after{};
};
/// It can be reached there and we cannot: connect to it.
struct DialBack {
  PeerId peer;
  std::vector<Endpoint> tcp;
  std::vector<Endpoint> quic;
};
using Action = std::variant<Say, List, Measure, OpenSession, Granted, Denied, DialBack>;

/// Where we can be reached, as proved: then the other end is asked to connect to us, and nothing is relayed.
struct OwnDoors {
  std::vector<Endpoint> tcp;
  std::vector<Endpoint> quic;

  [[nodiscard]] bool empty() const { return tcp.empty() && quic.empty(); }
};

/// A pure machine: after every call that takes `now`, drain poll_action, then poll_timeout.
class Coordinator {
 public:
  struct Config {
    const crypto::SigningKey* key = nullptr;         ///< Outlives the machine, as do the next two.
    identity::SequenceSource* sequence = nullptr;    ///< Shared by all statements of the node.
    identity::ReplayWindow* seen_signals = nullptr;  ///< Shared by all carriers of signals.
  };
  Coordinator(const Config& config, Random& random) : config_(config), random_(random) {}

  void set_own_doors(OwnDoors doors) { own_ = std::move(doors); }

  /// A session with `responder`, at a server that `bootstrap` knows, but none of `avoid`. Granted or Denied comes. One
  /// request a responder: another one replaces it.
  void request(Now now, const PeerId& responder, std::size_t bootstrap, std::vector<PeerId> avoid);
  void cancel(const PeerId& responder) { requests_.erase(responder); }

  void handle_servers(Now now, std::size_t bootstrap, const std::optional<PeerId>& about,
                      const std::vector<rendezvous::TurnServer>& servers);
  void handle_measured(Now now, const PeerId& server, std::optional<Duration> rtt);
  /// `observed`: where the carrier sees the sender.
  void handle_signal(Now now, std::size_t bootstrap, const PeerId& from, const std::optional<IpAddress>& observed,
                     const signal::Message& message);
  void handle_decided(Now now, std::uint64_t ticket, const Result<turn::Opened, turn::RefusalReason>& decided);
  void handle_link_down(Now now, std::size_t bootstrap);
  /// The network changed: no distance holds any longer.
  void handle_network_changed();
  void handle_timeout(Now now);

  [[nodiscard]] std::optional<Action> poll_action();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  struct ServerView {
    PeerId peer;
    std::optional<Duration> rtt;
  };
  [[nodiscard]] std::vector<ServerView> servers() const;
  struct Counters {
    std::uint64_t granted = 0;  ///< To us, as either end.
    std::uint64_t refused = 0;  ///< By servers we asked.
    std::uint64_t unanswered = 0;
    std::uint64_t given = 0;  ///< By our own server.
    std::uint64_t bad = 0;    ///< Signals that were out of place, or whose grant does not hold.
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Server {
    std::size_t bootstrap = 0;
    std::vector<Endpoint> udp;
    std::vector<Endpoint> tcp;
    Instant listed;
    std::optional<Duration> rtt;
    std::optional<Instant> measured;
    bool measuring = false;
  };
  struct Request {
    std::size_t bootstrap = 0;
    std::uint64_t number = 0;
    std::vector<PeerId> avoid;
    bool dialled = false;  // it was asked to connect to us
    bool lists = false;    // waits for the bootstrap's list
    std::optional<std::map<PeerId, Duration>> theirs;
    Instant deadline;
    bool asking = false;
    std::vector<PeerId> ranked;  // of servers, while asking
    std::size_t next = 0;
    std::optional<PeerId> asked;
    std::string reason;
  };
  struct Query {
    std::size_t bootstrap = 0;
    std::uint64_t number = 0;
    bool lists = false;
    Instant deadline;
  };
  struct Ticket {
    std::size_t bootstrap = 0;
    std::uint64_t number = 0;
    PeerId requester;
    Instant deadline;
  };
  struct Offer {
    PeerId server;
    path::PeerRelayTarget target;
    Instant deadline;
  };
  using Requests = std::map<PeerId, Request>;

  void on(Now now, std::size_t bootstrap, const PeerId& from, const signal::TurnQuery& query);
  void on(Now now, const PeerId& from, const signal::TurnDistances& told);
  void on(Now now, std::size_t bootstrap, const PeerId& from, const std::optional<IpAddress>& observed,
          const signal::TurnRequest& request);
  void on(Now now, const PeerId& from, const signal::TurnGranted& granted);
  void on(Now now, const PeerId& from, const signal::TurnRefused& refused);
  void on(Now now, std::size_t bootstrap, const PeerId& from, const signal::TurnOffer& offer);
  void on(Now now, const PeerId& from, const std::optional<IpAddress>& observed, const signal::DialMe& wish);

  [[nodiscard]] PeerId self() const { return {config_.key->public_key()}; }
  void say(std::size_t bootstrap, const PeerId& to, signal::Message message) {
    actions_.emplace_back(Say{bootstrap, to, std::move(message)});
  }
  [[nodiscard]] bool refresh_list(Now now, std::size_t bootstrap);
  void learn(Now now, std::size_t bootstrap, const rendezvous::TurnServer& told);
  [[nodiscard]] bool is_measuring(std::size_t bootstrap) const;
  void settle(Now now);
  [[nodiscard]] bool is_gathered(Now now, const Request& request) const;
  void choose(Now now, Requests::iterator at);
  [[nodiscard]] bool ask_next(Now now, Requests::iterator at);
  void deny(Requests::iterator at, std::string reason, Duration retry_after);
  void answer(const PeerId& asker, const Query& query);
  [[nodiscard]] std::optional<std::pair<PeerId, path::PeerRelayTarget>> read_offer(Now now, const PeerId& from,
                                                                                   const signal::TurnOffer& offer);
  void accept(const PeerId& from, const Server& server, path::PeerRelayTarget target);

  Config config_;
  Random& random_;
  OwnDoors own_;
  std::map<PeerId, Server> servers_;
  std::map<std::size_t, Instant> listed_;  // by bootstrap: when it last answered
  std::set<std::size_t> listing_;
  Requests requests_;
  std::map<PeerId, Query> queries_;
  std::map<std::uint64_t, Ticket> tickets_;
  std::map<PeerId, Offer> offers_;     // by the requester
  std::map<PeerId, Instant> dialled_;  // peers that were asked to connect to us
  std::map<PeerId, Instant> dial_backs_;
  std::uint64_t last_number_ = 0;
  std::deque<Action> actions_;
  Counters counters_;
};

}  // namespace turnpike::coordination
