#include "node/brain.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "io/log/log.h"
#include "io/loop/convert.h"
#include "io/reach/nonce_sender.h"
#include "io/reach/round_trip.h"

namespace turnpike::node {
namespace {

std::string words_of(const path::PathFailure& failure) {
  return std::string(path::words_of(failure.end)) + (failure.detail.empty() ? "" : " (" + failure.detail + ")");
}

}  // namespace

Brain::Brain(asio::any_io_executor loop, peer::Config config, Random& random, Memory& memory)
    : random_(random), peer_(io::both_now(), std::move(config), random), memory_(memory), timer_(std::move(loop)) {}

void Brain::connect(Links& links, Paths& paths, Downloads& downloads) {
  links_ = &links;
  paths_ = &paths;
  downloads_ = &downloads;
}

void Brain::tell(const std::function<void(peer::Peer&, Now)>& change) {
  if (stopped_) return;
  change(peer_, io::both_now());
  pump();
}

void Brain::stop() {
  stopped_ = true;
  timer_.cancel();
}

void Brain::catalogue_event(const io::CatalogueEvent& event) {
  if (const auto* gone = std::get_if<io::StoreRemoved>(&event)) on(*gone);
  if (const auto* added = std::get_if<io::StoreAdded>(&event)) {
    on_bytes({added->id, added->content}, added->stamp, false, false);
  }
  if (const auto* now = std::get_if<io::StoreChanged>(&event)) {
    on_bytes({now->id, now->content}, now->stamp, true, now->is_rot);
  }
}

void Brain::on(const io::StoreRemoved& gone) {
  // While its name changes over to the fetched file, a store may be missed for a moment.
  if (gone.is_gone && !committing_.contains(gone.id)) memory_.forget_marks(gone.id);
  tell([&](peer::Peer& peer, Now now) {
    if (gone.is_gone) return peer.handle_local_store_gone(now, gone.id);
    peer.handle_local_store_in_doubt(now, gone.id);
  });
}

void Brain::on_bytes(const sync::Target& target, const io::FileStamp& stamp, bool changed, bool is_rot) {
  damaged_.erase(target.store);
  if (!committing_.contains(target.store) && !memory_.has_mark(target)) {
    const auto fetched = memory_.fetched(target.store);
    const bool given = memory_.is_given(target.store, stamp);
    if (fetched && !given) return repair(target, *fetched);
    const auto before = peer_.store(target.store);
    if (is_rot && before && before->content) return repair(target, {*before->content, sync::Mark::kOwn});
    if (changed) io::log_info("store {} has new bytes, its owner's", target.store.to_string());
    memory_.forget_marks(target.store);
    if (given) memory_.forget_given(target.store);
  } else if (changed && !committing_.contains(target.store)) {
    memory_.forget_other_marks(target);
  }
  const sync::Mark mark = memory_.mark_of(target);
  const bool shared = !memory_.is_private(target.store);
  tell([&](peer::Peer& peer, Now now) { peer.handle_local_store(now, target.store, target.content, mark, shared); });
}

// What was fetched was verified: other bytes in its place are damage, whoever did it, unless the owner says so.
void Brain::repair(const sync::Target& target, const Memory::Fetched& fetched) {
  io::log_warning("store {} is damaged on disk: its bytes are not those that were verified", target.store.to_string());
  tell([&](peer::Peer& peer, Now now) {
    peer.handle_damaged(now, target.store, fetched.content, fetched.mark);
    if (peer.sync_mode() != sync::SyncMode::kAll) peer.want(now, target.store);
  });
  downloads_->put_aside(target);
}

void Brain::put_aside(const store::StoreId& store, const Result<std::string, io::DiskError>& name) {
  if (name) {
    io::log_warning("store {}: the damaged file is kept as {}; what was fetched is fetched again", store.to_string(),
                    *name);
    return;
  }
  damaged_[store] = "damaged on disk, and the file could not be put aside (" +
                    std::string(io::to_string(name.error())) + "): move it away, and look after the disk";
  io::log_error("store {}: {}", store.to_string(), damaged_[store]);
}

void Brain::link_up(std::size_t bootstrap) {
  tell([=](peer::Peer& peer, Now now) { peer.handle_link_up(now, bootstrap); });
}

void Brain::link_down(std::size_t bootstrap, std::string_view reason) {
  const auto known = peer_.bootstraps();
  io::log_info("bootstrap {}: not connected: {}", bootstrap < known.size() ? known[bootstrap].url : "?", reason);
  tell([=](peer::Peer& peer, Now now) { peer.handle_link_down(now, bootstrap, reason); });
}

void Brain::link_judged(std::size_t bootstrap, const captive::Verdict& verdict) {
  const auto known = peer_.bootstraps();
  const bool captive = verdict.finding == captive::Finding::kCaptive;
  const bool is_news = bootstrap < known.size() && known[bootstrap].captive != captive;
  if (is_news && captive) io::log_warning("bootstrap {}: {}", known[bootstrap].url, verdict.text);
  tell([&](peer::Peer& peer, Now now) { peer.handle_link_judged(now, bootstrap, captive, verdict.text); });
}

void Brain::link_message(std::size_t bootstrap, ByteView message) {
  tell([=](peer::Peer& peer, Now now) { peer.handle_link_message(now, bootstrap, message); });
}

void Brain::link_seen(std::size_t bootstrap, const IpAddress& observed) {
  tell([&](peer::Peer& peer, Now now) { peer.handle_seen_elsewhere(now, bootstrap, observed); });
}

void Brain::path_open(path::PathId path, Duration rtt, const std::optional<IpAddress>& remote) {
  tell([=](peer::Peer& peer, Now now) { peer.handle_path_open(now, path, rtt, remote); });
}

void Brain::path_closed(path::PathId path, const path::PathFailure& failure) {
  io::log_debug("path {}: {}", path.value, words_of(failure));
  tell([&](peer::Peer& peer, Now now) { peer.handle_path_closed(now, path, failure); });
}

void Brain::partial_open(const sync::Target& target, const std::vector<bool>& verified) {
  tell([&](peer::Peer& peer, Now now) { peer.handle_partial_open(now, target, verified); });
}

void Brain::partial_failed(const sync::Target& target, const sync::DiskFailure& failure) {
  io::log_warning("store {}: paused: {}", target.store.to_string(), failure.detail);
  tell([&](peer::Peer& peer, Now now) { peer.handle_partial_failed(now, target, failure); });
}

void Brain::piece_done(sync::FetchId fetch, std::uint32_t piece, std::uint64_t wire_bytes) {
  tell([=](peer::Peer& peer, Now now) { peer.handle_piece(now, fetch, piece, wire_bytes); });
}

void Brain::fetch_ended(sync::FetchId fetch, const sync::FetchOutcome& outcome) {
  tell([&](peer::Peer& peer, Now now) { peer.handle_fetch_ended(now, fetch, outcome); });
}

void Brain::committed(const sync::Target& target) {
  committing_.erase(target.store);
  memory_.forget_other_marks(target);
  io::log_info("store {} is complete: {} bytes", target.store.to_string(), target.content.size);
  tell([&](peer::Peer& peer, Now now) { peer.handle_committed(now, target); });
}

void Brain::commit_failed(const sync::Target& target, const sync::DiskFailure& failure) {
  committing_.erase(target.store);
  memory_.forget_mark(target);  // another file may stand there: it is not these bytes gone bad
  io::log_warning("store {}: not put in place: {}", target.store.to_string(), failure.detail);
  tell([&](peer::Peer& peer, Now now) { peer.handle_commit_failed(now, target, failure); });
}

// Durable before the file is in place: a store that was fetched must not be taken for the owner's own after a crash.
void Brain::execute(const peer::Commit& command) {
  const store::StoreId& store = command.target.store;
  committing_.insert(store);
  // What it replaces stays known for the owner's, should the exchange be cut short.
  if (const auto here = downloads_->held(store); here && !memory_.has_mark({store, *here})) {
    memory_.remember_mark({store, *here}, sync::Mark::kOwn);
  }
  memory_.remember_mark(command.target, command.mark);
  downloads_->commit(command);
}

void Brain::execute(const peer::Probe& command) {
  asio::co_spawn(timer_.get_executor(), probe(command), asio::detached);
}

asio::awaitable<void> Brain::probe(peer::Probe given) {
  const peer::Probe order = given;
  const auto outcome = co_await io::send_nonce(order.target, order.nonce);
  io::log_debug("sent a nonce to {} {}: {}", name_of(order.target.kind), order.target.endpoint.to_string(),
                outcome == rendezvous::ProbeOutcome::kSent ? "answered" : "no answer");
  tell([&](peer::Peer& peer, Now now) { peer.handle_probed(now, order.id, outcome); });
}

void Brain::execute(const peer::MeasureServer& command) {
  asio::co_spawn(timer_.get_executor(), measure(command), asio::detached);
}

asio::awaitable<void> Brain::measure(peer::MeasureServer given) {
  const peer::MeasureServer order = given;
  const auto rtt = co_await io::stun_round_trip(order.at, peer::kMeasureTime, random_);
  tell([&](peer::Peer& peer, Now now) { peer.handle_server_measured(now, order.server, rtt); });
}

void Brain::execute(const peer::OpenTurnSession& command) {
  Result<turn::Opened, turn::RefusalReason> decided = fail(turn::RefusalReason::kNoAddress);
  if (turn_.open_session) decided = turn_.open_session(command);
  tell([&](peer::Peer& peer, Now now) { peer.handle_session_decided(now, command.ticket, decided); });
}

// A command may fail at once, and its event comes back while commands are still being handed out: it then only goes in,
// and the loop above it goes on.
void Brain::pump() {
  if (pumping_) return;
  pumping_ = true;
  while (auto command = peer_.poll_command()) {
    std::visit([this](auto& each) { execute(each); }, *command);
  }
  pumping_ = false;
  if (stores_changed_ && std::exchange(stores_version_, peer_.locals_version()) != peer_.locals_version()) {
    asio::post(timer_.get_executor(), [this] { stores_changed_(); });
  }
  sleep();
}

void Brain::sleep() {
  const std::optional<Instant> next = peer_.poll_timeout();
  if (next == armed_) return;
  armed_ = next;
  timer_.cancel();
  if (!next) return;
  timer_.expires_at(io::to_steady(*next));
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled || stopped_) return;
    armed_.reset();
    tell([](peer::Peer& peer, Now now) { peer.handle_timeout(now); });
  });
}

}  // namespace turnpike::node
