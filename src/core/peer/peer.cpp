#include "core/peer/peer.h"

#include <algorithm>
#include <deque>
#include <set>

#include "core/path/paths.h"
#include "core/peer/link.h"
#include "core/peer/relaying.h"
#include "core/sync/sync.h"

namespace turnpike::peer {
namespace {

const path::PathFailure kBehindPortal{path::PathEnd::kLocal, "this network has a captive portal"};

}  // namespace

struct Peer::Parts {
  Parts(Now start, Config given, Random& dice)
      : config(std::move(given)),
        id{config.identity->public_key()},
        now(start),
        sequence(config.last_sequence),
        paths(path::rungs_of(config.rungs), dice),
        sync({.mode = config.sync, .max_store = config.max_store, .max_disk = config.max_disk}, paths, dice),
        prover(dice),
        relaying({.key = config.identity, .sequence = &sequence, .seen_signals = &seen}, dice),
        trusted(config.trusted_peers.begin(), config.trusted_peers.end()) {
    if (config.bootstraps.size() > kMaxBootstraps) config.bootstraps.resize(kMaxBootstraps);
    for (const std::string& url : config.bootstraps) {
      const rendezvous::Client::Config client{.key = config.identity,
                                              .sequence = &sequence,
                                              .seen_signals = &seen,
                                              .expected = {},
                                              .url = url,
                                              .follow_inventory = true,
                                              .show_elsewhere = true};
      links.push_back(std::make_unique<Link>(start, client, dice));
    }
  }

  /// After anything happened: lets every part see it, and gathers what they want, until nobody wants more.
  void settle(Now at) {
    now = at;
    for (bool again = true; again;) {
      sync.handle_paths_changed(now);
      drain_reach();
      register_what_changed();
      for (const auto& link : links) link->client.set_follow_inventory(now, sync.book().wants_inventory());
      again = drain_sync();
      again |= drain_paths();
      again |= relaying.drain(now, links, paths, out);
      for (std::size_t i = 0; i < links.size(); ++i) again |= drain_link(i);
    }
  }

  /// A portal answers for one bootstrap, and no other one is connected.
  [[nodiscard]] bool is_captive() const {
    const auto captive = [](const auto& link) { return link->is_captive(); };
    const auto works = [](const auto& link) { return link->client.is_welcomed(); };
    return std::ranges::any_of(links, captive) && std::ranges::none_of(links, works);
  }

  void register_what_changed() {
    const bool same = registered_version == sync.locals_version() && registered_services == prover.services() &&
                      registered_relays == relays;
    if (!catalogue_ready || same) return;
    registered_version = sync.locals_version();
    registered_relays = relays;
    registered_services = prover.services();
    std::vector<rendezvous::LocalStore> stores;
    for (const auto& [store, local] : sync.book().locals()) {
      stores.push_back({.id = store, .content = local.content, .shared = local.shared});
    }
    for (const auto& link : links) link->client.set_registration(now, registered_services, stores, relays);
    relaying.set_own_services(prover.proved());
  }

  void drain_reach() {
    while (std::optional<reach::Ask> ask = prover.poll_ask()) {
      links[ask->bootstrap]->client.prove(ask->target, std::move(ask->avoid));
    }
    while (const std::optional<reach::Seen> seen_there = prover.poll_seen()) {
      links[seen_there->bootstrap]->client.proof_seen(seen_there->nonce, seen_there->at, seen_there->from);
    }
    while (const std::optional<reach::Report> report = prober.poll_report()) {
      links[report->bootstrap]->client.probe_done(report->number, report->outcome);
    }
    while (const std::optional<reach::Dial> dial = prober.poll_dial()) out.emplace_back(*dial);
  }

  void link_gone(std::size_t index) {
    relaying.coordinator.handle_link_down(now, index);
    paths.handle_bootstrap_gone(now, index);
    prover.handle_link_down(now, index);
    prober.handle_link_down(index);
  }

  void know_own_addresses() {
    std::vector<IpAddress> own = prover.observed();
    for (const CandidateView& each : prover.view()) own.push_back(each.service.endpoint.address);
    prober.set_own(std::move(own));
  }

  bool drain_sync() {
    bool any = false;
    while (std::optional<sync::Action> action = sync.poll_action()) {
      std::visit([&](auto& wish) { out.emplace_back(std::move(wish)); }, *action);
      any = true;
    }
    while (const std::optional<std::vector<store::StoreId>> ids = sync.poll_lookup(now)) {
      bool asked = false;
      for (const auto& link : links) asked |= link->client.lookup(now, *ids);
      if (!asked) sync.put_back(now, *ids);
      out.emplace_back(LookUp{*ids});
      any = true;
    }
    return any;
  }

  bool drain_paths() {
    bool any = false;
    while (std::optional<path::PeerAction> wish = paths.poll_action()) {
      any = true;
      if (auto* open = std::get_if<path::Open>(&wish->action)) {
        out.emplace_back(
            OpenPath{.path = open->path, .peer = wish->peer, .rung = open->rung, .target = std::move(open->target)});
      } else if (const auto* close = std::get_if<path::Close>(&wish->action)) {
        out.emplace_back(ClosePath{close->path});
      } else if (const auto* ask = std::get_if<path::AskRelay>(&wish->action)) {
        if (!links[ask->bootstrap]->client.open_relay(now, wish->peer)) {
          paths.handle_denied(now, wish->peer, "the bootstrap is not connected", {});
        }
      } else if (const auto* meet = std::get_if<path::AskPeerRelay>(&wish->action)) {
        relaying.coordinator.request(now, wish->peer, meet->bootstrap, meet->avoid);
      } else if (const auto* hole = std::get_if<path::AskPunch>(&wish->action)) {
        relaying.punching.request(now, wish->peer, hole->bootstrap);
      }
    }
    return any;
  }

  bool drain_link(std::size_t index) {
    Link& link = *links[index];
    bool any = false;
    while (std::optional<rendezvous::Client::Event> event = link.client.poll_event()) {
      std::visit([&](auto& what) { on(index, what); }, *event);
      any = true;
    }
    while (std::optional<Bytes> message = link.client.poll_send()) {
      if (!link.is_up()) continue;
      out.emplace_back(SendToBootstrap{.index = index, .message = std::move(*message)});
      any = true;
    }
    switch (link.poll_wish(now)) {
      case Link::Wish::kNone:
        return any;
      case Link::Wish::kConnect:
        out.emplace_back(ConnectBootstrap{index});
        return true;
      case Link::Wish::kClose:
        link_gone(index);
        out.emplace_back(CloseBootstrap{index});
        return true;
    }
    return any;
  }

  // What a bootstrap says, to whom it concerns.

  void on(std::size_t index, const rendezvous::Welcomed& welcomed) {
    const bool was_captive = links[index]->is_captive();
    links[index]->handle_welcomed(welcomed);
    if (was_captive) {  // what was tried behind the portal says nothing of the network there is now
      for (const auto& link : links) link->retry_now(now);
      paths.retry_now(now);
    }
    prover.handle_link_up(now, index, welcomed.observed);
    know_own_addresses();
    sync.handle_network_changed(now);
  }
  void on(std::size_t index, rendezvous::ShowElsewhere& show) {
    out.emplace_back(ShowElsewhere{.index = index, .family = show.family, .statement = std::move(show.statement)});
  }
  void on(std::size_t, const rendezvous::Registered&) {}
  void on(std::size_t, const rendezvous::InventoryEntries& inventory) {
    for (const rendezvous::Entry& entry : inventory.entries) sync.handle_entry(now, entry.id, entry.content);
  }
  void on(std::size_t index, const rendezvous::StoreFound& answer) {
    std::vector<sync::Announcement> announcements;
    for (const rendezvous::Announcer& announcer : answer.found.announcers) {
      if (announcer.peer == id) continue;
      paths.learn(now, {.peer = announcer.peer,
                        .seq = announcer.seq,
                        .tcp = endpoints_of(announcer.services, rendezvous::ServiceKind::kTcp),
                        .quic = endpoints_of(announcer.services, rendezvous::ServiceKind::kQuic),
                        .http = announcer.http,
                        .bootstrap = index,
                        .connected = announcer.connected,
                        .proving = announcer.proving});
      announcements.push_back({.peer = announcer.peer,
                               .from = announcer.observed,
                               .content = announcer.content,
                               .seq = announcer.seq,
                               .trusted = trusted.contains(announcer.peer)});
    }
    sync.handle_announcers(now, index, answer.found.id, announcements);
  }
  void on(std::size_t index, const rendezvous::RelayGranted& granted) {
    paths.handle_grant(now, granted.target,
                       {.bootstrap = index,
                        .session = granted.session,
                        .credential = granted.credential,
                        .role = path::Role::kInitiator,
                        .quote = granted.quote});
  }
  void on(std::size_t, const rendezvous::RelayDenied& denied) {
    paths.handle_denied(now, denied.target, words_of(denied), denied.retry_after);
  }
  void on(std::size_t, const rendezvous::RelayOffered& offered) { serve_offered(now, links, paths, offered); }
  void on(std::size_t index, const rendezvous::PeerChanged& changed) {
    if (!paths.ladders().contains(changed.peer)) return;
    paths.learn(now, {.peer = changed.peer,
                      .seq = changed.seq,
                      .http = changed.http,
                      .bootstrap = index,
                      .connected = changed.connected,
                      .proving = changed.proving});
  }
  void on(std::size_t index, const rendezvous::SignalReceived& signal) { relaying.handle_signal(now, index, signal); }
  void on(std::size_t index, const rendezvous::TurnServersFound& found) {
    relaying.coordinator.handle_servers(now, index, found.about, found.servers);
  }
  void on(std::size_t index, const rendezvous::ProofExpect& expect) {
    prover.handle_expect(now, index, expect.target, expect.digest);
  }
  void on(std::size_t index, const rendezvous::ProofResult& result) {
    prover.handle_result(now, index, result.target, result.outcome, result.time);
  }
  void on(std::size_t index, const rendezvous::ProbeOrder& order) {
    prober.handle_order(now.mono, index, order.number, order.target, order.nonce);
  }
  void on(std::size_t index, const rendezvous::Failed& failed) { links[index]->handle_failed(now, failed); }

  Config config;
  identity::PeerId id;
  Now now;
  identity::SequenceSource sequence;
  identity::ReplayWindow seen;
  path::Paths paths;
  sync::Sync sync;
  reach::Prover prover;
  reach::Prober prober;
  Relaying relaying;
  bool relays = false;
  bool registered_relays = false;
  std::set<identity::PeerId> trusted;
  std::vector<std::unique_ptr<Link>> links;
  std::vector<rendezvous::Service> registered_services;
  bool catalogue_ready = false;
  std::optional<std::uint64_t> registered_version;
  std::deque<Command> out;
};

Peer::Peer(Now now, Config config, Random& random) : parts_(std::make_unique<Parts>(now, std::move(config), random)) {
  parts_->settle(now);
}
Peer::~Peer() = default;
Peer::Peer(Peer&&) noexcept = default;
Peer& Peer::operator=(Peer&&) noexcept = default;

void Peer::handle_local_store(Now now, store::StoreId store, store::Content content, sync::Mark mark, bool shared) {
  parts_->sync.handle_local(now, store, {.content = content, .mark = mark, .shared = shared});
  parts_->settle(now);
}

void Peer::handle_local_store_gone(Now now, store::StoreId store) {
  parts_->sync.handle_local_gone(now, store);
  parts_->settle(now);
}

void Peer::handle_local_store_in_doubt(Now now, store::StoreId store) {
  parts_->sync.handle_local_in_doubt(now, store);
  parts_->settle(now);
}

void Peer::handle_damaged(Now now, store::StoreId store, store::Content content, sync::Mark mark) {
  parts_->sync.handle_damaged(now, store, {.content = content, .mark = mark});
  parts_->settle(now);
}

void Peer::handle_partial_found(Now now, const sync::Target& target) {
  parts_->sync.handle_partial_found(now, target);
  parts_->settle(now);
}

void Peer::handle_space(Now now) {
  parts_->sync.retry_full(now);
  parts_->settle(now);
}

void Peer::handle_catalogue_ready(Now now) {
  parts_->catalogue_ready = true;
  parts_->sync.handle_catalogue_ready(now);
  parts_->settle(now);
}

void Peer::handle_candidates(Now now, std::vector<reach::Candidate> candidates) {
  parts_->relaying.set_candidates(candidates);
  parts_->prover.set_candidates(now, std::move(candidates));
  parts_->know_own_addresses();
  parts_->settle(now);
}

void Peer::handle_listening(Now now, const std::vector<Endpoint>& http) {
  std::vector<reach::Candidate> candidates;
  for (const Endpoint& each : http) {
    candidates.push_back({.service = {rendezvous::ServiceKind::kHttp, each}, .origin = reach::Origin::kOwn});
  }
  handle_candidates(now, std::move(candidates));
}

void Peer::handle_nonce(Now now, rendezvous::ServiceKind at, const rendezvous::ProofNonce& nonce,
                        const IpAddress& from) {
  parts_->prover.handle_arrival(now, at, nonce, from);
  parts_->settle(now);
}

void Peer::handle_sent(Now now, rendezvous::ServiceKind from, const IpAddress& to) {
  parts_->prover.handle_sent(now, from, to);
}

void Peer::handle_dialled_back(Now now, const rendezvous::Service& target, const IpAddress& from) {
  parts_->prover.handle_dialled_back(now, target, from);
  parts_->settle(now);
}

void Peer::handle_probed(Now now, std::uint64_t probe, rendezvous::ProbeOutcome outcome) {
  parts_->prober.handle_dialled(now.mono, probe, outcome);
  parts_->settle(now);
}

void Peer::set_relays(Now now, bool relays) {
  if (parts_->relays == relays) return;
  parts_->relays = relays;
  parts_->settle(now);
}

void Peer::handle_session_decided(Now now, std::uint64_t ticket,
                                  const Result<turn::Opened, turn::RefusalReason>& decided) {
  parts_->relaying.coordinator.handle_decided(now, ticket, decided);
  parts_->settle(now);
}

void Peer::handle_server_measured(Now now, const identity::PeerId& server, std::optional<Duration> rtt) {
  parts_->relaying.coordinator.handle_measured(now, server, rtt);
  parts_->settle(now);
}

void Peer::handle_punch(Now now, const PunchNews& news) {
  parts_->relaying.handle_punch(now, news);
  parts_->settle(now);
}

void Peer::handle_network_changed(Now now) {
  parts_->relaying.handle_network_changed();
  for (const auto& link : parts_->links) link->retry_now(now);
  parts_->prover.retry_now(now);
  parts_->paths.retry_now(now);
  parts_->sync.handle_network_changed(now);
  parts_->settle(now);
}

void Peer::handle_link_up(Now now, std::size_t bootstrap) {
  if (bootstrap >= parts_->links.size()) return;
  parts_->links[bootstrap]->handle_up(now);
  parts_->settle(now);
}

void Peer::handle_link_down(Now now, std::size_t bootstrap, std::string_view reason) {
  if (bootstrap >= parts_->links.size()) return;
  parts_->links[bootstrap]->handle_down(now, reason);
  parts_->now = now;
  parts_->link_gone(bootstrap);
  parts_->settle(now);
}

void Peer::handle_link_judged(Now now, std::size_t bootstrap, bool captive, std::string_view text) {
  if (bootstrap >= parts_->links.size()) return;
  parts_->links[bootstrap]->handle_judged(now, captive, text);
  parts_->settle(now);
}

void Peer::handle_link_message(Now now, std::size_t bootstrap, ByteView message) {
  if (bootstrap >= parts_->links.size() || !parts_->links[bootstrap]->is_up()) return;
  parts_->links[bootstrap]->client.handle_message(now, message);
  parts_->settle(now);
}

void Peer::handle_seen_elsewhere(Now now, std::size_t bootstrap, const IpAddress& observed) {
  if (bootstrap >= parts_->links.size() || !parts_->links[bootstrap]->client.is_welcomed()) return;
  parts_->prover.handle_link_up(now, bootstrap, observed);
  parts_->know_own_addresses();
  parts_->settle(now);
}

void Peer::handle_networks(Now now, std::vector<IpNetwork> networks) {
  parts_->paths.set_networks(now, std::move(networks));
  parts_->settle(now);
}

void Peer::handle_inventory(Now now, const identity::PeerId& peer, const IpAddress& from,
                            const inventory::Change& change) {
  std::vector<std::pair<store::StoreId, sync::Announcement>> has;
  for (const store::Manifest& each : change.stores) {
    has.emplace_back(each.id, sync::Announcement{.peer = peer,
                                                 .from = from,
                                                 .content = each.content,
                                                 .seq = change.seq,
                                                 .trusted = parts_->trusted.contains(peer)});
  }
  parts_->sync.handle_words(now, has, peer, change.gone);
  parts_->settle(now);
}

void Peer::handle_found(Now now, const identity::PeerId& peer, path::Found found, const std::vector<Endpoint>& tcp,
                        const std::vector<Endpoint>& quic) {
  if (peer == parts_->id) return;
  parts_->paths.learn(now, peer, found, tcp, quic);
  parts_->settle(now);
}

void Peer::handle_peer_connected(Now now, const identity::PeerId& peer, path::Found found, const IpAddress& remote) {
  if (peer == parts_->id) return;
  parts_->paths.set_connected(now, peer, true, found, remote);
  parts_->settle(now);
}

void Peer::handle_peer_disconnected(Now now, const identity::PeerId& peer) {
  parts_->paths.set_connected(now, peer, false, path::Found::kInbound);
  parts_->settle(now);
}

void Peer::handle_path_open(Now now, path::PathId path, Duration rtt, const std::optional<IpAddress>& remote) {
  parts_->paths.handle_open(now, path, rtt, remote);
  parts_->settle(now);
}

void Peer::handle_path_closed(Now now, path::PathId path, const path::PathFailure& failure) {
  parts_->paths.handle_closed(now, path, parts_->is_captive() ? kBehindPortal : failure);
  parts_->settle(now);
}

void Peer::handle_partial_open(Now now, const sync::Target& target, const std::vector<bool>& verified) {
  parts_->sync.handle_partial_open(now, target, verified);
  parts_->settle(now);
}

void Peer::handle_partial_failed(Now now, const sync::Target& target, const sync::DiskFailure& failure) {
  parts_->sync.handle_partial_failed(now, target, failure);
  parts_->settle(now);
}

void Peer::handle_piece(Now now, sync::FetchId fetch, std::uint32_t piece, std::uint64_t wire_bytes) {
  parts_->sync.handle_piece(now, fetch, piece, wire_bytes);
  parts_->settle(now);
}

void Peer::handle_fetch_ended(Now now, sync::FetchId fetch, const sync::FetchOutcome& outcome) {
  const bool fell_silent = outcome.end == sync::FetchEnd::kTimeout || outcome.end == sync::FetchEnd::kConnection ||
                           outcome.end == sync::FetchEnd::kPathLost;
  // The network itself may have gone: whoever would help out must be known to live before long, not in a minute.
  if (fell_silent) {
    for (const auto& link : parts_->links) link->client.check(now);
  }
  parts_->sync.handle_fetch_ended(now, fetch, outcome);
  parts_->settle(now);
}

void Peer::handle_committed(Now now, const sync::Target& target) {
  parts_->sync.handle_committed(now, target);
  parts_->settle(now);
}

void Peer::handle_commit_failed(Now now, const sync::Target& target, const sync::DiskFailure& failure) {
  parts_->sync.handle_commit_failed(now, target, failure);
  parts_->settle(now);
}

void Peer::handle_timeout(Now now) {
  for (const auto& link : parts_->links) link->handle_timeout(now);
  parts_->prover.handle_timeout(now);
  parts_->prober.handle_timeout(now.mono);
  parts_->paths.handle_timeout(now);
  parts_->relaying.handle_timeout(now);
  parts_->sync.handle_timeout(now);
  parts_->settle(now);
}

void Peer::want(Now now, store::StoreId store) {
  parts_->sync.want(now, store);
  parts_->settle(now);
}

void Peer::unwant(Now now, store::StoreId store) {
  parts_->sync.unwant(now, store);
  parts_->settle(now);
}

void Peer::refuse(Now now, store::StoreId store) {
  parts_->sync.refuse(now, store);
  parts_->settle(now);
}

void Peer::set_private(Now now, store::StoreId store, bool is_private) {
  parts_->sync.set_private(now, store, is_private);
  parts_->settle(now);
}

void Peer::set_max_disk(Now now, std::uint64_t bytes) {
  parts_->sync.set_max_disk(now, bytes);
  parts_->settle(now);
}

void Peer::pin(Now now, store::StoreId store, store::Content content) {
  parts_->sync.pin(now, store, content);
  parts_->settle(now);
}

void Peer::unpin(Now now, store::StoreId store) {
  parts_->sync.unpin(now, store);
  parts_->settle(now);
}

void Peer::set_sync(Now now, SyncMode mode) {
  parts_->sync.set_mode(now, mode);
  parts_->settle(now);
}

std::optional<Command> Peer::poll_command() {
  if (parts_->out.empty()) return std::nullopt;
  Command command = std::move(parts_->out.front());
  parts_->out.pop_front();
  return command;
}

std::optional<Instant> Peer::poll_timeout() const {
  std::optional<Instant> next = parts_->paths.poll_timeout();
  const auto at = [&](std::optional<Instant> instant) {
    if (instant && (!next || *instant < *next)) next = instant;
  };
  at(parts_->sync.poll_timeout());
  at(parts_->prover.poll_timeout());
  at(parts_->prober.poll_timeout());
  at(parts_->relaying.poll_timeout());
  for (const auto& link : parts_->links) at(link->poll_timeout());
  return next;
}

const identity::PeerId& Peer::id() const { return parts_->id; }
std::uint64_t Peer::last_sequence() const { return parts_->sequence.last(); }
SyncMode Peer::sync_mode() const { return parts_->sync.book().mode(); }
std::vector<CandidateView> Peer::reachability() const { return parts_->prover.view(); }
const std::vector<rendezvous::Service>& Peer::services() const { return parts_->prover.services(); }
BytesByRung Peer::bytes_by_rung() const { return parts_->sync.bytes_by_rung(); }
std::uint64_t Peer::locals_version() const { return parts_->sync.locals_version(); }

std::optional<StoreView> Peer::store(store::StoreId store) const {
  if (!parts_->sync.book().knows(store)) return std::nullopt;
  return parts_->sync.store(parts_->now.mono, store);
}

std::vector<identity::PeerId> Peer::holders(store::StoreId store) const { return parts_->sync.book().holders(store); }

std::vector<StoreView> Peer::stores() const {
  std::vector<StoreView> out;
  for (const store::StoreId& store : parts_->sync.book().stores()) {
    StoreView view = parts_->sync.store(parts_->now.mono, store);
    if (view.state != "missing") out.push_back(std::move(view));  // else nobody here wants it, and nobody announces it
  }
  return out;
}

std::vector<store::Manifest> Peer::public_stores() const {
  std::vector<store::Manifest> out;
  for (const auto& [store, local] : parts_->sync.book().locals()) {
    if (local.shared && local.mark != sync::Mark::kContested) out.push_back({.id = store, .content = local.content});
  }
  return out;
}

std::optional<std::uint64_t> Peer::space_wanted() const { return parts_->sync.book().space_wanted(); }

std::vector<TransferView> Peer::transfers() const { return parts_->sync.transfers(parts_->now.mono); }

std::vector<PeerView> Peer::peers() const { return view_of(parts_->paths, parts_->sync.book().stores_by_peer()); }

std::vector<BootstrapView> Peer::bootstraps() const {
  std::vector<BootstrapView> out;
  for (const auto& link : parts_->links) out.push_back(link->view());
  return out;
}

}  // namespace turnpike::peer
