#include "core/sync/book.h"

#include <algorithm>

namespace turnpike::sync {

Book::Book(const Config& config, Random& random) : config_(config), random_(random), salt_(random.below(UINT64_MAX)) {}

// --- what is known ---

void Book::learn(Instant now, const store::StoreId& store, const store::Content& content) {
  Entry* entry = open(store);
  if (entry == nullptr) return;
  if (entry->local && entry->local->content == content) return;
  if (!needs_lookups(*entry)) return;
  entry->lookup_backoff.reset();
  look_up_soon(now, store);
}

void Book::set_announcers(Instant now, std::size_t bootstrap, const store::StoreId& store,
                          const std::vector<Announcement>& announcements) {
  Entry* entry = open(store);
  if (entry == nullptr) return;
  const auto bit = static_cast<std::uint8_t>(1U << bootstrap);
  for (Known& known : entry->announcers) known.via &= static_cast<std::uint8_t>(~bit);
  bool fresh = false;
  for (const Announcement& said : announcements) {
    const auto same = std::find_if(entry->announcers.begin(), entry->announcers.end(),
                                   [&](const Known& known) { return known.said.peer == said.peer; });
    if (same == entry->announcers.end()) {
      if (entry->announcers.size() >= kMaxAnnouncersPerStore || announcements_ >= kMaxAnnouncements) {
        ++passed_over_;
        continue;
      }
      entry->announcers.push_back({said, bit});
      ++announcements_;
      fresh = true;
    } else if (said.seq >= same->said.seq) {
      fresh |= same->said.content != said.content || said.seq > same->said.seq;
      same->said = said;
      same->via |= bit;
    }
  }
  announcements_ -= std::erase_if(entry->announcers, [](const Known& known) { return known.via == 0; });
  if (fresh) entry->lookup_backoff.reset();
  if (fresh) {
    // Somebody new may succeed where the others failed. The disk's troubles are not theirs.
    for (auto& [content, attempt] : entry->attempts) {
      if (!attempt.disk) attempt.next_try = now;
    }
  }
  if (needs_lookups(*entry)) {
    const bool here = entry->local.has_value();
    const Duration period = here                        ? path::Backoff::jittered(random_, kConfirmPeriod)
                            : entry->announcers.empty() ? entry->lookup_backoff.fail(random_)
                                                        : path::Backoff::jittered(random_, kLookupPeriod);
    file_lookup(store, *entry, now + period);
  } else {
    file_lookup(store, *entry, std::nullopt);
  }
  file(now, store, *entry);
}

void Book::set_local(Instant now, const store::StoreId& store, const Local& local) {
  Entry& entry = entries_[store];  // what is on our disk is bounded by our disk
  if (entry.local) local_bytes_ -= entry.local->content.size;
  const bool same = entry.local && entry.local->content == local.content;
  const Mark mark = same ? std::min(entry.local->mark, local.mark) : local.mark;  // found again is not put there anew
  entry.local = local;
  entry.local->mark = mark;
  local_bytes_ += local.content.size;
  if (!needs_lookups(entry)) file_lookup(store, entry, std::nullopt);
  file(now, store, entry);
}

void Book::clear_local(Instant now, const store::StoreId& store) {
  Entry* entry = find(store);
  if (entry == nullptr || !entry->local) return;
  local_bytes_ -= entry->local->content.size;
  entry->local.reset();
  write(*entry, "the file is gone from the folder");
  if (needs_lookups(*entry)) look_up_soon(now, store);
  file(now, store, *entry);
}

// --- what is wanted ---

void Book::want(Instant now, const store::StoreId& store) {
  Entry& entry = entries_[store];
  entry.asked = true;
  entry.lookup_backoff.reset();
  for (auto& [content, attempt] : entry.attempts) {
    attempt.next_try = now;
    for (auto& [peer, trouble] : attempt.troubles) trouble.next_try = now;
  }
  if (needs_lookups(entry)) look_up_soon(now, store);
  file(now, store, entry);
}

void Book::unwant(Instant now, const store::StoreId& store) {
  Entry* entry = find(store);
  if (entry == nullptr) return;
  entry->asked = false;
  if (!needs_lookups(*entry)) file_lookup(store, *entry, std::nullopt);
  file(now, store, *entry);
}

void Book::pin(Instant now, const store::StoreId& store, const store::Content& content) {
  Entry& entry = entries_[store];
  entry.pin = content;
  if (entry.local && entry.local->content == content) entry.local->mark = Mark::kPinned;
  if (needs_lookups(entry)) look_up_soon(now, store);
  file(now, store, entry);
}

void Book::unpin(Instant now, const store::StoreId& store) {
  Entry* entry = find(store);
  if (entry == nullptr || !entry->pin) return;
  entry->pin.reset();
  if (entry->local && entry->local->mark == Mark::kPinned) entry->local->mark = Mark::kOwn;
  file(now, store, *entry);
}

void Book::set_mode(Instant now, SyncMode mode) {
  config_.mode = mode;
  for (auto& [store, entry] : entries_) {
    if (needs_lookups(entry)) {
      look_up_soon(now, store);
    } else {
      file_lookup(store, entry, std::nullopt);
    }
    file(now, store, entry);
  }
}

void Book::retry_now(Instant now) {
  for (auto& [store, entry] : entries_) {
    bool waited = entry.lookup_at && !entry.ready;
    for (auto& [content, attempt] : entry.attempts) {
      if (!attempt.disk) attempt.next_try = now;
      for (auto& [peer, trouble] : attempt.troubles) trouble.next_try = now;
      waited = true;
    }
    if (!waited) continue;
    if (needs_lookups(entry) && !entry.local) look_up_soon(now, store);
    file(now, store, entry);
  }
}

// --- how it went ---

Book::Attempt& Book::attempt(Entry& entry, const store::Content& content) {
  const auto at = entry.attempts.find(content);
  if (at != entry.attempts.end()) return at->second;
  if (entry.attempts.size() >= kMaxAttempts) {
    // A liar may announce ever new contents; what nobody announces any longer is forgotten first.
    const auto announced = [&](const store::Content& c) {
      return std::any_of(entry.announcers.begin(), entry.announcers.end(),
                         [&](const Known& known) { return known.said.content == c; });
    };
    auto victim = std::find_if(entry.attempts.begin(), entry.attempts.end(), [&](const auto& item) {
      return !item.second.active && !item.second.begun && !announced(item.first);
    });
    if (victim == entry.attempts.end()) {
      victim = std::find_if(entry.attempts.begin(), entry.attempts.end(),
                            [](const auto& item) { return !item.second.active; });
    }
    if (victim != entry.attempts.end()) entry.attempts.erase(victim);
  }
  return entry.attempts[content];
}

void Book::set_active(Instant now, const Target& target, bool active) {
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  Attempt& tried = attempt(*entry, target.content);
  if (tried.active != active) {
    if (active) {
      active_bytes_ += target.content.size;
    } else {
      active_bytes_ -= target.content.size;
    }
  }
  tried.active = active;
  if (active) tried.begun = true;
  file(now, target.store, *entry);
}

void Book::blame(Instant now, const Target& target, const PeerId& peer, std::string_view why) {
  trouble(now, target, peer, why, {});
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  const auto at = attempt(*entry, target.content).troubles.find(peer);
  if (at == attempt(*entry, target.content).troubles.end()) return;
  at->second.blamed = true;
  file(now, target.store, *entry);
}

void Book::trouble(Instant now, const Target& target, const PeerId& peer, std::string_view why, Duration at_least) {
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  std::map<PeerId, Trouble>& troubles = attempt(*entry, target.content).troubles;
  if (!troubles.contains(peer) && troubles.size() >= kMaxTroubles) {
    const auto mild = std::find_if(troubles.begin(), troubles.end(), [](const auto& t) { return !t.second.blamed; });
    troubles.erase(mild == troubles.end() ? troubles.begin() : mild);
  }
  Trouble& trouble = troubles[peer];
  const Duration wait = std::max(trouble.backoff.fail(random_), std::min<Duration>(at_least, kBackoffLimit));
  trouble.next_try = now + wait;
  trouble.reason = why;
  write(*entry, short_name(peer) + ": " + std::string(why));
  file(now, target.store, *entry);
}

void Book::succeed(const Target& target, const PeerId& peer) {
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  const auto at = entry->attempts.find(target.content);
  if (at == entry->attempts.end()) return;
  at->second.backoff.reset();
  at->second.disk = false;
  at->second.reason.clear();
  const auto trouble = at->second.troubles.find(peer);
  if (trouble != at->second.troubles.end() && !trouble->second.blamed) at->second.troubles.erase(trouble);
}

void Book::fail(Instant now, const Target& target, std::string_view why, bool disk) {
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  Attempt& tried = attempt(*entry, target.content);
  tried.reason = why;
  tried.disk = disk;
  tried.next_try = now + tried.backoff.fail(random_);
  write(*entry, why);
  if (!disk && needs_lookups(*entry)) look_up_soon(now, target.store);
  file(now, target.store, *entry);
}

void Book::hold(Instant now, const Target& target) {
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  attempt(*entry, target.content).held = true;
  write(*entry, "staged, and held back while it is contested");
  file(now, target.store, *entry);
}

std::vector<Target> Book::complete(Instant now, const Target& target, Mark mark) {
  std::vector<Target> useless;
  Entry& entry = entries_[target.store];
  for (const auto& [content, tried] : entry.attempts) {
    if (content != target.content && tried.begun && !tried.active) useless.push_back({target.store, content});
    if (tried.active) active_bytes_ -= content.size;
  }
  std::map<store::Content, Attempt> kept;
  for (auto& [content, tried] : entry.attempts) {
    tried.active = false;
    tried.begun = false;
    tried.held = false;
    const bool any_blame =
        std::any_of(tried.troubles.begin(), tried.troubles.end(), [](const auto& t) { return t.second.blamed; });
    if (any_blame) kept.emplace(content, std::move(tried));
  }
  entry.attempts = std::move(kept);
  write(entry, "complete and verified (" + std::string(name_of(mark)) + ")");
  const bool shared = !entry.local || entry.local->shared;
  set_local(now, target.store, {.content = target.content, .mark = mark, .shared = shared});
  return useless;
}

void Book::note(const store::StoreId& store, std::string_view line) {
  if (Entry* entry = find(store)) write(*entry, line);
}

// --- what is next ---

std::optional<Target> Book::next_start() const {
  if (ready_.empty()) return std::nullopt;
  const store::StoreId store = ready_.begin()->store;
  return Target{store, *entries_.at(store).start};
}

bool Book::next_is_asked_for() const { return !ready_.empty() && ready_.begin()->kind == 0; }

std::optional<std::vector<store::StoreId>> Book::poll_lookup(Instant now) {
  if (lookups_.empty() || lookups_.begin()->first > now || now < next_batch_) return std::nullopt;
  std::vector<store::StoreId> batch;
  while (batch.size() < kMaxIdsPerLookup && !lookups_.empty() && lookups_.begin()->first <= now) {
    const store::StoreId store = lookups_.begin()->second;
    Entry& entry = entries_.at(store);
    entry.last_lookup = now;
    // Should no answer come, it is asked again.
    file_lookup(store, entry, now + path::Backoff::jittered(random_, kLookupPeriod));
    batch.push_back(store);
  }
  next_batch_ = now + kLookupBatchGap;
  return batch;
}

void Book::put_back(Instant now, const std::vector<store::StoreId>& stores) {
  for (const store::StoreId& store : stores) {
    if (Entry* entry = find(store)) file_lookup(store, *entry, now + kMinLookupGap);
  }
}

void Book::look_up_soon(Instant now, const store::StoreId& store) {
  Entry* entry = find(store);
  if (entry == nullptr) return;
  const Instant at = entry->last_lookup ? std::max(now, *entry->last_lookup + kMinLookupGap) : now;
  if (!entry->lookup_at || at < *entry->lookup_at) file_lookup(store, *entry, at);
}

void Book::look_up_by(Instant at, const store::StoreId& store) {
  Entry* entry = find(store);
  if (entry != nullptr && (!entry->lookup_at || at < *entry->lookup_at)) file_lookup(store, *entry, at);
}

void Book::handle_timeout(Instant now) {
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    const store::StoreId store = waiting_.begin()->second;
    file(now, store, entries_.at(store));
  }
}

std::optional<Instant> Book::poll_timeout() const {
  std::optional<Instant> next;
  if (!waiting_.empty()) next = waiting_.begin()->first;
  if (!lookups_.empty()) {
    const Instant at = std::max(lookups_.begin()->first, next_batch_);
    next = next ? std::min(*next, at) : at;
  }
  return next;
}

// --- judging ---

bool Book::wanted(const Entry& entry) const {
  if (entry.asked || entry.pin) return true;
  return config_.mode == SyncMode::kAll;
}

Choice Book::choice(const Entry& entry) const {
  std::vector<Announcement> heard;
  for (const Known& known : entry.announcers) {
    const auto tried = entry.attempts.find(known.said.content);
    if (tried != entry.attempts.end()) {
      const auto trouble = tried->second.troubles.find(known.said.peer);
      if (trouble != tried->second.troubles.end() && trouble->second.blamed) continue;
    }
    heard.push_back(known.said);
  }
  return choose(heard, entry.pin);
}

Mark Book::local_mark(const Entry& entry) const {
  Mark mark = entry.local->mark;
  std::vector<Announcement> same;
  for (const Known& known : entry.announcers) {
    if (known.said.content == entry.local->content) same.push_back(known.said);
  }
  if (!same.empty()) mark = std::max(mark, rank(same, std::nullopt)[0].mark);
  if (entry.pin && *entry.pin == entry.local->content) mark = Mark::kPinned;
  return mark;
}

Plan Book::judge(Instant now, const Entry& entry) const {
  const Choice chosen = choice(entry);
  if (entry.local) {
    Plan rest{.state = "complete", .reason = {}, .start = {}, .next = {}};
    if (chosen.candidates.empty() || chosen.candidates[0].content == entry.local->content) return rest;
    if (chosen.is_contested() || chosen.candidates[0].mark <= local_mark(entry)) {
      rest.reason = "others announce other bytes, no surer than ours";
      return rest;
    }
    if (config_.mode == SyncMode::kOff && !entry.pin) {
      rest.reason = "surer bytes are announced, but sync is off";
      return rest;
    }
  }
  if (!wanted(entry))
    return {.state = "missing", .reason = "not wanted: sync does not include it", .start = {}, .next = {}};
  if (chosen.candidates.empty()) {
    const bool lied = !entry.announcers.empty();
    return {.state = entry.local ? "complete" : "waiting",
            .reason = lied ? "all who announce it have sent wrong bytes" : "nobody who is online announces it",
            .start = {},
            .next = entry.lookup_at};
  }
  Plan best{.state = "contested", .reason = {}, .start = {}, .next = {}};
  for (const Candidate& candidate : chosen.candidates) {
    Plan plan = judge_candidate(now, entry, candidate);
    if (plan.start) return plan;
    if (plan.next && (!best.next || *plan.next < *best.next)) best.next = plan.next;
    if (!chosen.is_contested()) return plan;
  }
  best.reason = std::to_string(chosen.candidates.size()) +
                " different contents are announced and none by more networks than the others; pin one";
  if (!best.next) best.next = entry.lookup_at;
  return best;
}

Plan Book::judge_candidate(Instant now, const Entry& entry, const Candidate& candidate) const {
  const auto plan = [](std::string_view state, std::string reason, std::optional<Instant> next) {
    return Plan{.state = state, .reason = std::move(reason), .start = {}, .next = next};
  };
  if (candidate.content.size > config_.max_store) {
    return plan("paused", "its announced size is over max_store", entry.lookup_at);
  }
  if (candidate.peers == 0) return plan("waiting", "nobody who is online announces the pinned bytes", entry.lookup_at);
  const auto at = entry.attempts.find(candidate.content);
  const bool fresh = at == entry.attempts.end();
  if (!fresh && at->second.active) return plan("fetching", {}, {});
  if (!fresh && at->second.held && candidate.mark == Mark::kContested) return plan("contested", {}, entry.lookup_at);
  if (!fresh && at->second.next_try > now) {
    return plan(at->second.disk ? "paused" : "waiting", at->second.reason, at->second.next_try);
  }
  const bool by_itself = !entry.asked && !entry.pin;
  const std::uint64_t freed = entry.local ? entry.local->content.size : 0;
  if (by_itself && config_.max_disk && !(!fresh && at->second.begun) &&
      local_bytes_ - freed + active_bytes_ + candidate.content.size > *config_.max_disk) {
    return plan("paused", "max_disk is reached", now + kLookupPeriod);
  }
  std::optional<Instant> next;
  std::string reason;
  for (const Known& known : entry.announcers) {
    if (known.said.content != candidate.content) continue;
    const auto trouble =
        fresh ? std::map<PeerId, Trouble>::const_iterator{} : at->second.troubles.find(known.said.peer);
    if (fresh || trouble == at->second.troubles.end() || (!trouble->second.blamed && trouble->second.next_try <= now)) {
      Plan ready = plan("ready", "waits for one of the places in which stores are fetched", {});
      ready.start = candidate.content;
      return ready;
    }
    if (trouble->second.blamed) continue;
    if (!next || trouble->second.next_try < *next) {
      next = trouble->second.next_try;
      reason = short_name(known.said.peer) + ": " + trouble->second.reason;
    }
  }
  if (!next) return plan("waiting", "all who announce the pinned bytes have sent wrong ones", entry.lookup_at);
  return plan("waiting", std::move(reason), next);
}

bool Book::needs_lookups(const Entry& entry) const {
  if (!entry.local) return wanted(entry);
  if (entry.pin) return entry.local->content != *entry.pin;
  return wanted(entry) && entry.local->mark < Mark::kConfirmed;
}

void Book::file(Instant now, const store::StoreId& store, Entry& entry) {
  if (entry.ready) ready_.erase(*entry.ready);
  if (entry.waiting) waiting_.erase({*entry.waiting, store});
  entry.ready.reset();
  entry.waiting.reset();
  entry.start.reset();
  const Plan plan = judge(now, entry);
  if (plan.start) {
    const bool contested = choice(entry).is_contested();
    const bool asked = entry.asked || entry.pin;
    const std::uint8_t kind = asked ? 0 : contested ? 2 : 1;
    entry.ready =
        Rank{.kind = kind, .announcers = entry.announcers.size(), .salt = salted(store.bytes), .store = store};
    entry.start = plan.start;
    ready_.insert(*entry.ready);
  } else if (plan.next && plan.next > now) {
    entry.waiting = plan.next;
    waiting_.insert({*plan.next, store});
  }
}

void Book::file_lookup(const store::StoreId& store, Entry& entry, std::optional<Instant> at) {
  if (entry.lookup_at) lookups_.erase({*entry.lookup_at, store});
  entry.lookup_at = at;
  if (at) lookups_.insert({*at, store});
}

// --- getters and small things ---

Book::Entry* Book::open(const store::StoreId& store) {
  if (Entry* entry = find(store)) return entry;
  if (entries_.size() >= kMaxStores) {
    ++passed_over_;
    return nullptr;
  }
  return &entries_[store];
}

Book::Entry* Book::find(const store::StoreId& store) {
  const auto at = entries_.find(store);
  return at == entries_.end() ? nullptr : &at->second;
}

const Book::Entry* Book::find(const store::StoreId& store) const {
  const auto at = entries_.find(store);
  return at == entries_.end() ? nullptr : &at->second;
}

void Book::write(Entry& entry, std::string_view line) {
  if (!entry.history.empty() && entry.history.back() == line) return;
  if (entry.history.size() >= kMaxHistory) entry.history.pop_front();
  entry.history.emplace_back(line);
}

std::string Book::short_name(const PeerId& peer) { return peer.to_string().substr(0, 16); }

// Ties are broken by the node's own dice: nodes that start together do not all begin with the same store.
std::uint64_t Book::salted(const Digest& digest) const {
  std::uint64_t value = salt_;
  for (const std::uint8_t byte : digest) value = (value ^ byte) * 0x100000001b3U;
  return value;
}

bool Book::is_chosen(const Target& target) const {
  const Entry* entry = find(target.store);
  if (entry == nullptr || !wanted(*entry)) return false;
  const Choice chosen = choice(*entry);
  if (entry->local) {
    if (chosen.is_contested() || chosen.candidates.empty()) return false;
    if (chosen.candidates[0].mark <= local_mark(*entry)) return false;
  }
  return std::any_of(chosen.candidates.begin(), chosen.candidates.end(),
                     [&](const Candidate& candidate) { return candidate.content == target.content; });
}

bool Book::is_blamed(const Target& target, const PeerId& peer) const {
  const Entry* entry = find(target.store);
  if (entry == nullptr) return false;
  const auto at = entry->attempts.find(target.content);
  if (at == entry->attempts.end()) return false;
  const auto trouble = at->second.troubles.find(peer);
  return trouble != at->second.troubles.end() && trouble->second.blamed;
}

Mark Book::mark_of(const Target& target) const {
  const Entry* entry = find(target.store);
  if (entry == nullptr) return Mark::kUnconfirmed;
  for (const Candidate& candidate : choice(*entry).candidates) {
    if (candidate.content == target.content) return candidate.mark;
  }
  return Mark::kUnconfirmed;
}

std::vector<PeerId> Book::sources(Instant now, const Target& target) const {
  const Entry* entry = find(target.store);
  if (entry == nullptr) return {};
  const auto at = entry->attempts.find(target.content);
  std::vector<std::tuple<unsigned, std::uint64_t, PeerId>> fit;
  for (const Known& known : entry->announcers) {
    if (known.said.content != target.content) continue;
    unsigned failures = 0;
    if (at != entry->attempts.end()) {
      const auto trouble = at->second.troubles.find(known.said.peer);
      if (trouble != at->second.troubles.end()) {
        if (trouble->second.blamed || trouble->second.next_try > now) continue;
        failures = trouble->second.backoff.failures();
      }
    }
    fit.emplace_back(failures, salted(known.said.peer.public_key), known.said.peer);
  }
  std::sort(fit.begin(), fit.end());
  std::vector<PeerId> peers;
  for (const auto& [failures, salt, peer] : fit) peers.push_back(peer);
  return peers;
}

Plan Book::plan(Instant now, const store::StoreId& store) const {
  const Entry* entry = find(store);
  if (entry == nullptr) return {.state = "missing", .reason = "nobody announced it yet", .start = {}, .next = {}};
  return judge(now, *entry);
}

Mark Book::local_mark(const store::StoreId& store) const {
  const Entry* entry = find(store);
  return entry == nullptr || !entry->local ? Mark::kUnconfirmed : local_mark(*entry);
}

std::map<PeerId, std::size_t> Book::stores_by_peer() const {
  std::map<PeerId, std::size_t> counts;
  for (const auto& [store, entry] : entries_) {
    for (const Known& known : entry.announcers) ++counts[known.said.peer];
  }
  return counts;
}

std::vector<std::pair<store::StoreId, Local>> Book::locals() const {
  std::vector<std::pair<store::StoreId, Local>> out;
  for (const auto& [store, entry] : entries_) {
    if (entry.local) out.emplace_back(store, *entry.local);
  }
  return out;
}

}  // namespace turnpike::sync
