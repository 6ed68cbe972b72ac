// All remote peers' ladders under one roof, and the relayed paths on which we serve others: names every path, sends
// what happens to a path to the ladder it belongs to, and keeps the whole bounded.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/network.h"
#include "core/path/found.h"
#include "core/path/ladder.h"

namespace turnpike::path {

using identity::PeerId;

constexpr std::size_t kMaxLadders = 4096;          ///< Peers remembered; idle ones make room first.
constexpr std::size_t kMaxServedPaths = 64;        ///< Relayed paths on which we serve, over all peers.
constexpr std::size_t kMaxServedPathsPerPeer = 2;  ///< A newer one from the same peer replaces its oldest.

/// What one bootstrap says of one peer.
struct Contact {
  PeerId peer;
  std::uint64_t seq = 0;            ///< Of the registration it comes from; a higher one replaces what was known.
  std::vector<Endpoint> tcp = {};   ///< Where its libp2p host answers.
  std::vector<Endpoint> quic = {};  ///< Where it answers over UDP.
  std::vector<Endpoint> http;
  std::size_t bootstrap = 0;
  bool connected = false;  ///< It is linked there now: a relay session is possible.
  bool proving = false;    ///< More may be told of it in a moment.
};

/// What to do about one peer.
struct PeerAction {
  PeerId peer;
  Action action;
};

/// A pure machine: after every call that takes `now`, drain poll_action, then poll_timeout.
class Paths {
 public:
  Paths(const RungSet& allowed, Random& random) : allowed_(allowed), random_(random) {}

  /// False when there is no room for one more peer.
  bool learn(Now now, const Contact& contact);
  /// Told of by somebody else than a bootstrap, with the addresses of its libp2p host: they are tried beside what the
  /// bootstraps say. False when there is no room for one more peer.
  bool learn(Now now, const PeerId& peer, Found found, const std::vector<Endpoint>& tcp,
             const std::vector<Endpoint>& quic = {});
  /// The networks this machine is in: what is reached within one of them goes by `lan`.
  void set_networks(Now now, std::vector<IpNetwork> networks);
  /// A connection to the peer stands, with that remote address, or the last of them is gone. `found` is how, when it is
  /// new.
  void set_connected(Now now, const PeerId& peer, bool connected, Found found, const IpAddress& remote = {});
  /// Exactly these are wanted from now on; the flag says whether the relay may be used for it too.
  void want(Now now, const std::map<PeerId, bool>& peers);
  /// The network changed: nothing waits any longer.
  void retry_now(Now now);
  /// `bootstrap` is gone: nobody can be met there until it is learnt anew.
  void handle_bootstrap_gone(Now now, std::size_t bootstrap);
  /// Somebody wants to be served in a relay session that is granted to the two of us, of either kind. False: too many.
  bool serve(Now now, const PeerId& peer, const Target& target);

  /// `remote` is whom it runs to, where it is a connection of the libp2p host.
  void handle_open(Now now, PathId path, Duration rtt, const std::optional<IpAddress>& remote = std::nullopt);
  void handle_closed(Now now, PathId path, const PathFailure& failure);
  void handle_grant(Now now, const PeerId& peer, const RelayTarget& granted);
  void handle_denied(Now now, const PeerId& peer, std::string reason, Duration retry_after);
  void handle_peer_grant(Now now, const PeerId& peer, const PeerRelayTarget& granted);
  void handle_peer_denied(Now now, const PeerId& peer, std::string reason, Duration retry_after);
  /// A hole leads to the peer, which need not be known. `ours`: we asked for it.
  void handle_hole(Now now, const PeerId& peer, const Endpoint& hole, bool ours);
  void handle_hole_gone(Now now, const PeerId& peer);
  void handle_punch_failed(Now now, const PeerId& peer, std::string reason, Duration retry_after);
  void handle_timeout(Now now);

  void handle_fetch_started(Now now, PathId path, std::uint64_t bytes);
  void handle_delivered(Now now, PathId path, std::uint64_t bytes);
  void handle_fetch_ended(Now now, PathId path, std::uint64_t undelivered);
  void demote(Now now, PathId path, const PathFailure& failure);

  [[nodiscard]] std::optional<PeerAction> poll_action();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// Null for a peer nobody told us of.
  [[nodiscard]] const Ladder* ladder(const PeerId& peer) const;
  [[nodiscard]] const std::map<PeerId, Ladder>& ladders() const { return ladders_; }
  /// Empty for a peer nobody told us of.
  [[nodiscard]] FoundSet found(const PeerId& peer) const;
  [[nodiscard]] std::size_t serving(const PeerId& peer) const;
  [[nodiscard]] std::size_t serving() const { return served_.size(); }

 private:
  struct Served {
    PeerId peer;
    bool open = false;
    Instant deadline;  // of the attempt, while it is not open
  };

  struct Addresses {
    std::vector<Endpoint> tcp;
    std::vector<Endpoint> quic;
  };
  struct Known {
    std::uint64_t seq = 0;
    std::size_t from = 0;  // the bootstrap that told `http` and `registered`
    Addresses registered;
    Addresses near;  // told by itself, in a network of ours
    Addresses told;  // by others
    std::vector<Endpoint> http;
    std::vector<std::size_t> linked;
    FoundSet found;
  };

  bool make_room();
  Ladder* ladder_for(const PeerId& peer);
  /// The near ones first.
  static std::vector<Endpoint> all_of(const Known& known, std::vector<Endpoint> Addresses::* kind);
  [[nodiscard]] bool is_near(const IpAddress& address) const;
  [[nodiscard]] Rung rung_to(const Ladder& ladder, const IpAddress& address) const;
  [[nodiscard]] Rung rung_to(const IpAddress& address) const { return is_near(address) ? Rung::kLan : Rung::kDirect; }
  void tell_direct(Now now, Ladder& ladder, const Known& known) const;
  Ladder* find(PathId path);
  void after(const PeerId& peer, Ladder& ladder);
  template <class Verb>
  void on(PathId path, Verb verb);

  RungSet allowed_;
  std::vector<IpNetwork> networks_;
  Random& random_;
  PathIds ids_;
  std::map<PeerId, Ladder> ladders_;
  std::map<PathId, PeerId> owners_;
  std::map<PeerId, Instant> deadline_of_;
  std::set<std::pair<Instant, PeerId>> deadlines_;
  std::set<PeerId> wanted_;
  std::map<PeerId, Known> known_;
  std::map<PathId, Served> served_;
  std::deque<PeerAction> actions_;
};

}  // namespace turnpike::path
