// What the operator says of a node: from flags and the configuration file, already checked, for node::run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "core/connect/environment.h"
#include "core/identity/peer_id.h"
#include "core/multiaddr/multiaddr.h"
#include "core/path/rung.h"
#include "core/peer/peer.h"
#include "core/portmap/mapping.h"
#include "core/store/store_id.h"
#include "core/turn/donation.h"
#include "io/tcp/url.h"

namespace turnpike::node {

constexpr std::size_t kMaxRelaySessions = 1024;

/// HTTP downloads stand on port + 1000, and port + 2000 must exist too.
constexpr std::uint16_t kMaxPort = 65535 - 2000;

/// Only these bytes are this store.
struct Pin {
  store::StoreId store;
  store::Content content;

  friend bool operator==(const Pin&, const Pin&) = default;
};

struct NodeConfig {
  std::filesystem::path data;  ///< The `.dig` files; state in `.turnpike` below. Need not exist yet.
  std::uint16_t port = 4001;   ///< 1..kMaxPort.

  std::vector<io::Url> bootstraps;          ///< http or https; at most peer::kMaxBootstraps.
  std::vector<std::string> bootstrap_pins;  ///< base64url SHA-256 of a key; with none the system's authorities decide.
  std::string proxy;  ///< As --proxy has it: a URL with credentials maybe, so never shown. Empty: the environment's.
  connect::Proxies proxies;  ///< What came of it.
  peer::SyncMode sync = peer::SyncMode::kAll;
  std::vector<store::StoreId> stores;  ///< Wanted in every sync mode, and the list of `listed`.
  std::vector<path::Rung> rungs{path::kAllRungs.begin(), path::kAllRungs.end()};  ///< Never empty.

  bool mdns = true;  ///< Look for peers on our own networks, and answer theirs. Without the rung lan it is off too.

  bool dht = true;                          ///< Take part in the DHT.
  bool peer_exchange = true;                ///< Have peers introduce others, and introduce others to them.
  std::vector<multiaddr::Multiaddr> peers;  ///< Known to the operator: each with IP, TCP and a peer id.
  std::vector<Pin> pins;
  std::vector<identity::PeerId> trusted_peers;
  std::vector<Endpoint> advertise;  ///< HTTP addresses to register besides the machine's own: a forwarded port.

  /// By which protocols the router is asked to map our ports; none: it is not asked.
  std::vector<portmap::Protocol> portmap{portmap::kAllProtocols.begin(), portmap::kAllProtocols.end()};

  std::uint64_t max_store = std::uint64_t{64} << 30U;  ///< A larger announced size is refused.
  std::optional<std::uint64_t> max_disk;               ///< For what sync brings by itself; none: half the free space.
  std::uint64_t reserve = std::uint64_t{256} << 20U;   ///< Free space never used.
  /// Bytes a second; none: not limited. At least pace::kMinRate.
  std::optional<std::uint64_t> upload_limit;
  std::optional<std::uint64_t> download_limit;
  /// Relaying for others, once it is proved that we can be reached: what is given away.
  bool relay = true;
  std::uint64_t relay_per_month = turn::DonationCaps().bytes_per_month;
  std::uint64_t relay_rate = turn::DonationCaps().bytes_per_second;  ///< Bytes a second; 0: not limited.
  std::size_t relay_sessions = 8;                                    ///< At a time; 0..kMaxRelaySessions.
  std::vector<store::StoreId> private_stores;  ///< Told to nobody, besides those that `turnpike share` made so.
  std::string log_level = "info";              ///< debug, info, warning, error

  [[nodiscard]] std::uint16_t stun_port() const { return static_cast<std::uint16_t>(port + 2000); }
  [[nodiscard]] std::uint16_t http_port() const { return static_cast<std::uint16_t>(port + 1000); }
};

}  // namespace turnpike::node
