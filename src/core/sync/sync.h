// Brings every wanted store here: chooses which, from whom and in what pieces, over the paths there are; keeps what is
// verified, blames only on proof, and tries everything again that failed.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/path/paths.h"
#include "core/sync/action.h"
#include "core/sync/book.h"
#include "core/sync/transfer.h"
#include "core/sync/view.h"

namespace turnpike::sync {

constexpr std::size_t kMaxTransfers = 4;
constexpr std::size_t kMaxFinished = 64;  ///< Completed transfers remembered for `transfers`.
/// While a store comes by relay, somebody nearer is looked for this often; while it comes for free, further sources.
constexpr Duration kRelayedLookupPeriod = 15s;
constexpr Duration kActiveLookupPeriod = 1min;
constexpr Duration kFetchStall =
    10min;  ///< A path that delivers nothing for so long is given up, if its shell has not.
constexpr Duration kCancelPatience = 1min;   ///< For the end of a cancelled fetch.
constexpr Duration kNotFoundPatience = 30s;  ///< Before a peer is asked again for what it did not have.
constexpr Duration kProtocolPatience = 30s;  ///< Before a peer that broke the protocol is asked again.

/// A pure machine: after every call that takes `now`, drain poll_action and poll_lookup, then poll_timeout. It borrows
/// the paths: their owner calls handle_paths_changed after anything happened to them, and drains them after this.
class Sync {
 public:
  Sync(const Book::Config& config, path::Paths& paths, Random& random);

  // What is known.
  /// What is here has been told: fetching may begin.
  void handle_catalogue_ready(Now now);
  void handle_local(Now now, const store::StoreId& store, const Local& local);
  void handle_local_gone(Now now, const store::StoreId& store);
  /// Its file is there, but what is in it is not known any more.
  void handle_local_in_doubt(Now now, const store::StoreId& store);
  /// Its file is gone from its place, for our disk has damaged it: what was fetched is to be fetched again.
  void handle_damaged(Now now, const store::StoreId& store, const Local& claim);
  /// A partial file of an earlier run.
  void handle_partial_found(Now now, const Target& target);
  void handle_entry(Now now, const store::StoreId& store, const store::Content& content);
  void handle_announcers(Now now, std::size_t bootstrap, const store::StoreId& store,
                         const std::vector<Announcement>& announcements);
  /// What a peer that is connected says of itself: these it has, these no longer.
  void handle_words(Now now, const std::vector<std::pair<store::StoreId, Announcement>>& has, const PeerId& peer,
                    const std::vector<store::StoreId>& gone);
  void handle_paths_changed(Now now);
  void handle_network_changed(Now now);

  // How it goes.
  void handle_partial_open(Now now, const Target& target, const std::vector<bool>& verified);
  void handle_partial_failed(Now now, const Target& target, const DiskFailure& failure);
  void handle_piece(Now now, FetchId fetch, std::uint32_t piece, std::uint64_t wire_bytes);
  void handle_fetch_ended(Now now, FetchId fetch, const FetchOutcome& outcome);
  void handle_committed(Now now, const Target& target);
  void handle_commit_failed(Now now, const Target& target, const DiskFailure& failure);
  void handle_timeout(Now now);

  // What is wanted.
  void want(Now now, const store::StoreId& store);
  void unwant(Now now, const store::StoreId& store);
  /// Also thrown away as far as it was fetched, and brought by no sync mode until it is wanted again.
  void refuse(Now now, const store::StoreId& store);
  void set_private(Now now, const store::StoreId& store, bool is_private);
  void set_max_disk(Now now, std::uint64_t bytes);
  /// There is space on the disk again.
  void retry_full(Now now);
  void pin(Now now, const store::StoreId& store, const store::Content& content);
  void unpin(Now now, const store::StoreId& store);
  void set_mode(Now now, SyncMode mode);

  [[nodiscard]] std::optional<Action> poll_action();
  /// Stores to look up at every bootstrap; put_back them where none can be asked.
  [[nodiscard]] std::optional<std::vector<store::StoreId>> poll_lookup(Now now);
  void put_back(Now now, const std::vector<store::StoreId>& stores) { book_.put_back(now.mono, stores); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  // Getters.
  [[nodiscard]] const Book& book() const { return book_; }
  /// Counts the changes of what is here.
  [[nodiscard]] std::uint64_t locals_version() const { return locals_version_; }
  [[nodiscard]] StoreView store(Instant now, const store::StoreId& store) const;
  [[nodiscard]] std::vector<TransferView> transfers(Instant now) const;
  [[nodiscard]] const BytesByRung& bytes_by_rung() const { return bytes_by_rung_; }

 private:
  enum class After : std::uint8_t { kFail, kPause, kFull, kHold, kDiscard, kNothing };
  struct Running {
    Transfer transfer;
    bool awaits_disk = true;  // an OpenPartial is not answered
    After after = After::kNothing;
    std::string why;
  };
  using Table = std::map<Target, Running>;

  void pump(Now now);
  bool finish_stopped(Now now);
  void drop_unchosen(Now now);
  bool start_next(Now now);
  void make_room(Now now);
  void ask_for_paths(Now now);
  bool stop_stalled(Now now);
  void assign(Now now);
  void guard_fetches(Now now);
  void advance(Now now, Running& running);
  void stop(Now now, Running& running, After after, std::string why);
  void pause(Now now, Running& running, const DiskFailure& failure);
  void cancel(Now now, const FetchId& id, Fetch& fetch);
  void give_up_path(Now now, path::PathId path, path::PathEnd end, std::string why);
  void judge(Now now, const Target& target, const Fetch& fetch, const FetchOutcome& outcome, bool was_complete);
  Running* find(const Target& target);
  Running* find(FetchId fetch);

  path::Paths& paths_;
  Book book_;
  bool ready_ = false;
  Table running_;
  std::map<FetchId, Target> owner_;
  PathUses uses_;
  std::uint64_t fetch_ids_ = 0;
  std::deque<Action> actions_;
  std::deque<TransferView> finished_;
  BytesByRung bytes_by_rung_{};
  std::uint64_t locals_version_ = 0;
};

}  // namespace turnpike::sync
