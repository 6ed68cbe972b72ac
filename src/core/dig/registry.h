// The old nodes that are registered, none of them proved: bounded, by address and network too, and apart from the
// signed registrations, whose ids they can neither take nor keep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/endpoint.h"
#include "base/result.h"
#include "base/time.h"
#include "core/dig/bootstrap_message.h"

namespace turnpike::dig {

constexpr Duration kRegistrationLifetime = std::chrono::seconds(600);  ///< Since the last register or heartbeat.
/// A live id is its network's: from elsewhere it can be taken over only when it has missed two heartbeats.
constexpr Duration kTakeoverSilence = std::chrono::seconds(270);
constexpr Duration kProofLifetime = std::chrono::minutes(30);

struct RegistryLimits {
  std::size_t peers = 10'000;           ///< At most about 3 KiB each beside their stores.
  std::size_t peers_per_address = 64;   ///< IPv4 address, or /64 for IPv6
  std::size_t peers_per_network = 256;  ///< /24, or /48 for IPv6
  std::size_t entries = 1'000'000;      ///< (peer, store) pairs, 32 bytes each
};

enum class RegistryError : std::uint8_t {
  kSigned,       ///< A signed registration has this id: an unsigned one is not believed.
  kTaken,        ///< Somebody in another network has this id, and lives.
  kUnknown,      ///< Not registered, or no longer.
  kFull,         ///< RegistryLimits::peers
  kAddressFull,  ///< RegistryLimits::peers_per_address
  kNetworkFull,  ///< RegistryLimits::peers_per_network
  kEntriesFull,  ///< RegistryLimits::entries
};
[[nodiscard]] std::string_view to_string(RegistryError error);

/// A pure machine. Call handle_timeout before getters that should see only the living.
class Registry {
 public:
  explicit Registry(RegistryLimits limits = {}) : limits_(limits) {}

  /// Replaces what the same peer said before. `is_signed`: its id has a signed registration now. An error changes
  /// nothing.
  [[nodiscard]] Status<RegistryError> put(Now now, const IpAddress& observed, RegisterRequest request, bool is_signed);
  /// POST /heartbeat
  [[nodiscard]] Status<RegistryError> refresh(Now now, const IpAddress& observed, const PeerId& peer);
  /// POST /register-turn-server: what it claims, on top of its registration.
  [[nodiscard]] Status<RegistryError> claim_turn(Now now, const IpAddress& observed, const TurnServerRequest& request);
  /// Its HTTP was found at `http`, and said to be this peer's. Until kProofLifetime, and while it claims it.
  void prove(Now now, const PeerId& peer, const Endpoint& http);
  void withdraw_proof(const PeerId& peer);
  /// A signed registration has come for this id.
  void drop(const PeerId& peer);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// What may be proved: claimed TCP addresses, of which the HTTP would be at the address the peer is seen at. None
  /// where a proof holds for at least half its lifetime more.
  [[nodiscard]] std::optional<Endpoint> to_prove(Instant now, const PeerId& peer) const;
  /// As an old node is told of it. Unset: unknown.
  [[nodiscard]] std::optional<PeerRecord> find(Instant now, const PeerId& peer) const;
  /// At most `limit` after `after`, by id, with at most `max_stores` store ids altogether.
  [[nodiscard]] std::vector<PeerRecord> list(Instant now, const std::optional<PeerId>& after, std::size_t limit,
                                             std::size_t max_stores) const;
  [[nodiscard]] bool contains(const PeerId& peer) const { return peers_.contains(peer); }
  [[nodiscard]] std::size_t size() const { return peers_.size(); }
  [[nodiscard]] std::size_t entries() const { return entries_; }
  /// How many have been dropped for silence, ever.
  [[nodiscard]] std::uint64_t expired() const { return expired_; }
  [[nodiscard]] std::size_t proved(Instant now) const;

 private:
  struct Proof {
    Endpoint http;
    Instant until;
  };
  struct Peer {
    IpAddress observed;
    RegisterRequest said;
    WallTime last_seen;
    Instant expires;
    std::optional<Proof> proof;
  };
  using Table = std::map<PeerId, Peer>;

  [[nodiscard]] std::optional<RegistryError> limit_reached(const Peer* old, const IpAddress& observed,
                                                           std::size_t stores) const;
  [[nodiscard]] PeerRecord record_of(Instant now, const PeerId& id, const Peer& peer, std::size_t max_stores) const;
  void touch(Now now, Table::iterator at);
  void remove(Table::iterator at);
  void count(const IpAddress& observed, int change);

  RegistryLimits limits_;
  Table peers_;
  std::set<std::pair<Instant, PeerId>> deadlines_;
  std::map<IpAddress, std::uint32_t> by_address_;
  std::map<IpAddress, std::uint32_t> by_network_;
  std::size_t entries_ = 0;
  std::uint64_t expired_ = 0;
};

}  // namespace turnpike::dig
