// Agreeing on a punch (docs/protocols/punch.md): each end measures its NAT, the requester offers, the responder
// answers, and both begin.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/random.h"
#include "core/coordination/coordinator.h"
#include "core/punch/puncher.h"
#include "core/signal/message.h"

namespace turnpike::coordination {

constexpr std::size_t kMaxPunches = 16;                       ///< Under way, in either role.
constexpr std::size_t kMaxHoles = 32;                         ///< Those, and the holes that stand.
constexpr Duration kSightingsFresh = 10s;                     ///< What a NAT did then it does now.
constexpr Duration kMeasureNatLimit = 3s;                     ///< For the world's answer to MeasureNat.
constexpr Duration kPunchAnswerLimit = 5s;                    ///< For the responder's.
constexpr Duration kPunchRunLimit = 10s;                      ///< For the world's word of how it went.
constexpr Duration kPunchOfferPeriod = 3s;                    ///< Between two offers of one peer that are followed.
constexpr Duration kHopelessRetry = std::chrono::minutes(5);  ///< Where the two NATs leave no way.

/// What do STUN servers see of the port that is punched with? → handle_sightings
struct MeasureNat {};
/// Begin now. → handle_opened or handle_punch_failed
struct StartPunch {
  std::uint64_t id = 0;
  punch::LocalEnd local;
  punch::RemoteEnd remote;
};
/// A hole leads to the peer. `ours`: we asked for it, and are to connect.
struct HoleOpened {
  PeerId peer;
  Endpoint remote;
  bool ours = false;
};
struct HoleGone {
  PeerId peer;
};
struct PunchDenied {
  PeerId peer;
  std::string reason;  ///< For people.
  Duration retry_after{};
};
using PunchAction = std::variant<Say, MeasureNat, StartPunch, HoleOpened, HoleGone, PunchDenied>;

/// A pure machine: after every call that takes `now`, drain poll_action, then poll_timeout.
class Punching {
 public:
  Punching(PeerId self, Random& random) : self_(self), random_(random) {}

  /// Addresses of this machine, and ports that a router has mapped, on the port that is punched with. Empty: there is
  /// no such port, and nothing is punched.
  void set_own(std::vector<punch::Candidate> own) { own_ = std::move(own); }

  /// A hole to `peer`, agreed on over that bootstrap. HoleOpened or PunchDenied comes.
  void request(Now now, const PeerId& peer, std::size_t bootstrap);

  void handle_sightings(Now now, const std::vector<punch::Sighting>& seen);
  /// `observed`: where the carrier sees the sender. False when it is no signal of this matter.
  bool handle_signal(Now now, std::size_t bootstrap, const PeerId& from, const std::optional<IpAddress>& observed,
                     const signal::Message& message);
  void handle_opened(Now now, std::uint64_t id, const Endpoint& remote);
  void handle_punch_failed(Now now, std::uint64_t id, punch::PunchFailure why);
  /// What was opened is closed again.
  void handle_lost(Now now, std::uint64_t id);
  void handle_network_changed();
  void handle_timeout(Now now);

  [[nodiscard]] std::optional<PunchAction> poll_action();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// What is known of our NAT; unknown before the first punch.
  [[nodiscard]] const punch::Behaviour& behaviour() const { return behaviour_; }
  [[nodiscard]] std::size_t under_way() const;

 private:
  enum class Stage : std::uint8_t { kMeasuring, kOffered, kRunning, kOpen };
  struct Attempt {
    std::uint64_t id = 0;      // ours, for the world
    std::uint64_t number = 0;  // the requester's, for the other end
    std::size_t bootstrap = 0;
    bool ours = false;
    Stage stage = Stage::kMeasuring;
    Instant deadline;
    punch::Credentials credentials;
    std::vector<punch::Candidate> told{};
    std::optional<signal::PunchEnd> theirs{};
    std::vector<IpAddress> witnessed{};
  };

  [[nodiscard]] bool is_fresh(Instant now) const { return measured_ && now < *measured_ + kSightingsFresh; }
  [[nodiscard]] bool has_room() const { return under_way() < kMaxPunches && attempts_.size() < kMaxHoles; }
  void measure(Now now);
  void proceed(Now now, const PeerId& peer, Attempt& attempt);
  void start(Now now, Attempt& attempt);
  void on_offer(Now now, std::size_t bootstrap, const PeerId& from, const std::optional<IpAddress>& observed,
                const signal::PunchEnd& end);
  void on_answer(Now now, const PeerId& from, const std::optional<IpAddress>& observed, const signal::PunchEnd& end);
  [[nodiscard]] std::vector<punch::Candidate> candidates() const;
  void deny(const PeerId& peer, std::string reason, Duration retry_after = {});
  std::map<PeerId, Attempt>::iterator find(std::uint64_t id);

  PeerId self_;
  Random& random_;
  std::vector<punch::Candidate> own_;
  std::vector<punch::Sighting> seen_;
  punch::Behaviour behaviour_;
  std::optional<Instant> measured_;
  std::optional<Instant> measuring_;
  std::map<PeerId, Attempt> attempts_;  // by the other end
  std::map<PeerId, Instant> offered_;   // when an offer of it was last followed
  std::uint64_t last_id_ = 0;
  std::deque<PunchAction> actions_;
};

}  // namespace turnpike::coordination
