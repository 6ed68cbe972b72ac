#include "node/run.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <set>
#include <thread>

#include "core/exchange/message.h"
#include "core/identity/replay.h"
#include "core/identity/statement.h"
#include "core/store/manifest.h"
#include "crypto/random.h"
#include "io/control/data_folder.h"
#include "io/control/server.h"
#include "io/disk/partial_store.h"
#include "io/disk/temporary.h"
#include "io/disk/watcher.h"
#include "io/interfaces/interfaces.h"
#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/pace/pace.h"
#include "io/process/process.h"
#include "node/brain.h"
#include "node/control_api.h"
#include "node/discovery.h"
#include "node/donated_relay.h"
#include "node/doors.h"
#include "node/http_api.h"
#include "node/inventory_service.h"
#include "node/lan_peers.h"
#include "node/old_node_client.h"
#include "node/old_node_service.h"
#include "node/own_doors.h"
#include "node/peers.h"
#include "node/port_mapping.h"
#include "node/punching.h"
#include "node/reach_survey.h"

namespace turnpike::node {
namespace {

constexpr std::string_view kVersion = TURNPIKE_VERSION;
constexpr Duration kGrace = std::chrono::seconds(2);
constexpr Duration kSpacePatience = std::chrono::seconds(30);  ///< What the full disk stopped is tried again so soon,
constexpr std::uint64_t kSpaceStep = std::uint64_t{1} << 20U;  ///< or when so much more is free.
constexpr Duration kNetworkPeriod = std::chrono::seconds(1);   ///< A changed address is noticed so soon.
constexpr Duration kWakeUpJump = std::chrono::seconds(10);     ///< Time that passed unseen: the machine slept.
constexpr std::uint64_t kManifestLifetimeMs = 10 * 60 * 1000;
constexpr std::size_t kStoreStreams = 64;  ///< Of /turnpike/store/1 over one connection.
constexpr std::string_view kFacts = "facts";
constexpr std::string_view kLastSequence = "last sequence";

peer::Config brain_config(const NodeConfig& config, const crypto::SigningKey& identity, std::uint64_t last_sequence) {
  peer::Config out;
  out.last_sequence = last_sequence;
  out.identity = &identity;
  for (const io::Url& url : config.bootstraps) out.bootstraps.push_back(url.to_string());
  out.rungs = config.rungs;
  out.sync = config.sync;
  out.max_store = config.max_store;
  out.trusted_peers = config.trusted_peers;
  out.max_disk = config.max_disk;
  return out;
}

unsigned pool_threads() { return std::clamp(std::thread::hardware_concurrency(), 2U, 4U); }

// What this node is made of, in the order it is built; destroyed the other way round, after the loop has run out.
class Process {
 public:
  Process(const NodeConfig& config, const crypto::SigningKey& identity, io::StateDb& state)
      : config_(config),
        identity_(identity),
        state_(state),
        memory_(state),
        pool_(loop_.get_executor(), pool_threads()),
        sequence_(last_sequence(state)),
        upload_(loop_.get_executor(), config.upload_limit),
        download_(loop_.get_executor(), config.download_limit),
        brain_(loop_.get_executor(), brain_config(config, identity, last_sequence(state)), random_, memory_),
        catalogue_(pool_, config.data, [this](const io::CatalogueEvent& event) { brain_.catalogue_event(event); }),
        watcher_(loop_.get_executor(), catalogue_, {}, [this](const ScanResult& report) { scanned(report); }),
        access_(catalogue_, shared(),
                [this](store::StoreId id, store::Content content) { return manifest(id, content); }),
        dialer_(config.proxies, random_),
        news_(
            brain_,
            [this](const auto& connection) {
              old_client_.peer_identified(connection);
              inventory_.peer_identified(connection);
              discovery_.peer_identified(connection);
            },
            [this](const identity::PeerId& peer) {
              old_client_.peer_disconnected(peer);
              inventory_.peer_disconnected();
              discovery_.peer_disconnected(peer);
            }),
        store_service_(access_, upload_),
        host_(loop_.get_executor(), host_settings(identity), random_, &news_),
        inventory_(loop_.get_executor(), identity, sequence_, host_, brain_, random_),
        survey_(loop_.get_executor(), host_, brain_, random_),
        lan_peers_(loop_.get_executor(), id(), uses_mdns(config), host_, brain_, random_),
        discovery_(loop_.get_executor(), id(), config, host_, brain_, state, random_),
        old_service_(id(), catalogue_, shared(), old_node_facts(brain_, host_, [this] { return donated_.at(); }),
                     random_),
        old_client_(host_, pool_, catalogue_, memory_,
                    {.data = config.data, .reserve = config.reserve, .max_store = config.max_store},
                    [this](const store::StoreId& store) { return wants_from_old_nodes(store); }),
        links_(loop_.get_executor(), config.bootstraps, config.bootstrap_pins, dialer_, brain_),
        paths_(loop_.get_executor(),
               {.identity = &identity,
                .bootstraps = config.bootstraps,
                .pins = config.bootstrap_pins,
                .dialer = &dialer_,
                .upload = &upload_,
                .download = &download_,
                .host = &host_},
               access_, random_, brain_),
        downloads_(loop_.get_executor(), {.data = config.data, .reserve = config.reserve}, pool_, catalogue_, paths_,
                   brain_),
        server_(loop_.get_executor(), io::http::ServerLimits()),
        port_mapping_(loop_.get_executor(), config, identity, random_,
                      [this](const std::vector<portmap::Mapping>& mapped) {
                        mapped_ = mapped;
                        tell_candidates();
                      }),
        doors_(
            loop_.get_executor(), random_, [this](auto... nonce) { nonce_arrived(nonce...); }, donor_of(config, state)),
        donated_({.loop = loop_.get_executor(), .brain = brain_, .doors = doors_, .host = host_, .state = state}),
        punching_({.loop = loop_.get_executor(),
                   .brain = brain_,
                   .host = host_,
                   .random = random_,
                   .bootstraps = config.bootstraps}),
        api_(loop_.get_executor(), control_scope()),
        network_timer_(loop_) {}

  int run() {
    brain_.connect(links_, paths_, downloads_);
    donated_.start();
    add_routes(
        server_, catalogue_, shared(), [this](const store::StoreId& id) { return mark_of(id); },
        {.peer_id = id().to_string(), .version = std::string(kVersion), .started = started_, .upload = &upload_});
    doors_.add_route(server_);
    host_.handle(std::string(exchange::kProtocol), {.streams = kStoreStreams, .wide = true},
                 [this](std::shared_ptr<io::HostConnection> connection, std::unique_ptr<io::LinkStream> stream) {
                   return store_service_.serve(std::move(connection), std::move(stream));
                 });
    host_.handle(std::string(inventory::kProtocol), {.streams = kInventoryStreams},
                 [this](std::shared_ptr<io::HostConnection> connection, std::unique_ptr<io::LinkStream> stream) {
                   return inventory_.serve(std::move(connection), std::move(stream));
                 });
    brain_.on_stores_changed([this] { inventory_.stores_changed(); });
    survey_.serve();
    answer_old_nodes(dig::kPeerProtocol, false);
    answer_old_nodes(dig::kDiscoveryProtocol, true);
    if (const auto why = open_ports()) return io::give_up(*why);
    restore_wishes();
    discovery_.start();
    asio::co_spawn(loop_, keep_catalogue(), asio::detached);
    asio::co_spawn(loop_, watch_network(), asio::detached);
    asio::co_spawn(loop_, old_client_.run(), asio::detached);
    port_mapping_.start();
    io::run_until_signalled(loop_, kGrace, [this] { return shut_down(); });
    return 0;
  }

 private:
  [[nodiscard]] identity::PeerId id() const { return {identity_.public_key()}; }

  static std::uint64_t last_sequence(const io::StateDb& state) {
    const auto text = state.get(kFacts, kLastSequence);
    return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
  }

  [[nodiscard]] ControlScope control_scope() {
    return {.config = config_,
            .brain = brain_,
            .memory = memory_,
            .rescan = [this] { return watcher_.rescan(); },
            .ignored_files = [this] { return ignored_files_; },
            .file_notes = [this] { return file_notes(catalogue_, brain_.damaged()); },
            .recheck = [this](store::StoreId store) { return catalogue_.recheck(store); },
            .remove = [this](store::StoreId store) { return remove(store); },
            .listen = [this] { return listen_; },
            .external = [this] { return registered_http(brain_); },
            .routers = [this] { return port_mapping_.view(); },
            .dialer = dialer_,
            .links = links_,
            .connections = [this] { return host_.connections(); },
            .started = started_,
            .dht = [this] { return discovery_.dht(); }};
  }

  [[nodiscard]] Shared shared() {
    return [this](const store::StoreId& store) {
      const auto& configured = config_.private_stores;
      if (memory_.is_private(store) || std::ranges::find(configured, store) != configured.end()) return false;
      return mark_of(store) != sync::Mark::kContested;
    };
  }

  /// Of the bytes that are here.
  [[nodiscard]] sync::Mark mark_of(const store::StoreId& store) const {
    const auto held = catalogue_.find(store);
    return held ? memory_.mark_of({store, *held}) : sync::Mark::kOwn;
  }

  Bytes manifest(store::StoreId id, store::Content content) {
    const WallTime now = io::wall_now();
    identity::Statement statement;
    statement.type = store::kManifestType;
    statement.seq = sequence_.next(now);
    statement.expires = {now.unix_ms + kManifestLifetimeMs};
    statement.body = store::encode_manifest({.id = id, .content = content});
    return identity::sign_statement(identity_, statement);
  }

  void answer_old_nodes(std::string_view protocol, bool discovery) {
    host_.handle(std::string(protocol), {.streams = kOldStreams},
                 [this, discovery](std::shared_ptr<io::HostConnection>, std::unique_ptr<io::LinkStream> stream) {
                   return old_service_.serve(std::move(stream), discovery);
                 });
  }

  bool wants_from_old_nodes(const store::StoreId& store) const {
    if (catalogue_.find(store)) return false;
    const auto view = brain_.peer().store(store);
    if (view && (view->state == "complete" || view->announcers > 0)) return false;
    return (view && view->asked_for) || brain_.peer().sync_mode() == peer::SyncMode::kAll;
  }

  static bool uses_mdns(const NodeConfig& config) {
    return config.mdns && std::ranges::find(config.rungs, path::Rung::kLan) != config.rungs.end();
  }

  static io::HostSettings host_settings(const crypto::SigningKey& identity) {
    io::HostSettings settings;
    settings.identity = &identity;
    settings.agent = "turnpike/" + std::string(kVersion);
    return settings;
  }

  /// IPv6 and IPv4 where there is IPv6; the address at which it listens, or what the port is for.
  std::optional<std::string> open_host() {
    auto here = host_.listen({{IpAddress::Family::kV6, {}}, config_.port});
    if (!here) here = host_.listen({IpAddress{}, config_.port});
    if (!here) {
      return "cannot listen on port " + std::to_string(config_.port) +
             ": another program has it; is another node running? Choose another --port";
    }
    listen_.push_back(*here);
    const multiaddr::Multiaddr address = multiaddr::Multiaddr::tcp(*here).with_peer(identity::AnyPeerId(id()));
    std::printf("listening %s\n", address.to_string().c_str());
    open_quic(*here);
    std::fflush(stdout);
    return std::nullopt;
  }

  /// The same port over UDP. Without it the node goes on, over TCP.
  void open_quic(const Endpoint& tcp) {
    const auto here = host_.listen_quic(tcp);
    if (!here) return io::log_warning("not open: UDP port {}; the node goes on without QUIC", tcp.port);
    const multiaddr::Multiaddr address = multiaddr::Multiaddr::quic_v1(*here).with_peer(identity::AnyPeerId(id()));
    std::printf("listening %s\n", address.to_string().c_str());
    io::QuicHost& quic = *host_.quic();
    quic.on_stun([this, &quic, port = here->port](const DatagramBatch& batch) {
      punching_.handle_stun(batch, [&](const DatagramBatch& other) {
        doors_.handle_stun(rendezvous::ServiceKind::kQuic, port, other,
                           [&quic](const DatagramBatch& reply) { quic.send(reply); });
      });
    });
    punching_.start();
  }

  std::optional<std::string> open_ports() {
    const Endpoint any{{IpAddress::Family::kV6, {}}, config_.http_port()};
    auto listener = io::TcpListener::open(loop_.get_executor(), any);
    if (!listener) listener = io::TcpListener::open(loop_.get_executor(), {IpAddress{}, config_.http_port()});
    if (!listener) {
      return "cannot listen on port " + std::to_string(config_.http_port()) + " (--port " +
             std::to_string(config_.port) + " + 1000): another program has it; is another node running? " +
             "Choose another --port";
    }
    auto control = io::ControlServer::open(
        loop_.get_executor(), io::control_socket_path(config_.data),
        [this](nlohmann::json request, io::Reply& reply) { return api_.answer(std::move(request), reply); });
    if (!control) return control.error().text;
    control_ = *std::move(control);
    std::printf("peer id: %s\nlistening http://%s\n", id().to_string().c_str(),
                (*listener)->local().to_string().c_str());
    std::fflush(stdout);
    listen_.push_back((*listener)->local());
    if (auto why = open_host()) return why;
    server_.listen(*std::move(listener));
    for (const std::string& failure : doors_.open_stun(config_.stun_port())) {
      io::log_warning("not open: {}; the node goes on without it", failure);
    }
    return std::nullopt;
  }

  void restore_wishes() {
    brain_.tell([this](peer::Peer& peer, Now now) {
      for (const store::StoreId& store : memory_.private_stores()) peer.set_private(now, store, true);
      for (const store::StoreId& store : config_.private_stores) peer.set_private(now, store, true);
      for (const store::StoreId& store : memory_.refused()) peer.refuse(now, store);
      for (const sync::Target& pin : memory_.pinned()) peer.pin(now, pin.store, pin.content);
      for (const Pin& pin : config_.pins) peer.pin(now, pin.store, pin.content);
      for (const store::StoreId& store : memory_.wanted()) peer.want(now, store);
      for (const store::StoreId& store : config_.stores) peer.want(now, store);
    });
  }

  asio::awaitable<void> pause(asio::steady_timer& timer, Duration time) {
    boost::system::error_code woken;
    timer.expires_after(time);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  asio::awaitable<void> keep_catalogue() {
    const auto partials = co_await io::list_partials(pool_, config_.data);
    brain_.tell([&](peer::Peer& peer, Now now) {
      for (const io::PartialEntry& entry : partials) peer.handle_partial_found(now, {entry.id, entry.content});
    });
    co_await watcher_.run();
  }

  using ScanResult = Result<io::ScanReport, io::DiskError>;
  void scanned(const ScanResult& report) {
    if (!report) io::log_error("cannot read {}: {}", config_.data.string(), io::to_string(report.error()));
    if (!report || stopping_) return;
    ignored_files_ = report->ignored;
    for (const auto& [store, note] : file_notes(catalogue_, {})) {
      if (noted_.insert(store).second) io::log_warning("store {}: {}", store.to_string(), note.text);
    }
    if (catalogue_ready_) return;
    catalogue_ready_ = true;
    io::log_info("{} stores here ({} hashed now, {} files ignored); changes are {}", report->stores, report->hashed,
                 report->ignored, watcher_.is_told() ? "told by the kernel" : "looked for every few seconds");
    const auto quota = config_.max_disk ? std::nullopt : default_quota();
    brain_.tell([&](peer::Peer& peer, Now now) {
      for (const auto& [store, name] : catalogue_.aside()) {
        const auto fetched = memory_.fetched(store);
        if (fetched && !catalogue_.find(store)) peer.handle_damaged(now, store, fetched->content, fetched->mark);
      }
      if (quota) peer.set_max_disk(now, *quota);
      peer.handle_catalogue_ready(now);
    });
    inventory_.open();
  }

  /// Half of what was free before sync brought anything.
  [[nodiscard]] std::optional<std::uint64_t> default_quota() const {
    const auto free = io::system_file_ops().free_space(config_.data);
    if (!free) return std::nullopt;
    std::uint64_t brought = 0;
    for (const io::StoreAdded& store : catalogue_.list()) {
      if (memory_.mark_of({store.id, store.content}) != sync::Mark::kOwn) brought += store.content.size;
    }
    return (*free + brought) / 2;
  }

  asio::awaitable<std::string> remove(store::StoreId store) {
    const auto removed = co_await catalogue_.remove(store);
    if (!removed) co_return "its file could not be deleted: " + std::string(io::to_string(removed.error()));
    const auto partials = co_await io::list_partials(pool_, config_.data);
    for (const io::PartialEntry& entry : partials) {
      if (entry.id != store) continue;
      // One that is open is thrown away by whoever has it.
      static_cast<void>(co_await io::discard_partial(pool_, config_.data, entry.id, entry.content));
    }
    co_return std::string();
  }

  /// What the full disk stopped goes on when there is more space than when that was tried last.
  void watch_space(Instant now) {
    const auto wanted = brain_.peer().space_wanted();
    const auto free = io::system_file_ops().free_space(config_.data);
    if (!wanted || !free) {
      tried_with_free_ = free.value_or(0);
      tried_at_ = now;
      return;
    }
    tried_with_free_ = std::min(tried_with_free_, *free);
    if (*free < tried_with_free_ + kSpaceStep && now - tried_at_ < kSpacePatience) return;
    tried_with_free_ = *free;
    tried_at_ = now;
    brain_.tell([](peer::Peer& peer, Now when) { peer.handle_space(when); });
  }

  asio::awaitable<void> watch_network() {
    std::vector<IpAddress> known;
    Instant last = io::now();
    while (!stopping_) {
      const std::vector<IpAddress> addresses = io::own_addresses();
      const Instant now = io::now();
      const bool woke = now - last > kNetworkPeriod + kWakeUpJump;
      const bool changed = addresses != known;
      if (changed) {
        addresses_ = addresses;
        tell_candidates();
      }
      port_mapping_.network_changed(woke);  // a route may change where no address of ours does
      if ((changed && !known.empty()) || woke) {
        io::log_info("{}: trying everything anew", woke ? "woke up" : "the network changed");
        dialer_.handle_network_changed();
        host_.forget_transports();
        discovery_.network_changed();
        brain_.tell([](peer::Peer& peer, Now when) { peer.handle_network_changed(when); });
      }
      known = addresses;
      last = now;
      lan_peers_.look(config_.port);
      survey_.look();
      keep_sequence();
      donated_.keep();
      punching_.keep();
      watch_space(now);
      tell_host();
      co_await pause(network_timer_, kNetworkPeriod);
    }
  }

  /// What is listened for here, and at which port.
  [[nodiscard]] std::map<rendezvous::ServiceKind, std::uint16_t> listened() const {
    std::map<rendezvous::ServiceKind, std::uint16_t> out{{rendezvous::ServiceKind::kHttp, config_.http_port()},
                                                         {rendezvous::ServiceKind::kTcp, config_.port}};
    if (host_.quic() != nullptr) out.emplace(rendezvous::ServiceKind::kQuic, config_.port);
    for (const rendezvous::ServiceKind kind : doors_.open()) out.emplace(kind, config_.stun_port());
    return out;
  }

  // Whatever may be dialled from outside; which of them is told to others, the brain decides by proof.
  void tell_candidates() {
    std::vector<reach::Candidate> candidates;
    for (const Endpoint& each : config_.advertise) {
      candidates.push_back({{rendezvous::ServiceKind::kHttp, each}, reach::Origin::kAdvertised});
    }
    const auto doors = listened();
    for (const portmap::Mapping& each : mapped_) {
      const rendezvous::ServiceKind kind = kind_of(each.purpose);
      const bool is_pinhole = each.external == each.internal;  // then it is an address of our own
      if (doors.contains(kind) && !is_pinhole) candidates.push_back({{kind, each.external}, reach::Origin::kMapped});
    }
    for (const IpAddress& address : addresses_) {
      for (const auto& [kind, port] : doors) candidates.push_back({{kind, {address, port}}, reach::Origin::kOwn});
    }
    brain_.tell([&](peer::Peer& peer, Now now) { peer.handle_candidates(now, candidates); });
  }

  void nonce_arrived(rendezvous::ServiceKind at, const rendezvous::ProofNonce& nonce, const IpAddress& from) {
    brain_.tell([&](peer::Peer& peer, Now now) { peer.handle_nonce(now, at, nonce, from); });
  }

  /// What strangers and neighbours are told by identify is what is registered: what is proved, or private.
  void tell_host() {
    std::vector<multiaddr::Multiaddr> told;
    for (const rendezvous::Service& each : brain_.peer().services()) {
      if (each.kind == rendezvous::ServiceKind::kTcp) told.push_back(multiaddr::Multiaddr::tcp(each.endpoint));
      if (each.kind == rendezvous::ServiceKind::kQuic) told.push_back(multiaddr::Multiaddr::quic_v1(each.endpoint));
    }
    host_.set_addresses(told);
    discovery_.look(told, is_reachable(brain_));
  }

  void keep_sequence() {
    const std::uint64_t last = std::max(brain_.peer().last_sequence(), sequence_.last());
    if (last == kept_sequence_) return;
    kept_sequence_ = last;
    if (!state_.put(kFacts, kLastSequence, std::to_string(last))) io::log_error("the state database cannot be written");
  }

  asio::awaitable<void> shut_down() {
    const Duration grace = kGrace;
    io::log_info("going down");
    stopping_ = true;
    keep_sequence();
    donated_.keep_given();
    brain_.stop();
    downloads_.stop_all();
    paths_.close_all();
    lan_peers_.stop();
    survey_.stop();
    inventory_.stop();
    discovery_.stop();
    old_client_.stop();
    punching_.stop();
    host_.close_all();
    links_.close_all();
    watcher_.stop();
    network_timer_.cancel();
    co_await port_mapping_.stop();
    control_.reset();
    doors_.close();
    co_await server_.stop(grace);
    upload_.lift();
    download_.lift();
  }

  const NodeConfig& config_;
  const Instant started_ = io::now();
  std::vector<Endpoint> listen_;
  std::uint64_t ignored_files_ = 0;
  const crypto::SigningKey& identity_;
  io::StateDb& state_;
  asio::io_context loop_{1};
  crypto::SecureRandom random_;
  Memory memory_;
  io::WorkerPool pool_;
  identity::SequenceSource sequence_;
  std::uint64_t kept_sequence_ = 0;
  io::Pace upload_;
  io::Pace download_;
  Brain brain_;
  io::Catalogue catalogue_;
  io::Watcher watcher_;
  bool catalogue_ready_ = false;
  std::set<store::StoreId> noted_;
  std::uint64_t tried_with_free_ = 0;
  Instant tried_at_;
  StoreAccess access_;
  io::Dialer dialer_;
  PeerNews news_;
  StoreService store_service_;
  io::Host host_;
  InventoryService inventory_;
  ReachSurvey survey_;
  LanPeers lan_peers_;
  Discovery discovery_;
  OldNodeService old_service_;
  OldNodeClient old_client_;
  Links links_;
  Paths paths_;
  Downloads downloads_;
  io::http::Server server_;
  PortMapping port_mapping_;
  std::vector<IpAddress> addresses_;      // of this machine
  std::vector<portmap::Mapping> mapped_;  // candidates: nobody is told of them before they are proved
  Doors doors_;
  DonatedRelay donated_;
  Punching punching_;
  ControlApi api_;
  std::unique_ptr<io::ControlServer> control_;
  asio::steady_timer network_timer_;
  bool stopping_ = false;
};

}  // namespace

int run(const NodeConfig& config) {
  io::set_log_level(config.log_level);
  io::prepare_process();
  const auto lock = io::DataFolderLock::take(config.data);
  if (!lock) return io::give_up(lock.error().text);
  io::remove_abandoned_files(config.data);
  crypto::SecureRandom random;
  const auto identity = io::load_identity(config.data, random);
  if (!identity) return io::give_up(identity.error().text);
  const auto state = io::StateDb::open(io::state_folder(config.data) / "state.db");
  if (!state) return io::give_up(state.error().text);
  Process process(config, *identity, **state);
  return process.run();
}

}  // namespace turnpike::node
