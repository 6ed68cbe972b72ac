// The two free rungs of one ladder that are a connection to the peer's libp2p host, ours or the one there is already:
// lan where it runs within a network of our own, direct elsewhere.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/path/action.h"
#include "core/path/backoff.h"
#include "core/path/rung_view.h"

namespace turnpike::path {

/// All addresses are raced by the shell, handshakes included, so an attempt may take longer than one to a single one.
constexpr Duration kDirectAttemptLimit = std::chrono::seconds(8);
constexpr Duration kDirectLinger = std::chrono::seconds(30);  ///< An unused path is kept so long.
constexpr std::size_t kMaxDirectEndpoints = 12;
constexpr Duration kHoleTurn = std::chrono::seconds(2);  ///< The end that asked for a hole connects first.

/// One attempt at a time, with back-off. A pure part of Ladder: what it wants done is appended to the actions it is
/// given.
class DirectRung {
 public:
  DirectRung(bool lan_allowed, bool direct_allowed, Duration first_backoff, Duration backoff_limit)
      : lan_allowed_(lan_allowed), direct_allowed_(direct_allowed), backoff_(first_backoff, backoff_limit) {}

  /// At most kMaxDirectEndpoints of either kind are used, some of each address family. New ones are tried at once.
  /// `has_near` says that the first of them are of our own networks. The caller leaves out what is not allowed.
  void set_endpoints(Instant now, std::vector<Endpoint> tcp, std::vector<Endpoint> quic, bool has_near);
  /// A connection to the peer stands, whoever made it: it can be used without dialling.
  void set_connected(Instant now, bool connected);
  /// A hole is there: a connection can be made to it. `ours`: we are the one to make it; else the peer makes one, and
  /// only if it does not come we do. It counts as punched what then runs to that address.
  void set_hole(Instant now, const Endpoint& hole, bool ours);
  void drop_hole() { hole_.reset(); }
  void retry_now(Instant now);

  /// Starts an attempt if one is due, ends one that takes too long.
  void step(Instant now, PathIds& ids, Random& random, std::deque<Action>& actions);
  void drop_attempt(std::deque<Action>& actions);
  /// Ends an open path on which nothing is fetched, when it has been of no use since `released` and longer than
  /// kDirectLinger.
  void close_if_forgotten(Instant now, Instant released, std::deque<Action>& actions);

  /// False when the path is not this rung's.
  /// `rung` is what it turned out to be: kLan, kDirect or kPunched.
  bool handle_open(Instant now, PathId path, Duration rtt, Rung rung);
  /// True when the path was open and is lost.
  bool handle_closed(Instant now, PathId path, std::string reason, Random& random);
  void handle_delivered(std::uint64_t bytes);

  [[nodiscard]] bool is_allowed() const { return lan_allowed_ || direct_allowed_; }
  [[nodiscard]] bool is_possible() const {
    return hole_ || (is_allowed() && (connected_ || !endpoints_.empty() || !quic_.empty()));
  }
  [[nodiscard]] bool is_trying() const { return attempt_.has_value(); }
  /// An attempt is under way or due.
  [[nodiscard]] bool may_come(Instant now) const {
    return !open_ && is_possible() && (attempt_.has_value() || next_try_ <= now);
  }
  [[nodiscard]] std::optional<OpenPathState>& open() { return open_; }
  [[nodiscard]] const std::optional<OpenPathState>& open() const { return open_; }
  [[nodiscard]] bool owns(PathId path) const { return attempt_ == path || (open_ && open_->path == path); }
  [[nodiscard]] std::optional<Instant> next_try() const;
  /// When step() has something to do, `wanted` or not.
  [[nodiscard]] std::optional<Instant> deadline(bool wanted, Instant released) const;
  [[nodiscard]] const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  [[nodiscard]] bool is_connected() const { return connected_; }
  /// Of the open path.
  [[nodiscard]] Rung rung() const { return rung_; }
  [[nodiscard]] const std::optional<Endpoint>& hole() const { return hole_; }
  [[nodiscard]] std::uint64_t punched_bytes() const { return punched_bytes_; }
  /// `rung` is kLan or kDirect.
  [[nodiscard]] RungView view(Rung rung, bool wanted) const;

 private:
  bool lan_allowed_;
  bool direct_allowed_;
  bool has_near_ = false;
  std::vector<Endpoint> endpoints_;  ///< TCP
  std::vector<Endpoint> quic_;
  bool connected_ = false;
  Backoff backoff_;
  Instant next_try_;
  std::string reason_;
  std::optional<PathId> attempt_;
  Instant attempt_deadline_;
  std::optional<OpenPathState> open_;
  Rung rung_ = Rung::kDirect;
  std::uint64_t lan_bytes_ = 0;
  std::uint64_t direct_bytes_ = 0;
  std::uint64_t punched_bytes_ = 0;
  std::optional<Endpoint> hole_;
};

/// Drops from the end of the more numerous address family until `limit` are left.
void keep_both_families(std::vector<Endpoint>& endpoints, std::size_t limit);

}  // namespace turnpike::path
