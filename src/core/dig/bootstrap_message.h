// What old nodes ask of a bootstrap, and the JSON they expect back (docs/protocols/legacy-bootstrap.md). None of it is
// signed: whoever speaks is not proved.
#pragma once

#include <bitset>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "core/dig/json.h"

namespace turnpike::dig {

constexpr std::size_t kMaxRequestSize = std::size_t{1} << 20U;  ///< About 15,000 store ids.
constexpr std::size_t kMaxAddresses = 16;
constexpr std::size_t kMaxTurnAddresses = 8;
constexpr std::size_t kMaxStoresPerPeer = 16'000;
constexpr std::size_t kMaxStoreText = 256;  ///< Longer file names are no reason to refuse a node, nor to look at them.
constexpr std::size_t kMaxVersionText = 32;
constexpr std::size_t kMaxSessionText = 64;
constexpr std::uint64_t kMaxTurnCapacity = 10'000;
constexpr std::uint64_t kMaxMbps = 1'000'000;

/// What an old node says it can do. Its own word only.
struct Capabilities {
  static constexpr std::size_t kCount = 12;
  std::bitset<kCount> has{};  ///< By capability_names().

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};
[[nodiscard]] std::span<const std::string_view, Capabilities::kCount> capability_names();
[[nodiscard]] std::size_t capability_of(std::string_view name);  ///< kCount for others.

/// POST /register
struct RegisterRequest {
  PeerId peer{};
  std::vector<std::string> addresses{};  ///< Multiaddrs, 1 at least.
  std::vector<StoreId> stores{};         ///< Sorted, each once.
  std::size_t ignored_stores = 0;        ///< File names that are no store ids.
  std::string version = "1.0.0";
  bool privacy_mode = false;
  Capabilities capabilities{};
  bool turn_capable = false;  ///< Either way of saying so.
  bool bootstrap_capable = false;
  std::vector<Endpoint> turn_addresses{};  ///< Claimed, not proved.
  std::optional<std::uint16_t> turn_port{};
  std::uint32_t turn_capacity = 10;
};
[[nodiscard]] Result<RegisterRequest, BadMessage> parse_register(ByteView text);

/// POST /heartbeat
[[nodiscard]] Result<PeerId, BadMessage> parse_heartbeat(ByteView text);

/// POST /register-turn-server
struct TurnServerRequest {
  PeerId peer{};
  std::vector<Endpoint> turn_addresses{};  ///< 1 at least.
  std::uint16_t turn_port = 0;
  std::uint32_t turn_capacity = 10;
};
[[nodiscard]] Result<TurnServerRequest, BadMessage> parse_turn_server(ByteView text);

/// POST /allocate-turn. What it says of its tier is not believed, and not kept.
struct AllocateRequest {
  PeerId peer{};
  std::optional<std::string> session{};
  std::uint32_t mbps = 10;
  bool p2p_attempted = false;
};
[[nodiscard]] Result<AllocateRequest, BadMessage> parse_allocate(ByteView text);

/// Of bytes, both ends counted in, as the old nodes have it.
struct ByteSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< Not below `first`.

  friend bool operator==(const ByteSpan&, const ByteSpan&) = default;
};

/// POST /relay-store, and POST to the relayEndpoint it names. One caller of the former names the source in `to` and
/// itself in `from`; the latter always has the source in `from`.
struct RelayRequest {
  StoreId store{};
  PeerId from{};
  PeerId to{};
  std::optional<ByteSpan> range{};
};
[[nodiscard]] Result<RelayRequest, BadMessage> parse_relay(ByteView text);

/// What is read of an old node's own GET /health: whether it says to be `peer`.
[[nodiscard]] bool names_peer(ByteView health, const PeerId& peer);

/// One peer as an old node is told of it.
struct PeerRecord {
  PeerId peer{};
  std::vector<std::string> addresses{};
  std::vector<StoreId> stores{};
  WallTime last_seen{};
  std::string version = "1.0.0";
  bool bootstrap_capable = false;
  bool privacy_mode = false;
  Capabilities capabilities{};
  std::vector<Endpoint> turn{};  ///< Proved, as old nodes are told of them (told_for). Empty: not turnCapable.
  std::uint32_t turn_capacity = 10;
};

/// Which optional fields GET /peers was asked for.
struct PeersQuery {
  bool stores = false;
  bool capabilities = false;
};

/// Why money is no object, or is. What no ledger keeps stays unset, and is null in the JSON.
struct CostInfo {
  std::string_view mode = "normal";
  std::optional<double> spend{};                        ///< Dollars, this month.
  std::optional<double> projected{};                    ///< Dollars, at the month's end.
  std::optional<double> budget{};                       ///< Dollars a month.
  std::optional<double> fixed{};                        ///< Of the spend, what is paid whatever flows.
  std::size_t sessions = 0;                             ///< Relay sessions that run now.
  std::optional<std::array<std::size_t, 4>> by_tier{};  ///< Of them: free, basic, standard, premium. Unset: all free.
};

struct HealthAnswer {
  PeerId bootstrap{};
  std::string version{};
  std::optional<std::string> public_url{};
  std::uint64_t uptime_seconds = 0;
  std::size_t peers = 0;
  std::size_t turn_servers = 0;
  std::size_t connections = 0;
  CostInfo cost{};
};

/// Where an old node fetches from, over us.
struct RelayAnswer {
  std::string endpoint{};          ///< Absolute URL: old nodes post to it verbatim.
  std::string host{};              ///< Of that URL,
  std::uint16_t port = 0;          ///< and its port.
  std::vector<Endpoint> direct{};  ///< Proved addresses of the source itself, as told to old nodes.
  std::optional<ByteSpan> range{};
};

/// How many were dropped for being silent, and are there now: stands in the answers to register and heartbeat.
struct Census {
  std::size_t peers = 0;
  std::size_t cleaned = 0;
  std::size_t turn_servers = 0;
};

[[nodiscard]] std::string encode_health(const HealthAnswer& answer, WallTime now);
[[nodiscard]] std::string encode_registered(const PeerId& peer, const Census& census, std::size_t ignored_stores,
                                            WallTime now);
[[nodiscard]] std::string encode_heartbeat(const PeerId& peer, const Census& census, WallTime now);
[[nodiscard]] std::string encode_turn_registered(const Census& census);
[[nodiscard]] std::string encode_peers(std::span<const PeerRecord> peers, const PeersQuery& query,
                                       std::size_t registered, WallTime now);
[[nodiscard]] std::string encode_turn_servers(std::span<const PeerRecord> peers, WallTime now);
[[nodiscard]] std::string encode_stats(const HealthAnswer& answer, WallTime now);
/// `weight` in sharing, as old nodes have it: 10 is premium, 0.1 free.
[[nodiscard]] std::string encode_allocated(std::string_view session, std::uint64_t mbps, std::uint64_t seconds,
                                           double weight, const CostInfo& cost);
[[nodiscard]] std::string encode_cost_stats(const CostInfo& cost, WallTime now);
[[nodiscard]] std::string encode_relay(const RelayAnswer& answer);

/// {error, and what else is said}. Zero or empty: left out.
struct ErrorAnswer {
  std::string error{};
  std::uint64_t retry_after_seconds = 0;
  std::string suggestion{};
  std::optional<CostInfo> cost{};  ///< Where money is the reason.
  bool shutdown = false;           ///< Nothing is relayed any more this month.
};
[[nodiscard]] std::string encode_error(const ErrorAnswer& answer);

}  // namespace turnpike::dig
