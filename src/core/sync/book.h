// What is known of every store: who announces which bytes, what is here, what is wanted, what went wrong and when it
// is tried again. Decides which store is next, and says why each other one is not.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/sync/hearsay.h"
#include "core/sync/judgement.h"
#include "core/sync/mode.h"

namespace turnpike::sync {

constexpr std::size_t kMaxStores = 262'144;         ///< Known of; those learnt beyond are passed over.
constexpr std::size_t kMaxAnnouncersPerStore = 64;  ///< Likewise.
constexpr std::size_t kMaxAnnouncements = 500'000;  ///< Over all stores.
constexpr std::size_t kMaxAttempts = 16;            ///< Contents of one store whose failures are remembered.
constexpr std::size_t kMaxTroubles = 128;           ///< Peers whose failures with one content are remembered.
constexpr std::size_t kMaxHistory = 12;             ///< Lines kept for `why`.
constexpr std::size_t kMaxIdsPerLookup = 64;
constexpr std::size_t kMaxKnown = 4096;     ///< Stores that nobody here wants and others announce; more are not shown.
constexpr Duration kConfirmPeriod = 60min;  ///< Likewise, for one that is here unconfirmed.
constexpr Duration kMinLookupGap = 2s;      ///< Between two look-ups of one store.
constexpr Duration kLookupBatchGap = 40ms;  ///< Between two batches: 1,600 stores a second.

/// A pure machine without a voice: poll_start and poll_lookup say what is next, poll_timeout when to ask again.
class Book {
 public:
  struct Config {
    SyncMode mode = SyncMode::kAll;
    std::uint64_t max_store = std::uint64_t{64} << 30U;
    std::optional<std::uint64_t> max_disk;
  };

  Book(const Config& config, Random& random);

  // What is known.
  /// Somebody announces these bytes. Who, a look-up tells.
  void learn(Instant now, const store::StoreId& store, const store::Content& content);
  /// All that one bootstrap (below 8) knows to announce the store; earlier words of the same bootstrap are void.
  void set_announcers(Instant now, std::size_t bootstrap, const store::StoreId& store,
                      const std::vector<Announcement>& announcements);
  /// The announcer's own word, over a connection to us: it holds beside what bootstraps say, until it takes it back.
  void set_word(Instant now, const store::StoreId& store, const Announcement& said);
  void clear_word(Instant now, const store::StoreId& store, const PeerId& peer);
  void set_local(Instant now, const store::StoreId& store, const Local& local);
  void clear_local(Instant now, const store::StoreId& store);
  /// Its file is there, but it is not known any more what is in it; set_local or clear_local will tell.
  void set_in_doubt(Instant now, const store::StoreId& store);
  /// It was here, fetched and verified, and our own disk has damaged it: the same bytes are wanted again.
  void set_claim(Instant now, const store::StoreId& store, const Local& claim);
  /// A partial file of an earlier run.
  void set_begun(Instant now, const Target& target);

  // What is wanted.
  /// What a user asks for is no longer refused.
  void want(Instant now, const store::StoreId& store);
  void unwant(Instant now, const store::StoreId& store);
  /// Not asked for, and not brought by any sync mode either, until it is asked for again. Gives what was begun of it
  /// and is not active: of no use now.
  std::vector<Target> refuse(Instant now, const store::StoreId& store);
  /// A private one is told to nobody, and nobody is asked for it while it is here.
  void set_private(Instant now, const store::StoreId& store, bool is_private);
  void set_max_disk(Instant now, std::uint64_t bytes);
  void pin(Instant now, const store::StoreId& store, const store::Content& content);
  void unpin(Instant now, const store::StoreId& store);
  void set_mode(Instant now, SyncMode mode);
  /// The network changed, or the user is impatient: nothing but the disk's troubles waits any longer.
  void retry_now(Instant now);

  // How it went.
  void set_active(Instant now, const Target& target, bool active);
  /// Proven to have sent wrong bytes: never asked for this content again, and its word on it counts no longer.
  void blame(Instant now, const Target& target, const PeerId& peer, std::string_view why);
  /// Not asked for this content for a while, at least so long.
  void trouble(Instant now, const Target& target, const PeerId& peer, std::string_view why, Duration at_least);
  /// It delivered a verified piece.
  void succeed(const Target& target, const PeerId& peer);
  /// Fetching came to an end without success. A disk's failure pauses; anything else waits. `full`: for want of space.
  void fail(Instant now, const Target& target, std::string_view why, bool disk, bool full = false);
  /// There is space again: what paused for want of it is tried again.
  void retry_full(Instant now);
  /// Its partial file was thrown away.
  void discarded(Instant now, const Target& target);
  /// Contested, and wholly staged: nothing is left to fetch until the contest is decided.
  void hold(Instant now, const Target& target);
  /// Committed. Gives the other contents of this store that were begun: their partials are of no use now.
  std::vector<Target> complete(Instant now, const Target& target, Mark mark);
  void note(const store::StoreId& store, std::string_view line);

  // What is next.
  /// What has been begun since a store was found ready may have left no room for it under max_disk. Before next_start.
  void settle(Instant now);
  /// The first in order of: asked for by the user, rarest. It is up to the caller to set_active it.
  [[nodiscard]] std::optional<Target> next_start() const;
  [[nodiscard]] bool next_is_asked_for() const;
  [[nodiscard]] std::optional<std::vector<store::StoreId>> poll_lookup(Instant now);
  /// They could not be asked for.
  void put_back(Instant now, const std::vector<store::StoreId>& stores);
  void look_up_soon(Instant now, const store::StoreId& store);
  /// Not later than that.
  void look_up_by(Instant at, const store::StoreId& store);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // Getters.
  [[nodiscard]] bool is_asked_for(const store::StoreId& store) const {
    const Entry* entry = find(store);
    return entry != nullptr && (entry->asked || entry->pin);
  }
  [[nodiscard]] bool is_refused(const store::StoreId& store) const {
    const Entry* entry = find(store);
    return entry != nullptr && entry->refused;
  }
  [[nodiscard]] bool is_private(const store::StoreId& store) const {
    const Entry* entry = find(store);
    return entry != nullptr && entry->is_private;
  }
  /// Bytes that the smallest of the stores needs that pause for want of space.
  [[nodiscard]] std::optional<std::uint64_t> space_wanted() const;
  /// What is here, else what was, else what an inventory said, else what is announced first.
  [[nodiscard]] std::optional<store::Content> content_of(const store::StoreId& store) const {
    const Entry* entry = find(store);
    return entry == nullptr ? std::nullopt : sync::content_of(*entry);
  }
  /// Further stores would be shown, if inventories told of them.
  [[nodiscard]] bool wants_inventory() const { return config_.mode == SyncMode::kAll || only_known_ < kMaxKnown; }
  /// These bytes are still what should be fetched.
  [[nodiscard]] bool is_chosen(const Target& target) const;
  [[nodiscard]] bool is_blamed(const Target& target, const PeerId& peer) const;
  /// The mark the target would be committed with now; kContested forbids it.
  [[nodiscard]] Mark mark_of(const Target& target) const;
  /// Who may be asked for these bytes now, those who failed least first.
  [[nodiscard]] std::vector<PeerId> sources(Instant now, const Target& target) const;
  [[nodiscard]] Plan plan(Instant now, const store::StoreId& store) const;
  [[nodiscard]] std::optional<Local> local(const store::StoreId& store) const {
    const Entry* entry = find(store);
    return entry == nullptr ? std::nullopt : entry->local;
  }
  /// The mark of what is here: what it was committed with, or surer by what is announced since.
  [[nodiscard]] Mark local_mark(const store::StoreId& store) const;
  [[nodiscard]] std::size_t announcers(const store::StoreId& store) const {
    const Entry* entry = find(store);
    return entry == nullptr ? 0 : entry->announcers.size();
  }
  /// Who announces the store, whatever bytes.
  [[nodiscard]] std::vector<PeerId> holders(const store::StoreId& store) const {
    std::vector<PeerId> out;
    const Entry* const entry = find(store);
    if (entry == nullptr) return out;
    for (const Known& known : entry->announcers) out.push_back(known.said.peer);
    return out;
  }
  [[nodiscard]] std::vector<std::string> history(const store::StoreId& store) const {
    const Entry* entry = find(store);
    if (entry == nullptr) return {};
    return {entry->history.begin(), entry->history.end()};
  }
  [[nodiscard]] std::vector<store::StoreId> stores() const {
    std::vector<store::StoreId> out;
    for (const auto& [store, entry] : entries_) out.push_back(store);
    return out;
  }
  [[nodiscard]] bool knows(const store::StoreId& store) const { return entries_.contains(store); }
  [[nodiscard]] std::map<PeerId, std::size_t> stores_by_peer() const;
  [[nodiscard]] std::vector<std::pair<store::StoreId, Local>> locals() const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t announcements() const { return announcements_; }
  [[nodiscard]] std::size_t passed_over() const { return passed_over_; }
  [[nodiscard]] SyncMode mode() const { return config_.mode; }

 private:
  Entry* open(const store::StoreId& store);  // creates; null when full
  Entry* find(const store::StoreId& store) {
    const auto at = entries_.find(store);
    return at == entries_.end() ? nullptr : &at->second;
  }
  const Entry* find(const store::StoreId& store) const;
  Attempt& attempt(Entry& entry, const store::Content& content);
  [[nodiscard]] Circumstances circumstances() const;
  [[nodiscard]] bool wanted(const Entry& entry) const { return is_wanted(entry, config_.mode); }
  [[nodiscard]] bool looks_up(const Entry& entry) const { return needs_lookups(entry, config_.mode); }
  bool take(Entry& entry, const Announcement& said, Via via);  // whether it is news
  void take_off(Entry& entry);                                 // its local store
  void begin(Attempt& attempt, const store::Content& content, bool begun);
  void file_over_quota(Instant now);
  [[nodiscard]] std::uint64_t salted(const Digest& digest) const;
  void file(Instant now, const store::StoreId& store, Entry& entry);
  void file_lookup(const store::StoreId& store, Entry& entry, std::optional<Instant> at);
  void write(Entry& entry, std::string_view line);

  Config config_;
  Random& random_;
  std::uint64_t salt_;
  std::map<store::StoreId, Entry> entries_;
  std::set<Rank> ready_;
  std::set<std::pair<Instant, store::StoreId>> waiting_;
  std::set<std::pair<Instant, store::StoreId>> lookups_;
  Instant next_batch_;
  std::uint64_t brought_bytes_ = 0;
  std::uint64_t begun_bytes_ = 0;
  std::set<store::StoreId> over_quota_;
  std::set<Target> full_;  // paused for want of space
  std::size_t only_known_ = 0;
  std::size_t announcements_ = 0;
  std::size_t passed_over_ = 0;
};

}  // namespace turnpike::sync
