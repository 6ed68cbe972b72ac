// Who holds which store, in little memory: contents are interned, holders are numbers, and all of it is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/endpoint.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/replay.h"
#include "core/rendezvous/control.h"

namespace turnpike::rendezvous {

constexpr Duration kRegistrationLifetime = std::chrono::seconds(600);  ///< Since the last registration or heartbeat.
constexpr std::size_t kMaxHoldersScanned = 256;                        ///< For one answer, however many hold a store.
constexpr std::size_t kMaxContentsPerAnswer = 16;                      ///< Different bytes announced for one store id.
constexpr std::size_t kMaxPerNetworkInAnswer = 8;  ///< Announcers from one /24 or /48, so that none fills an answer.

struct RegistryLimits {
  std::size_t peers = 200'000;
  std::size_t peers_per_address = 64;
  std::size_t peers_per_network = 1024;  ///< /24, or /48 for IPv6
  std::size_t entries = 20'000'000;      ///< (peer, content) pairs, over all peers.
  std::size_t contents = 4'000'000;      ///< Distinct (id, size, root).
};

enum class RegistryError : std::uint8_t {
  kReplayed,
  kFull,
  kAddressFull,
  kNetworkFull,
  kTooManyEntries,
  kTooManyContents
};

/// Registrations, found by peer and by store. Give it verified ones only: it checks seq and limits, not signatures.
class Registry {
 public:
  explicit Registry(Random& random, RegistryLimits limits = {});

  /// Replaces what `peer` registered before, if `seq` is higher than all seen from it. `registration.stores` is sorted.
  [[nodiscard]] Status<RegistryError> put(Now now, const PeerId& peer, const IpAddress& observed, std::uint64_t seq,
                                          const Registration& registration);
  /// The peer still lives. False: it is not registered (any more).
  [[nodiscard]] bool refresh(Instant now, const PeerId& peer);
  /// Says whether a relay can reach the peer. Peers that are not registered are passed over; put() keeps what was said.
  void set_connected(const PeerId& peer, bool connected);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// At most kMaxAnnouncersPerStore; among more, others each time. Never the asker itself, if it is given.
  [[nodiscard]] FoundStore lookup(const store::StoreId& id, const IpAddress& asker_address,
                                  const std::optional<PeerId>& asker);
  /// The contents announced after `since`, oldest first, at most `limit` of them.
  [[nodiscard]] Inventory inventory(const Cursor& since, std::size_t limit = kMaxInventoryPage) const;
  /// Rises with each content that becomes known.
  [[nodiscard]] Cursor head() const;
};

}  // namespace turnpike::rendezvous
