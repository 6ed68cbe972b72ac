// The node's brain: tells what it knows to bootstraps, learns who has which stores, and brings every wanted one here
// over the cheapest path that works. Composes core/rendezvous, core/path and core/sync; routes, and holds no rule.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/network.h"
#include "base/random.h"
#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/inventory/follower.h"
#include "core/peer/command.h"
#include "core/peer/view.h"
#include "core/sync/mode.h"

namespace turnpike::peer {

using sync::parse_sync_mode;
using sync::SyncMode;

constexpr std::size_t kMaxBootstraps = 8;  ///< Those beyond are ignored.

struct Config {
  const crypto::SigningKey* identity = nullptr;  ///< Borrowed; outlives the brain.
  std::vector<std::string> bootstraps;  ///< URLs, for people; commands name them by index. At most kMaxBootstraps.
  std::vector<path::Rung> rungs{path::kAllRungs.begin(), path::kAllRungs.end()};
  SyncMode sync = SyncMode::kAll;
  std::uint64_t max_store = std::uint64_t{64} << 30U;  ///< A larger announced size is refused before allocation.
  std::optional<std::uint64_t> max_disk;               ///< For what sync brings here by itself; none: not limited.
  std::vector<identity::PeerId> trusted_peers;         ///< The operator vouches for what they announce.
  std::uint64_t last_sequence = 0;                     ///< What last_sequence() said when it was last persisted.
};

/// A machine as base/machine.h has it: drain poll_command after every handle_* and verb, then sleep until poll_timeout.
class Peer {
 public:
  Peer(Now now, Config config, Random& random);
  ~Peer();
  Peer(Peer&&) noexcept;
  Peer& operator=(Peer&&) noexcept;

  // The world to the brain.

  /// A complete, hashed `.dig` is in the folder. `mark` is what Commit said of it when it was us who put it there,
  /// else kOwn. Call for each at start (before the first handle_timeout if they are known by then) and whenever one
  /// appears or changes. One that is not `shared` is never told to anybody. After handle_committed it need not be
  /// called, and does no harm.
  void handle_local_store(Now now, store::StoreId store, store::Content content, sync::Mark mark = sync::Mark::kOwn,
                          bool shared = true);
  void handle_local_store_gone(Now now, store::StoreId store);
  /// Its file is there, but it is not known (yet) what is in it: it is not told to others, and not fetched over.
  void handle_local_store_in_doubt(Now now, store::StoreId store);
  /// Our disk has damaged a store that was fetched: it is not here any more, and what it was, with the mark it had, is
  /// to be fetched again before less sure bytes are.
  void handle_damaged(Now now, store::StoreId store, store::Content content, sync::Mark mark);
  /// A partial file of an earlier run is on the disk: it counts against max_disk, and goes when it is of no use.
  void handle_partial_found(Now now, const sync::Target& target);
  /// There is space on the disk again: what pauses for want of it is tried at once.
  void handle_space(Now now);
  /// The catalogue has been read once: until then nothing is fetched and nothing registered, lest what is here be
  /// fetched again. Must be called once.
  void handle_catalogue_ready(Now now);
  /// Where others may reach us, as far as this machine, a router or the operator knows: each service that is listened
  /// for, at each address. Private ones are registered for neighbours, global ones once they are proved.
  void handle_candidates(Now now, std::vector<reach::Candidate> candidates);
  /// The same for HTTP downloads alone, at addresses of this machine.
  void handle_listening(Now now, const std::vector<Endpoint>& http);
  /// What looks like a nonce of a proof came in at our service of that kind, from there.
  void handle_nonce(Now now, rendezvous::ServiceKind at, const rendezvous::ProofNonce& nonce, const IpAddress& from);
  /// From that service's own port we sent to an address that had not sent to it before: it can prove nothing there.
  void handle_sent(Now now, rendezvous::ServiceKind from, const IpAddress& to);
  /// A peer that was asked to dial that service of ours did, from there.
  void handle_dialled_back(Now now, const rendezvous::Service& target, const IpAddress& from);
  /// How a Probe ended.
  void handle_probed(Now now, std::uint64_t probe, rendezvous::ProbeOutcome outcome);
  /// Our own TURN server would take one session more, or not: it is registered.
  void set_relays(Now now, bool relays);
  /// What our TURN server says to an OpenTurnSession.
  void handle_session_decided(Now now, std::uint64_t ticket, const Result<turn::Opened, turn::RefusalReason>& decided);
  /// How a MeasureServer ended: without a time if it did not answer.
  void handle_server_measured(Now now, const identity::PeerId& server, std::optional<Duration> rtt);
  /// What came of a MeasureNat or a StartPunch.
  void handle_punch(Now now, const PunchNews& news);
  /// An address, a route or an interface changed, or the machine woke up: everything is tried again at once.
  void handle_network_changed(Now now);

  void handle_link_up(Now now, std::size_t bootstrap);
  void handle_link_down(Now now, std::size_t bootstrap, std::string_view reason);
  /// After handle_link_down: what a look at who answers there has shown. While a captive portal answers for every
  /// bootstrap, no path's failure counts against anybody; when it opens, everything is tried anew.
  void handle_link_judged(Now now, std::size_t bootstrap, bool captive, std::string_view text);
  void handle_link_message(Now now, std::size_t bootstrap, ByteView message);
  /// A ShowElsewhere was answered: the bootstrap sees us there over the other family.
  void handle_seen_elsewhere(Now now, std::size_t bootstrap, const IpAddress& observed);

  /// The networks this machine is in, its own addresses with their prefixes: what is within one of them goes by `lan`.
  void handle_networks(Now now, std::vector<IpNetwork> networks);
  /// Somebody of our own network says that `peer` answers there; it has proved nothing yet.
  void handle_neighbour(Now now, const identity::PeerId& peer, const std::vector<Endpoint>& tcp,
                        const std::vector<Endpoint>& quic = {}) {
    handle_found(now, peer, path::Found::kLan, tcp, quic);
  }
  /// What `peer`, which is connected from there, says of its stores (core/inventory).
  void handle_inventory(Now now, const identity::PeerId& peer, const IpAddress& from, const inventory::Change& change);
  /// Somebody says that `peer` answers there: a DHT, another peer, or our own memory. It has proved nothing yet.
  void handle_found(Now now, const identity::PeerId& peer, path::Found found, const std::vector<Endpoint>& tcp,
                    const std::vector<Endpoint>& quic = {});
  /// A connection of the libp2p host to `peer` stands, or its last one is gone; `found` is how it came about.
  void handle_peer_connected(Now now, const identity::PeerId& peer, path::Found found, const IpAddress& remote = {});
  void handle_peer_disconnected(Now now, const identity::PeerId& peer);

  /// `remote` is whom it runs to, where it is a connection of the libp2p host.
  void handle_path_open(Now now, path::PathId path, Duration rtt,
                        const std::optional<IpAddress>& remote = std::nullopt);
  void handle_path_closed(Now now, path::PathId path, const path::PathFailure& failure);

  /// `verified` has piece_count() entries: what the journal and the re-verification say is here.
  void handle_partial_open(Now now, const sync::Target& target, const std::vector<bool>& verified);
  void handle_partial_failed(Now now, const sync::Target& target, const sync::DiskFailure& failure);
  /// The piece is verified and written. `wire_bytes` is what it took to bring, refetched leaves included.
  void handle_piece(Now now, sync::FetchId fetch, std::uint32_t piece, std::uint64_t wire_bytes);
  void handle_fetch_ended(Now now, sync::FetchId fetch, const sync::FetchOutcome& outcome);
  void handle_committed(Now now, const sync::Target& target);
  void handle_commit_failed(Now now, const sync::Target& target, const sync::DiskFailure& failure);
  void handle_timeout(Now now);

  // The user's verbs.

  /// Wanted whatever the sync mode, before the others; durable if the shell repeats it after a restart.
  void want(Now now, store::StoreId store);
  void unwant(Now now, store::StoreId store);
  /// Not wanted, whatever the sync mode, until it is wanted again; what was fetched of it is thrown away. Durable if
  /// the shell repeats it after a restart.
  void refuse(Now now, store::StoreId store);
  /// A private store is told to nobody. Durable if the shell repeats it after a restart, before the store is told.
  void set_private(Now now, store::StoreId store, bool is_private);
  void set_max_disk(Now now, std::uint64_t bytes);
  /// From now on only these bytes are this store.
  void pin(Now now, store::StoreId store, store::Content content);
  void unpin(Now now, store::StoreId store);
  void set_sync(Now now, SyncMode mode);

  // The brain to the world.

  [[nodiscard]] std::optional<Command> poll_command();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // Getters.

  [[nodiscard]] const identity::PeerId& id() const;
  [[nodiscard]] std::uint64_t last_sequence()
      const;  ///< The highest number we signed a statement with; to be persisted.
  [[nodiscard]] SyncMode sync_mode() const;
  [[nodiscard]] std::optional<StoreView> store(store::StoreId store) const;
  [[nodiscard]] std::vector<identity::PeerId> holders(store::StoreId store) const;  ///< Who announces it.
  [[nodiscard]] std::vector<StoreView> stores() const;  ///< Held, wanted or known of; in order of id.
  /// Counts the changes of what public_stores() gives.
  [[nodiscard]] std::uint64_t locals_version() const;
  /// What is here and may be told to anybody, in order of id: no private store, none in doubt, none contested.
  [[nodiscard]] std::vector<store::Manifest> public_stores() const;
  /// Bytes that the smallest of the stores needs that pause for want of space; none while none does.
  [[nodiscard]] std::optional<std::uint64_t> space_wanted() const;
  [[nodiscard]] std::vector<TransferView> transfers() const;  ///< Under way first, then the latest completed ones.
  [[nodiscard]] std::vector<PeerView> peers() const;
  [[nodiscard]] std::vector<BootstrapView> bootstraps() const;
  /// Our own doors: what is proved, and what is wrong with the others.
  [[nodiscard]] std::vector<CandidateView> reachability() const;
  /// What is registered now: private endpoints, and proved ones.
  [[nodiscard]] const std::vector<rendezvous::Service>& services() const;
  [[nodiscard]] BytesByRung bytes_by_rung() const;  ///< Verified bytes of this run.

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace turnpike::peer
