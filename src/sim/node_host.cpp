#include "sim/node_host.h"

#include <algorithm>

#include "core/merkle/layer_page.h"

namespace turnpike::sim {
namespace {

constexpr Duration kDiskTime = 2ms;
constexpr Duration kConnectTimeout = 10s;
constexpr Duration kSilencePatience = 10s;  // core/exchange's patience with a source

std::string short_name(const store::StoreId& store) { return store.to_string().substr(0, 8); }

}  // namespace

NodeHost::NodeHost(World& world, Home& home, Neighbourhood& neighbourhood, const Library& library, NodeConfig config)
    : world_(world),
      home_(home),
      neighbourhood_(neighbourhood),
      library_(library),
      config_(std::move(config)),
      key_(crypto::SigningKey::generate(world.dice())) {}

// --- its life ---

void NodeHost::start() {
  if (brain_) return;
  ++incarnation_;
  links_.assign(neighbourhood_.bootstraps.size(), std::nullopt);
  peer::Config config;
  config.identity = &key_;
  config.rungs = config_.rungs;
  config.sync = config_.sync;
  for (const BootstrapHost* bootstrap : neighbourhood_.bootstraps) {
    config.bootstraps.push_back("sim://" + bootstrap->id().to_string());
  }
  config.last_sequence = last_sequence_;
  world_.tell(name(), "starts");
  brain_ = std::make_unique<peer::Peer>(world_.now(), config, world_.dice());
  // A home behind NAT knows only its private address.
  const IpAddress own = home_.nat == Nat::kOpen ? home_.address : IpAddress::v4(192, 168, 1, 2);
  if (home_.nat == Nat::kOpen) {
    neighbourhood_.listening[{own, kHttpPort}] = this;
    neighbourhood_.doors[{own, kHttpPort}] = this;
  }
  brain_->handle_listening(world_.now(), {{own, kHttpPort}});
  pump();
  later(50ms, [this] { tell_catalogue(); });
}

void NodeHost::tell_catalogue() {
  for (const auto& [store, complete] : disk_.complete()) {
    brain_->handle_local_store(world_.now(), store, complete.content, complete.mark);
  }
  for (const auto& [store, content] : pretended_) brain_->handle_local_store(world_.now(), store, content);
  brain_->handle_catalogue_ready(world_.now());
  pump();
}

void NodeHost::kill(bool power_too) {
  if (!brain_) return;
  world_.tell(name(), power_too ? "loses its power" : "is killed");
  last_sequence_ = brain_->last_sequence();
  brain_.reset();
  ++incarnation_;
  armed_.reset();
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (links_[i]) neighbourhood_.bootstraps[i]->disconnect(*links_[i]);
    links_[i].reset();
  }
  for (const auto& [id, path] : paths_) {
    if (path.bootstrap != nullptr) path.bootstrap->leave(path.leg);
  }
  paths_.clear();
  fetches_.clear();
  layers_.clear();
  disk_.process_killed();
  if (power_too) disk_.power_lost(world_.now().mono, world_.dice());
}

void NodeHost::put(const Original& original) {
  disk_.put(original.store, {.content = original.content(), .mark = sync::Mark::kOwn, .data = original.data});
  if (!brain_) return;
  brain_->handle_local_store(world_.now(), original.store, original.content());
  pump();
}

void NodeHost::pretend(const store::StoreId& store, const store::Content& content) {
  pretended_[store] = content;
  if (!brain_) return;
  brain_->handle_local_store(world_.now(), store, content);
  pump();
}

bool NodeHost::has(const Original& original) const {
  const Disk::Complete* complete = disk_.find(original.store);
  return complete != nullptr && complete->content == original.content() && complete->data == original.data;
}

void NodeHost::later(Duration delay, std::function<void()> what) {
  world_.after(delay, [this, life = incarnation_, what = std::move(what)] {
    if (life == incarnation_ && brain_) what();
  });
}

void NodeHost::pump() {
  if (!brain_ || pumping_) return;
  pumping_ = true;
  while (std::optional<peer::Command> command = brain_->poll_command()) {
    std::visit([&](const auto& what) { execute(what); }, *command);
  }
  pumping_ = false;
  arm();
}

void NodeHost::arm() {
  const std::optional<Instant> next = brain_->poll_timeout();
  if (!next || (armed_ && *armed_ <= *next && *armed_ > world_.now().mono)) return;
  armed_ = std::max(*next, world_.now().mono + 1us);  // a brain that is never content still lets time pass
  later(*armed_ - world_.now().mono, [this, at = *armed_] {
    if (armed_ != at) return;
    armed_.reset();
    brain_->handle_timeout(world_.now());
    pump();
  });
}

// --- bootstraps ---

void NodeHost::execute(const peer::ConnectBootstrap& command) {
  if (links_.at(command.index)) world_.breach(name() + " connects twice to one bootstrap");
  links_[command.index] = neighbourhood_.bootstraps[command.index]->connect(*this, home_);
}

void NodeHost::execute(const peer::CloseBootstrap& command) {
  if (!links_.at(command.index)) return;
  const std::uint64_t link = *links_[command.index];
  neighbourhood_.bootstraps[command.index]->disconnect(link);
  later(0us, [this, link] { link_down(link, "closed here"); });
}

void NodeHost::execute(const peer::SendToBootstrap& command) {
  if (!links_.at(command.index)) {
    world_.breach(name() + " sends to a bootstrap it is not connected to");
    return;
  }
  neighbourhood_.bootstraps[command.index]->send(*links_[command.index], command.message);
}

std::optional<std::size_t> NodeHost::index_of(std::uint64_t link) const {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (links_[i] == link) return i;
  }
  return std::nullopt;
}

void NodeHost::link_up(std::uint64_t link) {
  const auto index = index_of(link);
  if (!brain_ || !index) return;
  brain_->handle_link_up(world_.now(), *index);
  pump();
}

void NodeHost::link_down(std::uint64_t link, std::string_view reason) {
  const auto index = index_of(link);
  if (!brain_ || !index) return;
  world_.tell(name(), "loses its bootstrap: " + std::string(reason));
  links_[*index].reset();
  brain_->handle_link_down(world_.now(), *index, reason);
  pump();
}

void NodeHost::link_message(std::uint64_t link, const Bytes& message) {
  const auto index = index_of(link);
  if (!brain_ || !index) return;
  brain_->handle_link_message(world_.now(), *index, message);
  pump();
}

// --- proofs ---

void NodeHost::execute(const peer::Probe& command) {
  world_.tell(name(), "sends a nonce to " + command.target.endpoint.to_string());
  if (!command.target.endpoint.address.is_global()) world_.breach(name() + " is made to dial a private address");
  const bool sent = send_nonce(world_, home_, neighbourhood_.doors, command.target, command.nonce);
  later(sent ? 6 * home_.delay : Duration(rendezvous::kDialTime), [this, id = command.id, sent] {
    brain_->handle_probed(world_.now(), id, sent ? rendezvous::ProbeOutcome::kSent : rendezvous::ProbeOutcome::kFailed);
    pump();
  });
}

void NodeHost::nonce_arrived(rendezvous::ServiceKind at, const rendezvous::ProofNonce& nonce, const IpAddress& from) {
  if (!brain_) return;
  brain_->handle_nonce(world_.now(), at, nonce, from);
  pump();
}

// --- TURN ---

void NodeHost::execute(const peer::MeasureServer& command) {
  later(0us, [this, server = command.server] {
    brain_->handle_server_measured(world_.now(), server, std::nullopt);
    pump();
  });
}

void NodeHost::execute(const peer::OpenTurnSession& command) {
  later(0us, [this, ticket = command.ticket] {
    brain_->handle_session_decided(world_.now(), ticket, fail(turn::RefusalReason::kNoAddress));
    pump();
  });
}

void NodeHost::execute(const peer::DialBack& command) {
  world_.tell(name(), "is asked to connect to " + command.peer.to_string());
}

// --- paths ---

void NodeHost::execute(const peer::OpenPath& command) {
  if (paths_.contains(command.path)) world_.breach(name() + " uses the name of a path twice");
  if (const auto* http = std::get_if<path::HttpTarget>(&command.target)) {
    open_http(command, http->endpoint, path::Rung::kHttp);
  } else if (const auto* direct = std::get_if<path::DirectTarget>(&command.target)) {
    open_http(command, direct->tcp.empty() ? Endpoint() : direct->tcp.front(), path::Rung::kDirect);
  } else if (const auto* relay = std::get_if<path::RelayTarget>(&command.target)) {
    open_relay(command, *relay);
  } else {
    paths_[command.path].rung = path::Rung::kPeerRelay;
    later(kConnectTimeout, [this, id = command.path] { path_gone(id, path::PathEnd::kTimeout); });
  }
}

void NodeHost::open_http(const peer::OpenPath& command, const Endpoint& endpoint, path::Rung rung) {
  world_.tell(name(), "tries " + std::string(path::name_of(rung)) + " " + endpoint.to_string());
  Path& path = paths_[command.path];
  path.rung = rung;
  const auto at = neighbourhood_.listening.find(endpoint);
  NodeHost* server = at == neighbourhood_.listening.end() ? nullptr : at->second;
  if (server == nullptr || !lets_through(home_, server->home_, endpoint.port)) {
    later(kConnectTimeout, [this, id = command.path] { path_gone(id, path::PathEnd::kTimeout); });
    return;
  }
  const Duration rtt = 2 * delay_between(world_, home_, server->home_);
  const bool refused = !server->is_running();
  path.server = server;
  path.server_life = server->incarnation();
  later(refused ? rtt : 2 * rtt, [this, id = command.path, rtt, refused] {
    const auto opened = paths_.find(id);
    if (opened == paths_.end()) return;
    if (refused) return path_gone(id, path::PathEnd::kRefused);
    opened->second.open = true;
    brain_->handle_path_open(world_.now(), id, rtt);
    pump();
  });
}

void NodeHost::open_relay(const peer::OpenPath& command, const path::RelayTarget& target) {
  world_.tell(name(),
              target.role == path::Role::kInitiator ? "joins a relay session" : "joins a relay session to serve");
  Path& path = paths_[command.path];
  path.rung = path::Rung::kBootstrapRelay;
  path.role = target.role;
  path.bootstrap = neighbourhood_.bootstraps.at(target.bootstrap);
  path.leg = path.bootstrap->join(*this, home_, target.session, target.credential);
}

void NodeHost::relay_ready(std::uint64_t leg, Duration rtt) {
  for (auto& [id, path] : paths_) {
    if (path.bootstrap == nullptr || path.leg != leg || path.open) continue;
    path.open = true;
    brain_->handle_path_open(world_.now(), id, rtt);
    break;
  }
  pump();
}

void NodeHost::relay_closed(std::uint64_t leg, bool quote_spent) {
  for (const auto& [id, path] : paths_) {
    if (path.bootstrap == nullptr || path.leg != leg) continue;
    path_gone(id, quote_spent ? path::PathEnd::kQuoteSpent : path::PathEnd::kClosed);
    return;
  }
}

void NodeHost::path_gone(path::PathId id, path::PathEnd end) {
  if (!brain_ || paths_.erase(id) == 0) return;
  world_.tell(name(), "loses a path: " + std::string(path::words_of(end)));
  brain_->handle_path_closed(world_.now(), id, {.end = end, .detail = {}});
  std::vector<sync::FetchId> lost;
  for (const auto& [fetch, what] : fetches_) {
    if (what.path == id) lost.push_back(fetch);
  }
  for (const sync::FetchId fetch : lost) end_fetch(fetch, sync::FetchEnd::kPathLost);
  pump();
}

void NodeHost::execute(const peer::ClosePath& command) {
  const auto at = paths_.find(command.path);
  if (at == paths_.end()) return;
  for (const auto& [id, fetch] : fetches_) {
    if (fetch.path == command.path && !fetch.cancelled) {
      world_.breach(name() + " closes a path under a fetch it did not cancel");
    }
  }
  const Path path = at->second;
  paths_.erase(at);
  if (path.bootstrap != nullptr) path.bootstrap->leave(path.leg);
}

// --- stores ---

void NodeHost::execute(const peer::OpenPartial& command) {
  later(kDiskTime, [this, target = command.target] {
    brain_->handle_partial_open(world_.now(), target, disk_.open(target));
    pump();
  });
}

void NodeHost::execute(const peer::StartFetch& command) {
  const auto path = paths_.find(command.path);
  if (!disk_.is_open(command.target)) world_.breach(name() + " fetches into a partial it did not open");
  Fetch fetch{.path = command.path, .target = command.target, .pieces = {}};
  for (const sync::PieceRange& range : command.pieces) {
    for (std::uint32_t piece = range.first; piece < range.first + range.count; ++piece) {
      if (disk_.is_verified(command.target, piece)) world_.breach(name() + " fetches a verified piece again");
      fetch.pieces.push_back(piece);
    }
  }
  world_.tell(name(), "fetches " + std::to_string(fetch.pieces.size()) + " pieces of " +
                          short_name(command.target.store) + " from " + std::to_string(fetch.pieces.front()));
  fetches_.emplace(command.fetch, std::move(fetch));
  if (path == paths_.end() || !path->second.open || path->second.role == path::Role::kResponder) {
    // The path may be gone already, its news still on their way; one never opened is the brain's fault.
    if (path != paths_.end()) world_.breach(name() + " fetches over a path that is not open for it");
    later(0us, [this, id = command.fetch] { end_fetch(id, sync::FetchEnd::kPathLost); });
    return;
  }
  Source* source = source_of(path->second);
  const Duration request = source == nullptr ? 0us : delay_between(world_, home_, source->home());
  later(request, [this, id = command.fetch] { serve_next(id); });
}

// A connection lives no longer than what answers it.
Source* NodeHost::source_of(const Path& path) {
  if (path.server != nullptr) {
    return path.server->is_running() && path.server->incarnation() == path.server_life ? path.server : nullptr;
  }
  RelayEnd* partner = path.bootstrap == nullptr ? nullptr : path.bootstrap->partner(path.leg);
  return partner == nullptr ? nullptr : &partner->relay_source();
}

// At the source: the next piece goes out once the one before has left its line.
void NodeHost::serve_next(sync::FetchId id) {
  const auto at = fetches_.find(id);
  if (at == fetches_.end() || at->second.cancelled || at->second.next == at->second.pieces.size()) return;
  Fetch& fetch = at->second;
  const auto path = paths_.find(fetch.path);
  if (path == paths_.end()) return;  // its end is being told
  Source* source = source_of(path->second);
  if (source == nullptr) return path_gone(fetch.path, path::PathEnd::kClosed);
  const std::uint32_t piece = fetch.pieces[fetch.next++];
  Answer answer = source->answer(fetch.target, piece);
  if (answer.silent || source->home().unplugged || home_.unplugged) {
    later(kSilencePatience, [this, id] { end_fetch(id, sync::FetchEnd::kTimeout); });
    return;
  }
  if (answer.refused != sync::FetchEnd::kDone) {
    later(delay_between(world_, source->home(), home_), [this, id, end = answer.refused] { end_fetch(id, end); });
    return;
  }
  const std::uint64_t bytes = answer.data.size() + answer.layer.size() * sizeof(Digest);
  const auto go_on = [this, id, life = incarnation_] {
    if (life == incarnation_ && brain_) serve_next(id);
  };
  const auto here = [this, id, piece, life = incarnation_, got = std::move(answer)] {
    if (life == incarnation_ && brain_) receive(id, piece, got);
  };
  if (path->second.bootstrap != nullptr) {
    path->second.bootstrap->carry(path->second.leg, bytes, go_on, here);
    return;
  }
  const Transit transit = sim::send(world_, source->home(), home_, bytes);
  later(transit.left, go_on);
  later(transit.arrived, here);
}

bool NodeHost::check_layer(const sync::Target& target, const std::vector<Digest>& layer) {
  if (layers_.contains(target)) return true;
  if (layer.size() != target.content.piece_count()) return false;
  const merkle::LayerPage page = merkle::make_layer_page({target.content, layer}, 0);
  if (!merkle::verify_layer_page(target.content, page)) return false;
  layers_[target] = layer;
  disk_.set_layer(target, layer);
  return true;
}

void NodeHost::receive(sync::FetchId id, std::uint32_t piece, const Answer& got) {
  const auto at = fetches_.find(id);
  if (at == fetches_.end() || at->second.cancelled) return;
  const sync::Target target = at->second.target;
  wire_bytes_ += got.data.size();
  if (home_.unplugged) return;
  if (!check_layer(target, got.layer)) return end_fetch(id, sync::FetchEnd::kBadData);
  const auto path = paths_.find(at->second.path);
  const auto verdict = merkle::verify_piece(hasher_, target.content, piece, layers_[target][piece], got.data);
  if (!verdict) {
    const bool is_short = verdict.error() == merkle::PieceError::kWrongLength;
    return end_fetch(id, is_short ? sync::FetchEnd::kProtocol : sync::FetchEnd::kBadData);
  }
  if (!disk_.is_verified(target, piece)) {
    if (const auto failure = disk_.write(world_.now().mono, target, piece, got.data)) {
      fetches_.erase(at);
      brain_->handle_fetch_ended(world_.now(), id,
                                 {.end = sync::FetchEnd::kDisk, .retry_after = {}, .disk = *failure, .detail = {}});
      pump();
      return;
    }
    ++pieces_written_;
    if (path != paths_.end()) bytes_by_rung_[path::index_of(path->second.rung)] += got.data.size();
  }
  at->second.delivered++;
  const bool last = at->second.delivered == at->second.pieces.size();
  brain_->handle_piece(world_.now(), id, piece, got.data.size());
  pump();
  if (last) end_fetch(id, sync::FetchEnd::kDone);
}

void NodeHost::end_fetch(sync::FetchId id, sync::FetchEnd end) {
  const auto at = fetches_.find(id);
  if (at == fetches_.end()) return;
  if (at->second.cancelled && end != sync::FetchEnd::kDone) end = sync::FetchEnd::kCancelled;
  if (end != sync::FetchEnd::kDone) {
    world_.tell(name(),
                "ends a fetch of " + short_name(at->second.target.store) + ": " + std::string(sync::words_of(end)));
  }
  fetches_.erase(at);
  const Duration patience = end == sync::FetchEnd::kBusy ? 2s : 0s;
  brain_->handle_fetch_ended(world_.now(), id, {.end = end, .retry_after = patience, .disk = {}, .detail = {}});
  pump();
}

void NodeHost::execute(const peer::CancelFetch& command) {
  const auto at = fetches_.find(command.fetch);
  if (at == fetches_.end()) return;
  at->second.cancelled = true;
  later(kDiskTime, [this, id = command.fetch] { end_fetch(id, sync::FetchEnd::kCancelled); });
}

void NodeHost::execute(const peer::Commit& command) {
  later(kDiskTime, [this, command] {
    if (const auto failure = disk_.commit(command.target, command.mark)) {
      brain_->handle_commit_failed(world_.now(), command.target, *failure);
    } else {
      const Original* original = library_.find(command.target.store, command.target.content);
      if (original == nullptr || disk_.find(command.target.store)->data != original->data) {
        world_.breach(name() + " commits bytes that are not the store's");
      }
      if (command.mark == sync::Mark::kContested) world_.breach(name() + " commits a contested store");
      world_.tell(name(), "has " + short_name(command.target.store));
      layers_.erase(command.target);
      brain_->handle_committed(world_.now(), command.target);
    }
    pump();
  });
}

void NodeHost::execute(const peer::ReleasePartial& command) {
  for (const auto& [id, fetch] : fetches_) {
    if (fetch.target == command.target) world_.breach(name() + " closes a partial under a fetch");
  }
  disk_.close(command.target, command.discard);
}

Answer NodeHost::answer(const sync::Target& target, std::uint32_t piece) {
  Answer out;
  if (config_.honesty == Honesty::kSilent) {
    out.silent = true;
    return out;
  }
  if (config_.honesty == Honesty::kBusy) {
    out.refused = sync::FetchEnd::kBusy;
    return out;
  }
  const Disk::Complete* complete = disk_.find(target.store);
  const auto pretended = pretended_.find(target.store);
  const bool lies = pretended != pretended_.end() && pretended->second == target.content;
  if (config_.honesty == Honesty::kForgetful || (complete == nullptr && !lies)) {
    out.refused = sync::FetchEnd::kNotFound;
    return out;
  }
  if (!lies && complete->content != target.content) {
    out.refused = sync::FetchEnd::kWrongRoot;
    return out;
  }
  const Original* original = library_.find(target.store, target.content);
  const std::uint32_t length = target.content.piece_length(piece);
  if (original == nullptr) {  // nobody has such bytes
    out.layer.assign(target.content.piece_count(), Digest{1});
    out.data.assign(length, 0);
    return out;
  }
  out.layer = original->tree.layer;
  const ByteView all(original->data);
  out.data = copy_of(all.subspan(std::size_t{piece} * store::kPieceSize, length));
  if (config_.honesty == Honesty::kWrongBytes) out.data[length / 2] ^= 1U;
  if (config_.honesty == Honesty::kWrongLayer) out.layer.back()[0] ^= 1U;
  if (config_.honesty == Honesty::kShort) out.data.resize(length / 2);
  return out;
}

}  // namespace turnpike::sim
