#include "core/sync/book.h"

#include <algorithm>

namespace turnpike::sync {

Book::Book(const Config& config, Random& random) : config_(config), random_(random), salt_(random.below(UINT64_MAX)) {}

// --- what is known ---

void Book::learn(Instant now, const store::StoreId& store, const store::Content& content) {
  if (!knows(store) && !wants_inventory()) {
    ++passed_over_;
    return;
  }
  Entry* entry = open(store);
  if (entry == nullptr) return;
  entry->told = content;
  file(now, store, *entry);
  if (entry->local && entry->local->content == content) return;
  if (!looks_up(*entry)) return;
  entry->lookup_backoff.reset();
  look_up_soon(now, store);
}

void Book::set_announcers(Instant now, std::size_t bootstrap, const store::StoreId& store,
                          const std::vector<Announcement>& announcements) {
  Entry* entry = open(store);
  if (entry == nullptr) return;
  forget(*entry, via_bootstrap(bootstrap));
  bool fresh = false;
  for (const Announcement& said : announcements) fresh |= take(*entry, said, via_bootstrap(bootstrap));
  announcements_ -= drop_unsaid(*entry);
  if (fresh) entry->lookup_backoff.reset();
  if (fresh) retry_what_failed(now, *entry);
  if (looks_up(*entry)) {
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

bool Book::take(Entry& entry, const Announcement& said, Via via) {
  const bool has_room = entry.announcers.size() < kMaxAnnouncersPerStore && announcements_ < kMaxAnnouncements;
  const std::size_t before = entry.announcers.size();
  const Hearing hearing = hear(entry, said, via, has_room);
  announcements_ += entry.announcers.size() - before;
  if (hearing == Hearing::kNoRoom) ++passed_over_;
  return hearing == Hearing::kFresh;
}

void Book::set_word(Instant now, const store::StoreId& store, const Announcement& said) {
  if (!knows(store) && !wants_inventory()) {
    ++passed_over_;
    return;
  }
  Entry* entry = open(store);
  if (entry == nullptr || !take(*entry, said, kViaItself)) return;
  retry_what_failed(now, *entry);
  file(now, store, *entry);
}

void Book::clear_word(Instant now, const store::StoreId& store, const PeerId& peer) {
  Entry* entry = find(store);
  if (entry == nullptr) return;
  forget(*entry, kViaItself, peer);
  announcements_ -= drop_unsaid(*entry);
  file(now, store, *entry);
}

void Book::take_off(Entry& entry) {
  if (entry.local && entry.local->brought) brought_bytes_ -= entry.local->content.size;
  entry.local.reset();
}

void Book::set_local(Instant now, const store::StoreId& store, const Local& local) {
  Entry& entry = entries_[store];  // what is on our disk is bounded by our disk
  const bool same = entry.local && entry.local->content == local.content;
  const Mark mark = same ? std::min(entry.local->mark, local.mark) : local.mark;  // found again is not put there anew
  const bool brought = same ? entry.local->brought : local.brought;
  take_off(entry);
  entry.local = local;
  entry.local->mark = mark;
  entry.local->brought = brought;
  if (brought) brought_bytes_ += local.content.size;
  entry.claim.reset();
  entry.is_private = entry.is_private || !local.shared;
  if (!looks_up(entry)) file_lookup(store, entry, std::nullopt);
  file(now, store, entry);
}

void Book::clear_local(Instant now, const store::StoreId& store) {
  Entry* entry = find(store);
  if (entry == nullptr || !entry->local) return;
  take_off(*entry);
  write(*entry, "the file is gone from the folder");
  if (looks_up(*entry)) look_up_soon(now, store);
  file(now, store, *entry);
  file_over_quota(now);
}

void Book::set_in_doubt(Instant now, const store::StoreId& store) {
  Entry* entry = find(store);
  if (entry == nullptr || !entry->local) return;
  entry->local->in_doubt = true;
  file(now, store, *entry);
}

void Book::set_claim(Instant now, const store::StoreId& store, const Local& claim) {
  Entry& entry = entries_[store];
  take_off(entry);
  entry.claim = claim;
  write(entry, "the file here was damaged: what was fetched is to be fetched again");
  if (looks_up(entry)) look_up_soon(now, store);
  file(now, store, entry);
  file_over_quota(now);
}

void Book::set_begun(Instant now, const Target& target) {
  Entry* entry = open(target.store);
  if (entry == nullptr) return;
  begin(attempt(*entry, target.content), target.content, true);
  file(now, target.store, *entry);
}

// --- what is wanted ---

void Book::want(Instant now, const store::StoreId& store) {
  Entry& entry = entries_[store];
  entry.asked = true;
  entry.refused = false;
  entry.lookup_backoff.reset();
  for (auto& [content, attempt] : entry.attempts) {
    attempt.next_try = now;
    for (auto& [peer, trouble] : attempt.troubles) trouble.next_try = now;
  }
  if (looks_up(entry)) look_up_soon(now, store);
  file(now, store, entry);
}

void Book::unwant(Instant now, const store::StoreId& store) {
  Entry* entry = find(store);
  if (entry == nullptr) return;
  entry->asked = false;
  if (!looks_up(*entry)) file_lookup(store, *entry, std::nullopt);
  file(now, store, *entry);
}

std::vector<Target> Book::refuse(Instant now, const store::StoreId& store) {
  Entry& entry = entries_[store];
  entry.asked = false;
  entry.refused = true;
  std::vector<Target> useless;
  for (const auto& [content, tried] : entry.attempts) {
    if (tried.begun && !tried.active) useless.push_back({store, content});
  }
  write(entry, "not wanted here any more");
  if (!looks_up(entry)) file_lookup(store, entry, std::nullopt);
  file(now, store, entry);
  return useless;
}

void Book::set_private(Instant now, const store::StoreId& store, bool is_private) {
  Entry& entry = entries_[store];
  if (entry.is_private == is_private) return;
  entry.is_private = is_private;
  if (!looks_up(entry)) file_lookup(store, entry, std::nullopt);
  file(now, store, entry);
}

void Book::set_max_disk(Instant now, std::uint64_t bytes) {
  config_.max_disk = bytes;
  file_over_quota(now);
}

void Book::pin(Instant now, const store::StoreId& store, const store::Content& content) {
  Entry& entry = entries_[store];
  entry.pin = content;
  if (entry.local && entry.local->content == content) entry.local->mark = Mark::kPinned;
  if (looks_up(entry)) look_up_soon(now, store);
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
    if (looks_up(entry)) {
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
    if (looks_up(entry) && !entry.local) look_up_soon(now, store);
    file(now, store, entry);
  }
}

// --- how it went ---

Attempt& Book::attempt(Entry& entry, const store::Content& content) {
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
    if (victim != entry.attempts.end()) {
      begin(victim->second, victim->first, false);
      entry.attempts.erase(victim);
    }
  }
  return entry.attempts[content];
}

void Book::begin(Attempt& attempt, const store::Content& content, bool begun) {
  if (attempt.begun == begun) return;
  attempt.begun = begun;
  begun_bytes_ = begun ? begun_bytes_ + content.size : begun_bytes_ - content.size;
}

void Book::set_active(Instant now, const Target& target, bool active) {
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  Attempt& tried = attempt(*entry, target.content);
  tried.active = active;
  if (active) begin(tried, target.content, true);
  full_.erase(target);
  file(now, target.store, *entry);
  settle(now);
}

void Book::discarded(Instant now, const Target& target) {
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  const auto at = entry->attempts.find(target.content);
  if (at == entry->attempts.end()) return;
  begin(at->second, target.content, false);
  at->second.held = false;
  full_.erase(target);
  file(now, target.store, *entry);
  file_over_quota(now);
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

void Book::fail(Instant now, const Target& target, std::string_view why, bool disk, bool full) {
  Entry* entry = find(target.store);
  if (entry == nullptr) return;
  if (full) full_.insert(target);
  Attempt& tried = attempt(*entry, target.content);
  tried.reason = why;
  tried.disk = disk;
  tried.next_try = now + tried.backoff.fail(random_);
  write(*entry, why);
  if (!disk && looks_up(*entry)) look_up_soon(now, target.store);
  file(now, target.store, *entry);
}

void Book::retry_full(Instant now) {
  for (const Target& target : std::exchange(full_, {})) {
    Entry* entry = find(target.store);
    if (entry == nullptr) continue;
    attempt(*entry, target.content).next_try = now;
    file(now, target.store, *entry);
  }
}

std::optional<std::uint64_t> Book::space_wanted() const {
  std::optional<std::uint64_t> least;
  for (const Target& target : full_) least = std::min(least.value_or(target.content.size), target.content.size);
  return least;
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
  std::map<store::Content, Attempt> kept;
  for (auto& [content, tried] : entry.attempts) {
    if (content != target.content && tried.begun && !tried.active) useless.push_back({target.store, content});
    begin(tried, content, false);
    full_.erase({target.store, content});
    tried.active = false;
    tried.held = false;
    const bool any_blame =
        std::any_of(tried.troubles.begin(), tried.troubles.end(), [](const auto& t) { return t.second.blamed; });
    if (any_blame) kept.emplace(content, std::move(tried));
  }
  entry.attempts = std::move(kept);
  write(entry, "complete and verified (" + std::string(name_of(mark)) + ")");
  set_local(now, target.store, {.content = target.content, .mark = mark, .shared = !entry.is_private, .brought = true});
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

// --- filing ---

Circumstances Book::circumstances() const {
  return {.mode = config_.mode,
          .max_store = config_.max_store,
          .max_disk = config_.max_disk,
          .brought_bytes = brought_bytes_,
          .begun_bytes = begun_bytes_};
}

void Book::file(Instant now, const store::StoreId& store, Entry& entry) {
  if (entry.ready) ready_.erase(*entry.ready);
  if (entry.waiting) waiting_.erase({*entry.waiting, store});
  entry.ready.reset();
  entry.waiting.reset();
  entry.start.reset();
  const Plan plan = judge(now, entry, circumstances());
  if (plan.start) {
    const bool contested = choice_of(entry).is_contested();
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
  if (plan.over_quota != entry.over_quota) {
    entry.over_quota = plan.over_quota;
    if (plan.over_quota) over_quota_.insert(store);
    if (!plan.over_quota) over_quota_.erase(store);
  }
  const bool only_known = plan.state == "known";
  if (only_known != entry.only_known) only_known_ = only_known ? only_known_ + 1 : only_known_ - 1;
  entry.only_known = only_known;
}

void Book::settle(Instant now) {
  while (!ready_.empty()) {
    const store::StoreId store = ready_.begin()->store;
    Entry& entry = entries_.at(store);
    if (judge(now, entry, circumstances()).start) return;
    file(now, store, entry);
  }
}

// Something became free.
void Book::file_over_quota(Instant now) {
  for (const store::StoreId& store : std::set(over_quota_)) file(now, store, entries_.at(store));
}

void Book::file_lookup(const store::StoreId& store, Entry& entry, std::optional<Instant> at) {
  if (entry.lookup_at) lookups_.erase({*entry.lookup_at, store});
  entry.lookup_at = at;
  if (at) lookups_.insert({*at, store});
}

// --- getters and small things ---

Entry* Book::open(const store::StoreId& store) {
  if (Entry* entry = find(store)) return entry;
  if (entries_.size() >= kMaxStores) {
    ++passed_over_;
    return nullptr;
  }
  return &entries_[store];
}

const Entry* Book::find(const store::StoreId& store) const {
  const auto at = entries_.find(store);
  return at == entries_.end() ? nullptr : &at->second;
}

void Book::write(Entry& entry, std::string_view line) {
  if (!entry.history.empty() && entry.history.back() == line) return;
  if (entry.history.size() >= kMaxHistory) entry.history.pop_front();
  entry.history.emplace_back(line);
}

// Ties are broken by the node's own dice: nodes that start together do not all begin with the same store.
std::uint64_t Book::salted(const Digest& digest) const {
  std::uint64_t value = salt_;
  for (const std::uint8_t byte : digest) value = (value ^ byte) * 0x100000001b3U;
  return value;
}

bool Book::is_chosen(const Target& target) const {
  const Entry* entry = find(target.store);
  if (entry == nullptr || !wanted(*entry)) return false;
  const Choice chosen = choice_of(*entry);
  if (entry->local) {
    if (chosen.is_contested() || chosen.candidates.empty()) return false;
    if (chosen.candidates[0].mark <= local_mark_of(*entry)) return false;
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
  for (const Candidate& candidate : choice_of(*entry).candidates) {
    if (candidate.content == target.content) return candidate.mark;
  }
  return Mark::kUnconfirmed;
}

std::vector<PeerId> Book::sources(Instant now, const Target& target) const {
  const Entry* entry = find(target.store);
  if (entry == nullptr) return {};
  return askable(now, *entry, target.content, [this](const PeerId& peer) { return salted(peer.public_key); });
}

Plan Book::plan(Instant now, const store::StoreId& store) const {
  const Entry* entry = find(store);
  if (entry == nullptr) return {.state = "missing", .reason = "nobody announced it yet", .start = {}, .next = {}};
  return judge(now, *entry, circumstances());
}

Mark Book::local_mark(const store::StoreId& store) const {
  const Entry* entry = find(store);
  return entry == nullptr || !entry->local ? Mark::kUnconfirmed : local_mark_of(*entry);
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
    if (!entry.local) continue;
    out.emplace_back(store, *entry.local);
    out.back().second.shared = !entry.is_private && !entry.local->in_doubt;
  }
  return out;
}

}  // namespace turnpike::sync
