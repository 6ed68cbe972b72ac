// The node's port mapping: the IPv4 router's five ports as one group, and holes for the same five in the IPv6 router's
// firewall. Anew on each network, gone from the routers when it is closed.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/machine.h"
#include "base/random.h"
#include "core/portmap/router.h"

namespace turnpike::portmap {

/// The way out in one address family.
struct Uplink {
  IpAddress gateway;
  IpAddress own;  ///< Of this machine, on the gateway's network.
  friend bool operator==(const Uplink&, const Uplink&) = default;
};

struct Network {
  std::optional<Uplink> v4;
  std::optional<Uplink> v6;  ///< Only with a global address of our own.
  friend bool operator==(const Network&, const Network&) = default;
};

struct MapperConfig {
  std::uint16_t port = 4001;  ///< P, 1 to kMaxBase.
  std::vector<Protocol> protocols{kAllProtocols.begin(), kAllProtocols.end()};
  Digest secret{};
};

/// Something that others were, or may now be, told of has changed.
struct Change {
  enum class Kind : std::uint8_t { kMapped, kChanged, kLost };
  Kind kind = Kind::kMapped;
  IpAddress::Family family = IpAddress::Family::kV4;
  std::vector<Mapping> mappings;  ///< All of that family, as the router says; empty when lost.
  Verdict verdict = Verdict::kMapped;
  std::string reason;
};

class Mapper {
 public:
  using Event = Change;

  /// Asks nobody before it is told of a network. `random` outlives it.
  Mapper(const MapperConfig& config, Random& random) : config_(config), random_(&random) {}

  /// The same network again changes nothing. With another one everything starts anew; what the old one's router holds
  /// cannot be given back any more, and ends with its lease.
  void handle_network(Instant now, const Network& network);
  /// The machine slept, or the link was down: the routers are asked anew at once.
  void handle_wake_up(Instant now);
  /// From the routers' PCP and NAT-PMP port, also what they announce by multicast.
  void handle_datagram(Instant now, const Endpoint& from, ByteView datagram);
  void handle_upnp(Instant now, const upnp::Answer& answer);
  void handle_timeout(Instant now);
  /// Gives everything back, within kRemovalPatience.
  void close(Instant now);

  [[nodiscard]] std::optional<Transmit> poll_transmit();
  [[nodiscard]] std::optional<upnp::Command> poll_upnp();
  [[nodiscard]] std::optional<Change> poll_event();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] bool is_closed() const;
  [[nodiscard]] std::vector<Mapping> mappings() const;
  [[nodiscard]] std::vector<RouterView> view() const;  ///< IPv4 first.

 private:
  struct Side {
    IpAddress::Family family;
    std::optional<Router> router;
    std::optional<Uplink> uplink;
    std::vector<Mapping> told;
  };

  void connect(Instant now, Side& side, const std::optional<Uplink>& uplink);
  void tell(Side& side);
  void tell_all();

  MapperConfig config_;
  Random* random_;
  std::uint64_t upnp_ids_ = 0;
  std::array<Side, 2> sides_{Side{IpAddress::Family::kV4, {}, {}, {}}, Side{IpAddress::Family::kV6, {}, {}, {}}};
  std::deque<Change> events_;
  bool closing_ = false;
};

}  // namespace turnpike::portmap
