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
#include "core/path/backoff.h"
#include "core/sync/mode.h"
#include "core/sync/ranking.h"

namespace turnpike::sync {

using namespace std::chrono_literals;
using identity::PeerId;

constexpr std::size_t kMaxStores = 262'144;         ///< Known of; those learnt beyond are passed over.
constexpr std::size_t kMaxAnnouncersPerStore = 64;  ///< Likewise.
constexpr std::size_t kMaxAnnouncements = 500'000;  ///< Over all stores.
constexpr std::size_t kMaxAttempts = 16;            ///< Contents of one store whose failures are remembered.
constexpr std::size_t kMaxTroubles = 128;           ///< Peers whose failures with one content are remembered.
constexpr std::size_t kMaxHistory = 12;             ///< Lines kept for `why`.
constexpr std::size_t kMaxIdsPerLookup = 64;
constexpr Duration kFirstBackoff = 5s;
constexpr Duration kBackoffLimit = 10min;
constexpr Duration kLookupPeriod = 5min;    ///< With jitter, while a store is not here.
constexpr Duration kConfirmPeriod = 60min;  ///< Likewise, for one that is here unconfirmed.
constexpr Duration kMinLookupGap = 2s;      ///< Between two look-ups of one store.
constexpr Duration kLookupBatchGap = 40ms;  ///< Between two batches: 1,600 stores a second.

struct Local {
  store::Content content;
  Mark mark = Mark::kOwn;
  bool shared = true;
};

/// Why a store is, or is not, being fetched.
struct Plan {
  std::string_view state;  ///< complete, ready, waiting, paused, contested, missing
  std::string reason;
  std::optional<store::Content> start;  ///< Set when ready.
  std::optional<Instant> next;          ///< When it is judged again by itself.
};

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
  void set_local(Instant now, const store::StoreId& store, const Local& local);
  void clear_local(Instant now, const store::StoreId& store);

  // What is wanted.
  void want(Instant now, const store::StoreId& store);
  void unwant(Instant now, const store::StoreId& store);
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
  /// Fetching came to an end without success. A disk's failure pauses; anything else waits.
  void fail(Instant now, const Target& target, std::string_view why, bool disk);
  /// Contested, and wholly staged: nothing is left to fetch until the contest is decided.
  void hold(Instant now, const Target& target);
  /// Committed. Gives the other contents of this store that were begun: their partials are of no use now.
  std::vector<Target> complete(Instant now, const Target& target, Mark mark);
  void note(const store::StoreId& store, std::string_view line);

  // What is next.
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
  struct Known {
    Announcement said;
    std::uint8_t via = 0;  // by bit: the bootstraps that tell it
  };
  struct Trouble {
    path::Backoff backoff{kFirstBackoff, kBackoffLimit};
    Instant next_try;
    std::string reason;
    bool blamed = false;
  };
  struct Attempt {
    path::Backoff backoff{kFirstBackoff, kBackoffLimit};
    Instant next_try;
    std::string reason;
    bool disk = false;  // the reason is our own disk
    bool active = false;
    bool held = false;   // contested, wholly staged
    bool begun = false;  // a partial file may exist
    std::map<PeerId, Trouble> troubles;
  };
  // Smaller is sooner.
  struct Rank {
    std::uint8_t kind = 0;  // 0: asked for; 1: by sync; 2: contested
    std::size_t announcers = 0;
    std::uint64_t salt = 0;
    store::StoreId store;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };
  struct Entry {
    std::optional<Local> local;
    std::optional<store::Content> pin;
    bool asked = false;
    std::vector<Known> announcers;
    std::map<store::Content, Attempt> attempts;
    path::Backoff lookup_backoff{kFirstBackoff, kLookupPeriod};
    std::optional<Instant> last_lookup;
    std::deque<std::string> history;
    // Where it is filed.
    std::optional<Rank> ready;
    std::optional<store::Content> start;
    std::optional<Instant> waiting;
    std::optional<Instant> lookup_at;
  };

  Entry* open(const store::StoreId& store);  // creates; null when full
  Entry* find(const store::StoreId& store);
  const Entry* find(const store::StoreId& store) const;
  Attempt& attempt(Entry& entry, const store::Content& content);
  [[nodiscard]] bool wanted(const Entry& entry) const;
  [[nodiscard]] Choice choice(const Entry& entry) const;
  [[nodiscard]] Plan judge(Instant now, const Entry& entry) const;
  [[nodiscard]] Plan judge_candidate(Instant now, const Entry& entry, const Candidate& candidate) const;
  [[nodiscard]] bool needs_lookups(const Entry& entry) const;
  [[nodiscard]] Mark local_mark(const Entry& entry) const;
  [[nodiscard]] std::uint64_t salted(const Digest& digest) const;
  void file(Instant now, const store::StoreId& store, Entry& entry);
  void file_lookup(const store::StoreId& store, Entry& entry, std::optional<Instant> at);
  void write(Entry& entry, std::string_view line);
  static std::string short_name(const PeerId& peer);

  Config config_;
  Random& random_;
  std::uint64_t salt_;
  std::map<store::StoreId, Entry> entries_;
  std::set<Rank> ready_;
  std::set<std::pair<Instant, store::StoreId>> waiting_;
  std::set<std::pair<Instant, store::StoreId>> lookups_;
  Instant next_batch_;
  std::uint64_t local_bytes_ = 0;
  std::uint64_t active_bytes_ = 0;
  std::size_t announcements_ = 0;
  std::size_t passed_over_ = 0;
};

}  // namespace turnpike::sync
