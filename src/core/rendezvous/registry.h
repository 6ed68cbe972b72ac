// Who holds which store, in little memory: contents are interned, holders are numbers, and all of it is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/endpoint.h"
#include "base/index_table.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "core/identity/replay.h"
#include "core/rendezvous/control.h"
#include "core/rendezvous/id_list.h"

namespace turnpike::rendezvous {

constexpr Duration kRegistrationLifetime = std::chrono::seconds(600);  ///< Since the last registration or heartbeat.
constexpr std::size_t kMaxHoldersScanned = 256;                        ///< For one answer, however many hold a store.
constexpr std::size_t kMaxContentsPerAnswer = 16;  ///< Different bytes announced for one store id; most held first.
constexpr std::size_t kMaxPerNetworkInAnswer =
    8;  ///< Of one content from one /24 or /48, before other networks' are in.

struct RegistryLimits {
  std::size_t peers = 200'000;
  std::size_t peers_per_address = 64;    ///< IPv4 address, or /64 for IPv6
  std::size_t peers_per_network = 1024;  ///< /24, or /48 for IPv6
  std::size_t entries = 20'000'000;      ///< (peer, content) pairs, over all peers
  std::size_t contents = 4'000'000;      ///< distinct (id, size, root)
};

enum class RegistryError : std::uint8_t {
  kReplayed,         ///< The peer's fault: its seq is not above its last.
  kFull,             ///< RegistryLimits::peers
  kAddressFull,      ///< RegistryLimits::peers_per_address
  kNetworkFull,      ///< RegistryLimits::peers_per_network
  kTooManyEntries,   ///< RegistryLimits::entries
  kTooManyContents,  ///< RegistryLimits::contents
};

/// Whom an answer is for: it decides which addresses are shown.
struct Asker {
  IpAddress observed;
  std::optional<PeerId> peer;  ///< Never shown to itself.
};

/// May two hosts, seen at these addresses, share a network that does not reach further? Same address: the same NAT (for
/// IPv6 the same /64). Both not global: the bootstrap stands inside that network itself.
[[nodiscard]] bool may_share_network(const IpAddress& a, const IpAddress& b);

/// Registrations, found by peer and by store. Give it verified ones only: it checks seq and limits, not signatures.
class Registry {
 public:
  explicit Registry(Random& random, RegistryLimits limits = {});

  /// Replaces what `peer` registered before, if `seq` is higher than all seen from it. `registration.stores` is sorted,
  /// as decode_registration leaves it. An error changes nothing.
  [[nodiscard]] Status<RegistryError> put(Now now, const PeerId& peer, const IpAddress& observed, std::uint64_t seq,
                                          const Registration& registration);
  /// That service of a registered peer is proved from outside, until then. Global endpoints are shown while they are.
  void prove(const PeerId& peer, const Service& service, Instant until);
  /// The peer still lives. False: it is not registered, or no longer.
  [[nodiscard]] bool refresh(Instant now, const PeerId& peer);
  /// Says whether a relay can reach a registered peer; others are passed over.
  void set_connected(const PeerId& peer, bool connected);
  /// Forgets who has not been heard of for kRegistrationLifetime.
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// At most kMaxAnnouncersPerStore; where there are more, others each time. Connected ones first.
  [[nodiscard]] FoundStore lookup(const store::StoreId& id, const Asker& asker);
  /// The contents that became known after `since`, oldest first, at most `limit` (not 0) of them.
  [[nodiscard]] Inventory inventory(const Cursor& since, std::size_t limit = kMaxInventoryPage) const;
  /// Where the inventory ends; its version rises with each content that becomes known.
  [[nodiscard]] Cursor head() const { return {epoch_, next_version_ - 1}; }

  /// A registered peer, for lists.
  struct Listing {
    PeerId peer;
    IpAddress observed;
    std::vector<Endpoint> http;  ///< As `asker` may see them.
    std::vector<Service> services;
    std::size_t stores = 0;
    bool connected = false;
    Instant expires;
    std::uint64_t seq = 0;
  };
  /// One peer, as `asker` may see it.
  [[nodiscard]] std::optional<Listing> find(const PeerId& peer, const Asker& asker) const;
  /// Those after `after`, by peer id.
  [[nodiscard]] std::vector<Listing> list(const std::optional<PeerId>& after, std::size_t limit,
                                          const Asker& asker) const;

  /// Peers that relay by TURN, are connected, and have a proved turn service that `asker` may see: `about` alone, or at
  /// most kMaxTurnServers, others each time where there are more.
  [[nodiscard]] std::vector<TurnServer> turn_servers(const Asker& asker, const std::optional<PeerId>& about);

  [[nodiscard]] bool contains(const PeerId& peer) const { return by_peer_.contains(peer); }
  /// What `peer` says it holds as `id`, and how it can be reached. Unset where it does not.
  [[nodiscard]] std::optional<Announcer> held_by(const PeerId& peer, const store::StoreId& id,
                                                 const Asker& asker) const;
  /// Ids of what it holds, at most `limit`.
  [[nodiscard]] std::vector<store::StoreId> stores_of(const PeerId& peer, std::size_t limit) const;

  [[nodiscard]] std::size_t peer_count() const { return by_peer_.size(); }
  [[nodiscard]] std::size_t store_count() const { return by_store_.size(); }
  [[nodiscard]] std::size_t content_count() const { return by_content_.size(); }
  [[nodiscard]] std::size_t entry_count() const { return entries_; }

 private:
  using Number = std::uint32_t;
  static constexpr Number kNone = UINT32_MAX;

  struct Item {  // a content somebody holds
    Entry entry;
    IdList holders;  // numbers of peers
    std::uint64_t version = 0;
    Number previous =
        kNone;  // contents of the same store, roughly from the most held down; `next` also chains free ones
    Number next = kNone;
  };
  struct Listed {
    Service service;
    Instant proved_until;  // of no meaning where the endpoint is not global
  };
  struct Peer {
    PeerId id;
    IpAddress observed;
    std::uint64_t seq = 0;
    Instant expires;
    std::vector<Listed> services;
    std::vector<Number> items;  // sorted
    Number older = kNone;       // by the time of the last sign of life; `newer` also chains free ones
    Number newer = kNone;
    bool connected = false;
    bool relays = false;
  };
  struct Known {
    std::uint64_t version = 0;
    Number item = kNone;
  };

  [[nodiscard]] std::optional<RegistryError> limit_reached(const Peer* old, const IpAddress& observed,
                                                           const Registration& registration) const;
  [[nodiscard]] std::uint64_t hash_of(const store::StoreId& id) const { return hash_(id.bytes); }
  [[nodiscard]] std::uint64_t hash_of(const Entry& entry) const {
    return hash_(entry.content.root, hash_(entry.id.bytes, entry.content.size));
  }
  [[nodiscard]] std::optional<Number> find(const Entry& entry) const;
  [[nodiscard]] std::optional<Number> find(const store::StoreId& id) const;
  [[nodiscard]] Number intern(const Entry& entry);
  void hold(Number item, Number peer);
  void let_go(Number item, Number peer);
  void chain_in(Number item);
  void chain_out(Number item);
  void move_up(Number item);
  void log(Number item);
  [[nodiscard]] bool is_live(const Known& known) const { return items_[known.item].version == known.version; }

  [[nodiscard]] Number add_peer(const PeerId& peer, const IpAddress& observed);
  void move(Number peer, const IpAddress& observed);
  void remove_peer(Number peer);
  void touch(Number peer, Instant now);
  void unlink(Number peer);
  void count(const IpAddress& observed, int change);
  struct Visible {
    std::vector<Endpoint> http;
    std::vector<Service> services;
  };
  void set_relays(Number peer, bool relays);
  [[nodiscard]] std::optional<TurnServer> turn_server(Number number, const Asker& asker) const;
  [[nodiscard]] Listing listing(const Peer& peer, const Asker& asker) const;
  [[nodiscard]] Visible visible(const Peer& peer, const Asker& asker) const;
  [[nodiscard]] std::vector<Number> sample(const Item& item, std::size_t scan, const Asker& asker);

  Random& random_;
  Instant now_;  // the last it was told
  RegistryLimits limits_;
  KeyedHash hash_;
  identity::ReplayWindow seen_;
  std::uint64_t epoch_;

  std::deque<Item> items_;  // deques: they grow without copying, and never hold twice what is needed
  Number free_item_ = kNone;
  IndexTable by_content_;
  IndexTable by_store_;    // the first item of each store's chain
  std::deque<Known> log_;  // by version; an item that was dropped since leaves a dead entry
  std::uint64_t next_version_ = 1;
  std::size_t entries_ = 0;

  std::deque<Peer> peers_;
  Number free_peer_ = kNone;
  Number oldest_ = kNone;
  Number newest_ = kNone;
  std::map<PeerId, Number> by_peer_;
  IdList relaying_;
  std::map<IpAddress, std::uint32_t> by_address_;
  std::map<IpAddress, std::uint32_t> by_network_;
};

}  // namespace turnpike::rendezvous
