// The TURN server's pinned sessions: who may open one, how much it may carry, and when it ends.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/turn/donation.h"
#include "core/turn/grant.h"
#include "core/turn/virtual_ports.h"

namespace turnpike::turn {

constexpr std::size_t kMaxSessionsPerPeer = 4;             ///< That one peer asked for.
constexpr std::size_t kMaxSessionsPerNetwork = 16;         ///< Asked for from one /24, or one /64 of IPv6.
constexpr Duration kJoinLimit = std::chrono::seconds(30);  ///< Both ends must have allocated by then.
constexpr Duration kIdleLimit = std::chrono::minutes(2);   ///< Longest silence of a joined session.

struct SessionsPolicy {
  std::size_t max_sessions = 8;
  std::size_t max_per_peer = kMaxSessionsPerPeer;
  std::size_t max_per_network = kMaxSessionsPerNetwork;
  Limits limits{.bytes = std::uint64_t{4} << 30U, .bytes_per_second = 0};
  Duration lifetime = std::chrono::hours(1);
};

/// Which end of a session.
enum class Side : std::uint8_t { kRequester, kResponder };
[[nodiscard]] constexpr Side other(Side side) { return side == Side::kRequester ? Side::kResponder : Side::kRequester; }

struct Credential {
  std::string username;
  std::string password;
};

struct Opened {
  Grant grant;
  Credential requester;
  Credential responder;
};

enum class RefusalReason : std::uint8_t {
  kSelf,          ///< A session of a peer with itself.
  kFull,          ///< policy.max_sessions
  kPeerLimit,     ///< policy.max_per_peer
  kNetworkLimit,  ///< policy.max_per_network
  kSpent,         ///< Said by the server: the month's donation is used up.
  kNoAddress,     ///< No external address of that family, or no free port on it.
};
[[nodiscard]] std::string_view to_string(RefusalReason reason);

enum class EndReason : std::uint8_t { kClosed, kReplaced, kNotJoined, kIdle, kLimitReached, kExpired, kReleased };
[[nodiscard]] std::string_view to_string(EndReason reason);

struct Ended {
  SessionId session;
  PeerId requester;  ///< To whom the bytes are charged.
  EndReason reason{};
  std::uint64_t bytes = 0;
  /// Its allocations, which are over with it.
  std::array<std::optional<std::uint32_t>, 2> allocations{};
};

/// May these bytes pass, and if not, for how long should the sender rest.
struct Allowance {
  bool allowed = false;
  Duration rest{};
};

/// Pure: `now` comes in, Ended events and a deadline come out. Sessions end by boot time, so setting the wall clock
/// neither ends one nor keeps it. Drain poll_event after every call that takes `now`.
class Sessions {
 public:
  using Slot = std::uint32_t;

  /// Borrows both for life: relayed addresses are taken from `ports` and given back to it.
  Sessions(SessionsPolicy policy, VirtualPorts& ports, Random& random);

  /// One session for each (requester, responder): a second replaces the first, so reconnecting never fills the table.
  /// `from` is where the requester is seen at.
  [[nodiscard]] Result<Opened, RefusalReason> open(Now now, const PeerId& requester, const IpAddress& from,
                                                   const PeerId& responder, IpAddress::Family family);
  void close(const SessionId& session) { end_if_known(session, EndReason::kClosed); }
  /// An end gave its allocation back. When both have been there, and neither is, nobody needs it any more.
  void handle_released(Slot slot);
  void handle_timeout(Instant now);

  /// The session and end whose credential has this username, if it is one we gave and the session lives.
  struct End {
    Slot slot = 0;
    Side side{};

    friend bool operator==(const End&, const End&) = default;
  };
  [[nodiscard]] std::optional<End> find(std::string_view username) const;
  [[nodiscard]] std::string password_of(std::string_view username) const;

  // Of a live session:
  [[nodiscard]] const Grant& grant(Slot slot) const { return slots_[slot].grant; }
  [[nodiscard]] const Endpoint& relayed(End end) const;
  [[nodiscard]] Instant ends_at(Slot slot) const { return slots_[slot].end; }
  [[nodiscard]] std::optional<std::uint32_t> allocation(End end) const;
  void set_allocation(Instant now, End end, std::optional<std::uint32_t> allocation);
  /// Asks before `bytes` are forwarded. Reaching the granted bytes ends the session.
  [[nodiscard]] Allowance take(Instant now, Slot slot, std::uint64_t bytes);

  [[nodiscard]] std::optional<Ended> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  /// A session more could be opened, as far as the table goes.
  [[nodiscard]] bool has_room() const { return size() < policy_.max_sessions; }

 private:
  struct Session {
    Grant grant;
    IpAddress network;
    Instant end;
    Instant join_by;
    Instant last_byte;
    Instant deadline;  // as filed in deadlines_
    std::uint64_t bytes = 0;
    bool was_joined = false;
    Pace pace;
    std::array<std::optional<std::uint32_t>, 2> allocations{};

    [[nodiscard]] bool joined() const { return allocations[0] && allocations[1]; }
    [[nodiscard]] Instant next_deadline() const;
  };

  [[nodiscard]] std::optional<RefusalReason> refusal(const PeerId& requester, const IpAddress& network,
                                                     const PeerId& responder) const;
  void end_if_known(const SessionId& session, EndReason reason);
  void end(Slot slot, EndReason reason);
  void file(Slot slot);

  SessionsPolicy policy_;
  VirtualPorts& ports_;
  Random& random_;
  Digest secret_;
  std::vector<Session> slots_;
  std::vector<Slot> free_;
  std::map<SessionId, Slot> by_id_;
  std::map<std::pair<PeerId, PeerId>, Slot> by_pair_;
  std::map<PeerId, std::size_t> by_peer_;
  std::map<IpAddress, std::size_t> by_network_;
  std::set<std::pair<Instant, Slot>> deadlines_;
  std::deque<Ended> events_;
};

}  // namespace turnpike::turn
