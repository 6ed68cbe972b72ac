#include "core/sync/sync.h"

#include <algorithm>

namespace turnpike::sync {
namespace {

using State = Transfer::State;

std::string in_words(const DiskFailure& failure) {
  std::string text = failure.error == DiskError::kNoSpace ? "the disk is full" : "the disk failed";
  if (!failure.detail.empty()) text += " (" + failure.detail + ")";
  return text;
}

std::string in_words(const FetchOutcome& outcome) {
  if (outcome.end == FetchEnd::kDisk) return in_words(outcome.disk);
  std::string text(words_of(outcome.end));
  if (!outcome.detail.empty()) text += " (" + outcome.detail + ")";
  return text;
}

}  // namespace

Sync::Sync(const Book::Config& config, path::Paths& paths, Random& random) : paths_(paths), book_(config, random) {}

// --- what is known, what is wanted ---

void Sync::handle_catalogue_ready(Now now) {
  ready_ = true;
  pump(now);
}

void Sync::handle_local(Now now, const store::StoreId& store, const Local& local) {
  const Running* running = find(Target{store, local.content});
  // Our own commit, seen by the folder's watcher first: handle_committed tells the mark.
  if (running != nullptr && running->transfer.state == State::kCommitting) return;
  Local placed = local;
  placed.brought = local.mark != Mark::kOwn;
  book_.set_local(now.mono, store, placed);
  ++locals_version_;
  pump(now);
}

void Sync::handle_local_gone(Now now, const store::StoreId& store) {
  book_.clear_local(now.mono, store);
  ++locals_version_;
  pump(now);
}

void Sync::handle_local_in_doubt(Now now, const store::StoreId& store) {
  book_.set_in_doubt(now.mono, store);
  ++locals_version_;
  pump(now);
}

void Sync::handle_damaged(Now now, const store::StoreId& store, const Local& claim) {
  book_.set_claim(now.mono, store, claim);
  ++locals_version_;
  pump(now);
}

void Sync::handle_partial_found(Now now, const Target& target) {
  if (running_.contains(target)) return;
  book_.set_begun(now.mono, target);
  pump(now);
}

void Sync::handle_entry(Now now, const store::StoreId& store, const store::Content& content) {
  book_.learn(now.mono, store, content);
}

void Sync::handle_announcers(Now now, std::size_t bootstrap, const store::StoreId& store,
                             const std::vector<Announcement>& announcements) {
  book_.set_announcers(now.mono, bootstrap, store, announcements);
  pump(now);
}

void Sync::handle_words(Now now, const std::vector<std::pair<store::StoreId, Announcement>>& has, const PeerId& peer,
                        const std::vector<store::StoreId>& gone) {
  for (const auto& [store, said] : has) book_.set_word(now.mono, store, said);
  for (const store::StoreId& store : gone) book_.clear_word(now.mono, store, peer);
  pump(now);
}

void Sync::handle_paths_changed(Now now) { pump(now); }

void Sync::handle_network_changed(Now now) {
  book_.retry_now(now.mono);
  pump(now);
}

void Sync::handle_timeout(Now now) {
  book_.handle_timeout(now.mono);
  pump(now);
}

void Sync::want(Now now, const store::StoreId& store) {
  book_.want(now.mono, store);
  pump(now);
}

void Sync::unwant(Now now, const store::StoreId& store) {
  book_.unwant(now.mono, store);
  pump(now);
}

void Sync::refuse(Now now, const store::StoreId& store) {
  for (const Target& useless : book_.refuse(now.mono, store)) {
    actions_.emplace_back(ReleasePartial{.target = useless, .discard = true});
    book_.discarded(now.mono, useless);
  }
  pump(now);
}

void Sync::set_private(Now now, const store::StoreId& store, bool is_private) {
  book_.set_private(now.mono, store, is_private);
  ++locals_version_;
  pump(now);
}

void Sync::set_max_disk(Now now, std::uint64_t bytes) {
  book_.set_max_disk(now.mono, bytes);
  pump(now);
}

void Sync::retry_full(Now now) {
  book_.retry_full(now.mono);
  pump(now);
}

void Sync::pin(Now now, const store::StoreId& store, const store::Content& content) {
  book_.pin(now.mono, store, content);
  pump(now);
}

void Sync::unpin(Now now, const store::StoreId& store) {
  book_.unpin(now.mono, store);
  pump(now);
}

void Sync::set_mode(Now now, SyncMode mode) {
  book_.set_mode(now.mono, mode);
  pump(now);
}

// --- how it goes ---

void Sync::handle_partial_open(Now now, const Target& target, const std::vector<bool>& verified) {
  Running* running = find(target);
  if (running == nullptr || !running->awaits_disk) return;
  running->awaits_disk = false;
  if (running->transfer.state == State::kOpening) {
    running->transfer.handle_partial_open(verified);
    advance(now, *running);
  }
  pump(now);
}

void Sync::handle_partial_failed(Now now, const Target& target, const DiskFailure& failure) {
  Running* running = find(target);
  if (running == nullptr || !running->awaits_disk) return;
  running->awaits_disk = false;
  pause(now, *running, failure);
  pump(now);
}

void Sync::handle_piece(Now now, FetchId id, std::uint32_t piece, std::uint64_t wire_bytes) {
  Running* running = find(id);
  if (running == nullptr) return;
  Transfer& transfer = running->transfer;
  const Fetch& fetch = transfer.fetches.at(id);
  std::uint64_t length = 0;
  const bool news = transfer.handle_piece(now.mono, id, piece, length);
  if (length == 0) return;  // not what this fetch was to bring
  PathUse& use = uses_[fetch.path];
  use.delivered = now.mono;
  use.meter.add(now.mono, std::max(wire_bytes, length));
  book_.succeed(transfer.target(), fetch.peer);
  if (news) {
    bytes_by_rung_[path::index_of(fetch.rung)] += length;
    paths_.handle_delivered(now, fetch.path, length);
  }
  // A hedge that came too late for all it was to bring.
  for (auto& [other, twin] : transfer.fetches) {
    const bool late = std::all_of(twin.outstanding.begin(), twin.outstanding.end(),
                                  [&](std::uint32_t p) { return transfer.pieces()->is_verified(p); });
    if (late && !twin.outstanding.empty()) cancel(now, other, twin);
  }
  advance(now, *running);
  pump(now);
}

void Sync::handle_fetch_ended(Now now, FetchId id, const FetchOutcome& outcome) {
  Running* running = find(id);
  if (running == nullptr) return;
  Transfer& transfer = running->transfer;
  const Target target = transfer.target();
  const Fetch fetch = transfer.fetches.at(id);
  const std::uint64_t undelivered = transfer.handle_fetch_ended(id);
  owner_.erase(id);
  if (const auto use = uses_.find(fetch.path); use != uses_.end()) {
    if (use->second.fetches > 0) --use->second.fetches;
    if (use->second.fetches == 0) use->second.meter.stop();
  }
  judge(now, target, fetch, outcome, undelivered == 0);
  paths_.handle_fetch_ended(now, fetch.path, undelivered);
  advance(now, *running);
  pump(now);
}

// Whose fault it was, and what follows from that.
void Sync::judge(Now now, const Target& target, const Fetch& fetch, const FetchOutcome& outcome, bool was_complete) {
  const std::string why = in_words(outcome);
  switch (outcome.end) {
    case FetchEnd::kDone:
      if (!was_complete) book_.trouble(now.mono, target, fetch.peer, "it ended without all it was asked for", {});
      break;
    case FetchEnd::kCancelled:
      break;
    case FetchEnd::kNotFound:
    case FetchEnd::kWrongRoot:
      book_.trouble(now.mono, target, fetch.peer, why, kNotFoundPatience);
      book_.look_up_soon(now.mono, target.store);
      break;
    case FetchEnd::kBusy:
    case FetchEnd::kOverQuota:
      book_.trouble(now.mono, target, fetch.peer, why, outcome.retry_after);
      break;
    case FetchEnd::kBadData: {
      book_.blame(now.mono, target, fetch.peer, why);
      Running* running = find(target);
      for (auto& [id, other] : running->transfer.fetches) {
        if (other.peer == fetch.peer) cancel(now, id, other);
      }
      break;
    }
    case FetchEnd::kProtocol:
      book_.trouble(now.mono, target, fetch.peer, why, kProtocolPatience);
      give_up_path(now, fetch.path, path::PathEnd::kProtocol, why);
      break;
    case FetchEnd::kPathLost:
      // Not the store's trouble with this peer: the ladder decides when there is a way again, and it waits for nothing.
      if (!fetch.cancelled) give_up_path(now, fetch.path, path::PathEnd::kClosed, outcome.detail);
      break;
    case FetchEnd::kConnection:
    case FetchEnd::kTimeout: {
      if (fetch.cancelled) break;
      const PathUse& use = uses_[fetch.path];
      if (use.fetches > 0 && now.mono - use.delivered < kFirstBackoff) {
        // Other stores come through: it is this one the peer has trouble with.
        book_.trouble(now.mono, target, fetch.peer, why, {});
        break;
      }
      const bool silent = outcome.end == FetchEnd::kTimeout;
      give_up_path(now, fetch.path, silent ? path::PathEnd::kTimeout : path::PathEnd::kClosed, outcome.detail);
      break;
    }
    case FetchEnd::kDisk:
      if (Running* running = find(target)) pause(now, *running, outcome.disk);
      break;
  }
}

void Sync::handle_committed(Now now, const Target& target) {
  Running* running = find(target);
  if (running == nullptr || running->transfer.state != State::kCommitting) return;
  TransferView done = running->transfer.view(now.mono);
  done.state = "complete";
  done.reason.clear();
  finished_.push_front(std::move(done));
  if (finished_.size() > kMaxFinished) finished_.pop_back();
  const Mark mark = book_.mark_of(target);
  running_.erase(target);
  for (const Target& useless : book_.complete(now.mono, target, mark == Mark::kContested ? Mark::kUnconfirmed : mark)) {
    actions_.emplace_back(ReleasePartial{.target = useless, .discard = true});
  }
  ++locals_version_;
  pump(now);
}

void Sync::handle_commit_failed(Now now, const Target& target, const DiskFailure& failure) {
  Running* running = find(target);
  if (running == nullptr || running->transfer.state != State::kCommitting) return;
  running->transfer.state = State::kFetching;
  pause(now, *running, failure);
  pump(now);
}

// --- the pump ---

void Sync::pump(Now now) {
  if (!ready_) return;
  guard_fetches(now);
  drop_unchosen(now);
  // Each round ends or starts at least one transfer, or is the last.
  for (bool again = true; again;) {
    again = finish_stopped(now);
    while (start_next(now)) again = true;
    make_room(now);
    ask_for_paths(now);
    again |= stop_stalled(now);
  }
  assign(now);
}

bool Sync::finish_stopped(Now now) {
  bool any = false;
  for (auto at = running_.begin(); at != running_.end();) {
    Running& running = at->second;
    Transfer& transfer = running.transfer;
    const bool drained = transfer.draining && transfer.state == State::kFetching;
    if ((transfer.state != State::kStopping && !drained) || running.awaits_disk || !transfer.fetches.empty()) {
      ++at;
      continue;
    }
    const Target target = at->first;
    const After after = running.after;
    const std::string why = std::move(running.why);
    actions_.emplace_back(ReleasePartial{.target = target, .discard = after == After::kDiscard});
    at = running_.erase(at);
    book_.set_active(now.mono, target, false);
    if (after == After::kFail) book_.fail(now.mono, target, why, false);
    if (after == After::kPause || after == After::kFull) book_.fail(now.mono, target, why, true, after == After::kFull);
    if (after == After::kDiscard) book_.discarded(now.mono, target);
    if (after == After::kHold) book_.hold(now.mono, target);
    any = true;
  }
  return any;
}

void Sync::drop_unchosen(Now now) {
  for (auto& [target, running] : running_) {
    const State state = running.transfer.state;
    if (state == State::kStopping || state == State::kCommitting || book_.is_chosen(target)) continue;
    const bool useless = book_.local(target.store) || book_.is_refused(target.store);
    if (!book_.is_refused(target.store)) {
      book_.note(target.store, useless ? "stopped: the store is here" : "stopped: these bytes are no longer chosen");
    }
    stop(now, running, useless ? After::kDiscard : After::kNothing, {});
  }
}

bool Sync::start_next(Now now) {
  if (running_.size() >= kMaxTransfers) return false;
  book_.settle(now.mono);
  const std::optional<Target> next = book_.next_start();
  if (!next || running_.contains(*next)) return false;
  running_.emplace(*next, Running{.transfer = Transfer(*next, now.mono), .why = {}});
  book_.set_active(now.mono, *next, true);
  actions_.emplace_back(OpenPartial{*next});
  return true;
}

// What the user asked for does not wait behind what sync brings by itself.
void Sync::make_room(Now) {
  if (running_.size() < kMaxTransfers || !book_.next_is_asked_for()) return;
  // The one that loses least: with the fewest fetches under way, then with the fewest bytes here.
  const auto loss = [](const Running& running) {
    const auto& pieces = running.transfer.pieces();
    return std::pair(running.transfer.fetches.size(), pieces ? pieces->verified_bytes() : 0);
  };
  Running* least = nullptr;
  for (auto& [target, running] : running_) {
    const State state = running.transfer.state;
    if (running.transfer.draining || state == State::kStopping || state == State::kCommitting) return;
    if (book_.is_asked_for(target.store)) continue;
    if (least == nullptr || loss(running) < loss(*least)) least = &running;
  }
  if (least != nullptr) least->transfer.draining = true;
}

void Sync::ask_for_paths(Now now) {
  std::map<PeerId, bool> wanted;
  for (auto& [target, running] : running_) {
    Transfer& transfer = running.transfer;
    const bool fetches = transfer.state == State::kOpening || transfer.state == State::kFetching;
    const bool complete = transfer.pieces() && transfer.pieces()->is_complete();
    if (!fetches || complete || transfer.draining) continue;
    for (const PeerId& replaced : transfer.engage(now, book_, paths_)) {
      const path::Ladder* ladder = paths_.ladder(replaced);
      book_.trouble(now.mono, target, replaced, ladder == nullptr ? "nothing is known of it" : ladder->reason(), {});
    }
    for (const PeerId& peer : transfer.engaged()) wanted[peer] |= transfer.relay_peer() == peer;
    const Duration period = transfer.relay_peer() ? kRelayedLookupPeriod : kActiveLookupPeriod;
    book_.look_up_by(now.mono + period, target.store);
  }
  paths_.want(now, wanted);
}

bool Sync::stop_stalled(Now now) {
  bool any = false;
  for (auto& [target, running] : running_) {
    Transfer& transfer = running.transfer;
    if (transfer.state != State::kFetching || transfer.draining || !transfer.is_stalled(now.mono, paths_)) continue;
    // With nobody to ask, each one's trouble says why and until when.
    const After after = transfer.engaged().empty() ? After::kNothing : After::kFail;
    stop(now, running, after, transfer.why_stalled(paths_));
    any = true;
  }
  return any;
}

void Sync::assign(Now now) {
  // What was asked for chooses first.
  for (const bool asked : {true, false}) {
    for (auto& [target, running] : running_) {
      if (book_.is_asked_for(target.store) != asked) continue;
      for (StartFetch& start : running.transfer.assign(now, paths_, uses_, fetch_ids_)) {
        owner_[start.fetch] = target;
        actions_.emplace_back(std::move(start));
      }
    }
  }
  std::erase_if(uses_, [&](const auto& use) {
    return use.second.fetches == 0 && now.mono - use.second.delivered > path::kHttpLinger;
  });
}

void Sync::guard_fetches(Now now) {
  std::vector<FetchId> lost;
  std::vector<path::PathId> silent;
  for (auto& [target, running] : running_) {
    for (auto& [id, fetch] : running.transfer.fetches) {
      if (fetch.cancelled) {
        if (now.mono >= *fetch.cancelled + kCancelPatience) lost.push_back(id);
      } else if (now.mono >= uses_[fetch.path].delivered + kFetchStall) {
        silent.push_back(fetch.path);
      }
    }
  }
  for (const path::PathId path : silent) give_up_path(now, path, path::PathEnd::kTimeout, "it delivers nothing");
  for (const FetchId id : lost) {
    Running* running = find(id);
    if (running == nullptr) continue;
    const Fetch fetch = running->transfer.fetches.at(id);
    paths_.handle_fetch_ended(now, fetch.path, running->transfer.handle_fetch_ended(id));
    owner_.erase(id);
    if (const auto use = uses_.find(fetch.path); use != uses_.end() && use->second.fetches > 0) --use->second.fetches;
  }
}

// All pieces are there: into place with it, or hold it back while it is contested.
void Sync::advance(Now now, Running& running) {
  Transfer& transfer = running.transfer;
  if (transfer.state != State::kFetching || !transfer.pieces()->is_complete()) return;
  for (auto& [id, fetch] : transfer.fetches) cancel(now, id, fetch);
  if (!transfer.fetches.empty()) return;
  const Mark mark = book_.mark_of(transfer.target());
  if (mark == Mark::kContested) {
    stop(now, running, After::kHold, {});
    return;
  }
  transfer.state = State::kCommitting;
  actions_.emplace_back(Commit{.target = transfer.target(), .mark = mark});
}

void Sync::stop(Now now, Running& running, After after, std::string why) {
  Transfer& transfer = running.transfer;
  for (auto& [id, fetch] : transfer.fetches) cancel(now, id, fetch);
  if (transfer.state == State::kStopping) return;
  transfer.state = State::kStopping;
  running.after = after;
  running.why = std::move(why);
}

void Sync::pause(Now now, Running& running, const DiskFailure& failure) {
  stop(now, running, failure.error == DiskError::kNoSpace ? After::kFull : After::kPause, in_words(failure));
}

void Sync::cancel(Now now, const FetchId& id, Fetch& fetch) {
  if (fetch.cancelled) return;
  fetch.cancelled = now.mono;
  actions_.emplace_back(CancelFetch{id});
}

// Closes a path that failed us; whatever else runs over it is cancelled first.
void Sync::give_up_path(Now now, path::PathId path, path::PathEnd end, std::string why) {
  for (auto& [target, running] : running_) {
    for (auto& [id, fetch] : running.transfer.fetches) {
      if (fetch.path == path) cancel(now, id, fetch);
    }
  }
  paths_.demote(now, path, {.end = end, .detail = std::move(why)});
}

Sync::Running* Sync::find(const Target& target) {
  const auto at = running_.find(target);
  return at == running_.end() ? nullptr : &at->second;
}

Sync::Running* Sync::find(FetchId fetch) {
  const auto at = owner_.find(fetch);
  return at == owner_.end() ? nullptr : find(at->second);
}

// --- out ---

std::optional<Action> Sync::poll_action() {
  if (actions_.empty()) return std::nullopt;
  Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

std::optional<std::vector<store::StoreId>> Sync::poll_lookup(Now now) {
  if (!ready_) return std::nullopt;
  return book_.poll_lookup(now.mono);
}

std::optional<Instant> Sync::poll_timeout() const {
  if (!ready_) return std::nullopt;
  std::optional<Instant> next = book_.poll_timeout();
  const auto at = [&](Instant instant) { next = next ? std::min(*next, instant) : instant; };
  for (const auto& [target, running] : running_) {
    for (const auto& [id, fetch] : running.transfer.fetches) {
      if (fetch.cancelled) {
        at(*fetch.cancelled + kCancelPatience);
      } else if (const auto use = uses_.find(fetch.path); use != uses_.end()) {
        at(use->second.delivered + kFetchStall);
      }
    }
  }
  return next;
}

StoreView Sync::store(Instant now, const store::StoreId& store) const {
  StoreView view{
      .store = store, .content = {}, .state = {}, .mark = {}, .reason = {}, .next_action = {}, .history = {}};
  const Plan plan = book_.plan(now, store);
  view.state = plan.state;
  view.reason = plan.reason;
  view.next_action = plan.next;
  view.asked_for = book_.is_asked_for(store);
  view.announcers = book_.announcers(store);
  view.history = book_.history(store);
  view.content = book_.content_of(store);
  view.is_private = book_.is_private(store);
  if (const std::optional<Local> local = book_.local(store)) {
    view.content = local->content;
    view.mark = book_.local_mark(store);
    view.pieces_total = view.pieces_verified = local->content.piece_count();
  } else if (const auto first = running_.lower_bound(Target{store, {}});
             first != running_.end() && first->first.store == store) {
    const TransferView transfer = first->second.transfer.view(now);
    view.content = first->first.content;
    view.mark = book_.mark_of(first->first);
    if (view.state != "contested") view.state = transfer.state;
    view.reason = view.state == "contested" ? plan.reason : transfer.reason;
    view.pieces_total = first->first.content.piece_count();
    const auto& pieces = first->second.transfer.pieces();
    view.pieces_verified = pieces ? pieces->verified() : 0;
  }
  return view;
}

std::vector<TransferView> Sync::transfers(Instant now) const {
  std::vector<TransferView> out;
  for (const auto& [target, running] : running_) out.push_back(running.transfer.view(now));
  out.insert(out.end(), finished_.begin(), finished_.end());
  return out;
}

}  // namespace turnpike::sync
