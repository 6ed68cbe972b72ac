// One router in one address family: which protocols it answers, and the node's five ports on it, kept for as long as
// the node runs. PCP, NAT-PMP and UPnP are asked together; the best that answers is used, the others are what is left
// when it fails.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/machine.h"
#include "base/random.h"
#include "core/portmap/nat_pmp_client.h"
#include "core/portmap/pcp_client.h"
#include "core/portmap/port_set.h"
#include "core/portmap/restraint.h"
#include "core/portmap/upnp_client.h"
#include "core/portmap/view.h"

namespace turnpike::portmap {

constexpr Duration kSettle = std::chrono::milliseconds(200);  ///< What answers is used when no better one has by then.
constexpr Duration kProbePatience = std::chrono::seconds(6);  ///< Then "no router answers", though we still listen.
constexpr Duration kAskPatience = std::chrono::seconds(25);   ///< For a router that answered before.
constexpr Duration kCheckPeriod = std::chrono::seconds(30);  ///< Its epoch and external address are looked at so often.
constexpr Duration kFirstRetry = std::chrono::seconds(130);  ///< NAT-PMP's nine requests have been sent by then.
constexpr Duration kLongestRetry = std::chrono::minutes(30);    ///< Each wait is twice the one before.
constexpr Duration kRemovalPatience = std::chrono::seconds(3);  ///< All mappings are given back by then, or their
                                                                ///< leases end by themselves.

struct RouterConfig {
  IpAddress gateway;
  IpAddress own;  ///< Of the gateway's family. In IPv6 the global address that the pinholes are for.
  std::uint16_t port = 4001;
  std::vector<Protocol> protocols{kAllProtocols.begin(), kAllProtocols.end()};  ///< NAT-PMP has no IPv6.
  Digest secret{};                                                              ///< Of this node, for PCP's nonces.
  std::uint64_t first_upnp_id = 0;
};

class Router {
 public:
  /// Starts to ask at once. `random` outlives it.
  Router(Instant now, const RouterConfig& config, Random& random);
  Router(Router&&) = default;
  Router& operator=(Router&&) = default;

  void handle_datagram(Instant now, const Endpoint& from, ByteView datagram);
  void handle_upnp(Instant now, const upnp::Answer& answer);
  void handle_timeout(Instant now);
  /// Gives everything back. Nothing is asked for any more.
  void close(Instant now);

  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] std::optional<upnp::Command> poll_upnp();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] bool is_closed() const { return phase_ == Phase::kClosed; }
  /// Mappings and verdict are what they will be until something else happens.
  [[nodiscard]] bool is_settled() const;
  /// What the router says it forwards, whatever its external address is worth. Empty while that changes all the time.
  [[nodiscard]] std::vector<Mapping> mappings() const;
  [[nodiscard]] Verdict verdict() const;
  [[nodiscard]] std::string reason() const;
  [[nodiscard]] RouterView view() const;

 private:
  enum class Phase : std::uint8_t { kSearching, kInUse, kWaiting, kClosing, kClosed };
  enum class LaneState : std::uint8_t { kAsked, kPresent, kFailed };
  struct Way {
    Protocol protocol;
    Lane* lane;
    LaneState state = LaneState::kAsked;
    Refusal why = Refusal::kNoAnswer;
    std::string detail;
    std::optional<IpAddress> external;
  };

  void search(Instant now);
  void consider(Instant now);
  void use(Instant now, std::size_t way);
  void leave(Instant now);
  void wait(Instant now);
  void run(Instant now);
  void take(Instant now, std::size_t way, const LaneEvent& event);
  void take_refusal(Instant now, std::size_t way, const Refused& refused);
  void check(Instant now);
  void forgotten(Instant now);
  void note_external(Instant now, const IpAddress& external);
  void react(Instant now);
  [[nodiscard]] bool in_use(std::size_t way) const { return current_ == way && set_.has_value(); }
  [[nodiscard]] std::optional<std::size_t> best() const;
  [[nodiscard]] Verdict failed_verdict() const;
  [[nodiscard]] std::string words_of_set() const;

  RouterConfig config_;
  Random* random_;
  std::unique_ptr<PcpClient> pcp_;
  std::unique_ptr<NatPmpClient> nat_pmp_;
  std::unique_ptr<UpnpClient> upnp_;
  std::vector<Way> ways_;  // best first
  Phase phase_ = Phase::kSearching;
  std::optional<std::size_t> current_;
  std::optional<PortSet> set_;
  std::optional<IpAddress> external_;
  std::optional<Refusal> connection_;  // why the router has no address, as it last said
  Restraint restraint_;
  bool unstable_ = false;
  bool was_held_ = false;

  std::optional<Instant> silent_at_;
  std::optional<Instant> choose_at_;
  std::optional<Instant> retry_at_;
  std::optional<Instant> check_at_;
  std::optional<Instant> answer_by_;
  std::optional<Instant> react_at_;
  std::optional<Instant> closed_by_;
  std::optional<Ask> asked_;
  bool is_silent_ = false;
  Duration retry_ = kFirstRetry;
};

}  // namespace turnpike::portmap
