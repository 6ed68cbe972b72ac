#include "io/disk/catalogue.h"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <deque>
#include <utility>

#include "io/disk/catalogue_db.h"
#include "io/disk/hash_file.h"
#include "io/disk/layer_file.h"
#include "io/loop/convert.h"

namespace turnpike::io {

using store::Content;
using store::StoreId;

namespace {

/// Lets coroutines of one loop wait until something they look at may have changed.
class Change {
 public:
  explicit Change(const asio::any_io_executor& loop) : timer_(loop, asio::steady_timer::time_point::max()) {}
  asio::awaitable<void> wait() {
    boost::system::error_code cancelled;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  void notify() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
};

}  // namespace

bool OpenStore::is_unchanged() const { return stamp_of(file.get()) == stamp; }

/// Shared with the jobs on the pool and the calls under way, which may end after the catalogue.
struct Catalogue::State : std::enable_shared_from_this<State> {
  struct Entry {
    FileStamp stamp;
    Content content;
  };
  /// One look at the folder, and what is still to be hashed of what it found.
  struct Round {
    ScanReport report;
    std::size_t pending = 0;
  };
  struct Job {
    FoundFile file;
    std::shared_ptr<Round> round;
  };
  /// Files of one kind that wait to be hashed.
  struct Lane {
    std::deque<Job> queue;
    unsigned workers = 0;
    unsigned most = 1;
  };

  State(WorkerPool& workers, std::filesystem::path data, OnEvent events)
      : pool(workers),
        folder(std::move(data)),
        on_event(std::move(events)),
        layers(state_folder(folder) / "layers"),
        change(workers.loop()) {
    small.most = pool.size();
    large.most = std::max(1U, pool.size() - 1);
  }

  /// Creates the folders and opens the database; on the pool, at the first scan or adoption.
  void open_files() {
    // A folder that cannot be made shows in the listing, or as layers that cannot be written.
    static_cast<void>(make_state_folder(folder, "layers"));
    if (!db) db = std::make_unique<CatalogueDb>(state_folder(folder) / "catalogue.db");
  }

  asio::awaitable<void> prepare() {
    const auto self = shared_from_this();
    if (is_open) co_return;
    auto load = [self] {
      self->open_files();
      return self->db->load();
    };
    const auto rows = co_await pool.run(std::move(load));
    if (!is_open) known = rows;
    is_open = true;
  }

  void set(const StoreId& id, const FileStamp& stamp, const Content& content) {
    const auto [entry, is_new] = entries.try_emplace(id);
    const bool differs = !is_new && entry->second.content != content;
    const bool is_rot = differs && entry->second.stamp == stamp;
    entry->second = {stamp, content};
    known[id] = {stamp, content};
    troubles.erase(id);
    if (is_new) on_event(StoreAdded{id, content, stamp});
    if (differs) on_event(StoreChanged{id, content, stamp, is_rot});
  }

  /// The store is not (or no longer) what it was said to be.
  void drop(const StoreId& id) {
    if (entries.erase(id) > 0) on_event(StoreRemoved{.id = id, .is_gone = false});
  }

  void ask_again(const StoreId& id, LookAgain::Why why, Duration wait = {}) {
    on_again(LookAgain{.id = id, .why = why, .wait = wait});
  }

  void put_trouble(const StoreId& id, DiskError error) {
    drop(id);
    troubles[id] = error;
  }

  [[nodiscard]] std::optional<Content> served(const StoreId& id) const {
    const auto entry = entries.find(id);
    if (entry == entries.end()) return std::nullopt;
    return entry->second.content;
  }

  [[nodiscard]] std::optional<FileStamp> served_stamp(const StoreId& id) const {
    const auto entry = entries.find(id);
    if (entry == entries.end()) return std::nullopt;
    return entry->second.stamp;
  }

  [[nodiscard]] bool is_kept(const Content& content) const {
    return std::ranges::any_of(known, [&](const auto& row) { return row.second.content == content; });
  }

  /// Forgets what the cache says of a store, and its layer where no other store has the same content.
  asio::awaitable<void> forget(StoreId id) {
    const auto self = shared_from_this();
    const auto row = known.find(id);
    if (row == known.end()) co_return;
    const Content content = row->second.content;
    known.erase(row);
    const bool last = !is_kept(content);
    auto remove = [self, id, content, last] {
      self->db->remove(id);
      if (last) self->layers.remove(content);
      return 0;
    };
    static_cast<void>(co_await pool.run(std::move(remove)));
  }

  /// How long a file must still wait because of the time already spent on hashing it in vain.
  [[nodiscard]] Duration penance(const StoreId& id) {
    const auto found = not_before.find(id);
    if (found == not_before.end()) return {};
    const Duration left = found->second - now();
    if (left <= Duration::zero()) not_before.erase(found);
    return std::max(left, Duration::zero());
  }

  /// Which of the files found need no reading: the cache knows their stamp, and their layer is there. The others go
  /// into the queue.
  asio::awaitable<void> sort(FolderListing listing, std::shared_ptr<Round> round) {
    const auto self = shared_from_this();
    ScanReport& report = round->report;
    for (const auto& [id, error] : listing.refused) {
      if (!claims.contains(id)) put_trouble(id, error);
    }
    std::vector<std::pair<FoundFile, Content>> cached;
    for (const FoundFile& file : listing.files) {
      if (claims.contains(file.id) || in_hand.contains(file.id)) continue;
      const bool doubted = doubts.contains(file.id);
      const auto entry = entries.find(file.id);
      if (entry != entries.end() && entry->second.stamp == file.stamp && !doubted) {
        ++report.unchanged;
        continue;
      }
      const auto row = known.find(file.id);
      const bool is_known = row != known.end() && row->second.stamp == file.stamp && !doubted;
      if (file.is_settling) {
        ++report.settling;
        drop(file.id);
        ask_again(file.id, LookAgain::Why::kSettling, kSettleTime);
      } else if (is_known) {
        cached.emplace_back(file, row->second.content);
      } else if (const Duration wait = penance(file.id); wait > Duration::zero()) {
        ++report.settling;
        drop(file.id);
        ask_again(file.id, LookAgain::Why::kChanged, wait);
      } else {
        enqueue(file, round);
      }
    }
    auto look = [self, &cached] {
      std::vector<bool> out;
      out.reserve(cached.size());
      for (const auto& [file, content] : cached) out.push_back(self->layers.has(content));
      return out;
    };
    const auto has_layer = co_await pool.run(std::move(look));
    for (std::size_t i = 0; i < cached.size(); ++i) {
      if (has_layer[i]) {
        ++report.unchanged;
        set(cached[i].first.id, cached[i].first.stamp, cached[i].second);
      } else {
        enqueue(cached[i].first, round);
      }
    }
  }

  void enqueue(const FoundFile& file, const std::shared_ptr<Round>& round) {
    in_hand.insert(file.id);
    doubts.erase(file.id);
    ++round->pending;
    Lane& lane = file.stamp.size > kLargeFile ? large : small;
    lane.queue.push_back({file, round});
    if (lane.workers >= lane.most) return;
    ++lane.workers;
    asio::co_spawn(pool.loop(), hash_all(shared_from_this(), lane), asio::detached);
  }

  static asio::awaitable<void> hash_all(std::shared_ptr<State> self, Lane& lane) {
    const auto kept = self;
    while (!lane.queue.empty()) {
      const Job job = lane.queue.front();
      lane.queue.pop_front();
      const Instant began = now();
      co_await kept->hash_one(job.file, *job.round);
      const Duration wait = (now() - began) * (kHashShare - 1);
      if (wait >= kShortWait) kept->not_before[job.file.id] = now() + wait;
      kept->in_hand.erase(job.file.id);
      --job.round->pending;
      kept->change.notify();
    }
    --lane.workers;
  }

  asio::awaitable<void> hash_one(FoundFile found, Round& round) {
    const auto self = shared_from_this();
    const StoreId id = found.id;
    const auto before = served_stamp(id);
    auto hashed = co_await hash_file(pool, folder / id.file_name());
    if (served_stamp(id) != before || claims.contains(id)) co_return;  // A file was adopted under the name meanwhile.
    if (!hashed) {
      const DiskError error = hashed.error();
      if (error == DiskError::kChanged || error == DiskError::kNotFound) {
        ++round.report.settling;
        drop(id);
        ask_again(id, LookAgain::Why::kChanged, kSettleTime);
      } else {
        ++(error == DiskError::kRefused ? round.report.refused : round.report.failed);
        put_trouble(id, error);
        ask_again(id, LookAgain::Why::kFailed);
      }
      co_return;
    }
    const auto old = known.find(id);
    const bool is_other = old != known.end() && old->second.content != hashed->tree.content;
    if (is_other) co_await forget(id);
    const FileStamp stamp = hashed->stamp;
    const Content content = hashed->tree.content;
    auto keep = [self, id, stamp, tree = std::move(hashed->tree)] {
      auto status = self->layers.write(system_file_ops(), tree);
      if (status) self->db->put(id, {stamp, tree.content});
      return status;
    };
    const auto kept = co_await pool.run(std::move(keep));
    if (!kept) {  // Without its layer a store cannot be served.
      ++round.report.failed;
      put_trouble(id, kept.error());
      ask_again(id, LookAgain::Why::kFailed);
      co_return;
    }
    ++round.report.hashed;
    if (served_stamp(id) == before) set(id, stamp, content);
  }

  /// The part of a look in which the table stands still but for it.
  asio::awaitable<void> begin_listing() {
    const auto self = shared_from_this();
    while (self->is_listing) co_await self->change.wait();
    self->is_listing = true;
    co_await self->prepare();
  }
  void end_listing() {
    is_listing = false;
    change.notify();
  }

  asio::awaitable<Result<ScanReport, DiskError>> scan() {
    const auto self = shared_from_this();
    co_await begin_listing();
    auto list = [self] {
      // The folder may have been replaced by another: what stands in it then needs its layers anew.
      if (std::filesystem::exists(self->folder)) static_cast<void>(make_state_folder(self->folder, "layers"));
      return list_folder(self->folder);
    };
    auto listing = co_await pool.run(std::move(list));
    if (!listing) {
      end_listing();
      co_return fail(listing.error());
    }
    const auto round = std::make_shared<Round>();
    round->report.ignored = listing->ignored;
    round->report.refused = static_cast<std::uint32_t>(listing->refused.size());
    aside = std::move(listing->put_aside);
    std::set<StoreId> all;
    for (const auto& [id, row] : known) all.insert(id);
    for (const auto& [id, error] : troubles) all.insert(id);
    co_await remove_missing(std::move(all), *listing);
    co_await sort(*std::move(listing), round);
    end_listing();
    while (round->pending > 0) co_await change.wait();
    round->report.stores = static_cast<std::uint32_t>(entries.size());
    co_return round->report;
  }

  asio::awaitable<void> look(std::set<StoreId> stores) {
    const auto self = shared_from_this();
    co_await begin_listing();
    auto look_at = [self, stores] { return look_at_files(self->folder, stores); };
    auto listing = co_await pool.run(std::move(look_at));
    co_await remove_missing(std::move(stores), listing);
    co_await sort(std::move(listing), std::make_shared<Round>());
    end_listing();
  }

  /// Those of `stores` that the listing does not have.
  asio::awaitable<void> remove_missing(std::set<StoreId> stores, const FolderListing& listing) {
    const auto self = shared_from_this();
    for (const FoundFile& file : listing.files) stores.erase(file.id);
    for (const auto& [id, error] : listing.refused) stores.erase(id);
    for (const StoreId& id : stores) {
      if (claims.contains(id)) continue;
      troubles.erase(id);
      const bool was_known = entries.erase(id) > 0 || known.contains(id);
      if (was_known) on_event(StoreRemoved{.id = id, .is_gone = true});
      co_await forget(id);
    }
  }

  WorkerPool& pool;
  std::filesystem::path folder;
  OnEvent on_event;
  OnAgain on_again = [](const LookAgain&) {};
  LayerFiles layers;
  std::unique_ptr<CatalogueDb> db;
  Change change;
  std::map<StoreId, Entry> entries;           ///< What is served.
  std::map<StoreId, CatalogueDb::Row> known;  ///< What the database says, entries included.
  std::map<StoreId, DiskError> troubles;      ///< Files that are not served, and why.
  std::map<StoreId, std::string> aside;
  std::map<StoreId, Instant> not_before;  ///< Of files that cost much to hash: not again sooner.
  std::set<StoreId> in_hand;              ///< Waiting to be hashed, or being hashed.
  std::set<StoreId> doubts;               ///< To be hashed though the stamp is known.
  std::multiset<StoreId> claims;
  Lane small;
  Lane large;
  bool is_open = false;
  bool is_listing = false;
};

Catalogue::Catalogue(WorkerPool& pool, std::filesystem::path folder, OnEvent on_event)
    : state_(std::make_shared<State>(pool, std::move(folder), std::move(on_event))) {}
Catalogue::~Catalogue() {
  state_->on_event = [](const CatalogueEvent&) {};
  state_->on_again = [](const LookAgain&) {};
  for (State::Lane* const lane : {&state_->small, &state_->large}) {
    for (const State::Job& job : lane->queue) --job.round->pending;
    lane->queue.clear();
  }
  state_->change.notify();
}

void Catalogue::on_again(OnAgain on_again) { state_->on_again = std::move(on_again); }

asio::awaitable<Result<ScanReport, DiskError>> Catalogue::scan() { return state_->scan(); }

asio::awaitable<void> Catalogue::look(std::set<StoreId> stores) { return state_->look(std::move(stores)); }

asio::awaitable<void> Catalogue::recheck(StoreId id) {
  const std::shared_ptr<State> self = state_;
  self->doubts.insert(id);
  self->not_before.erase(id);
  std::set<StoreId> stores{id};
  co_await self->look(std::move(stores));
}

struct Catalogue::Claim::Release {
  Release(std::shared_ptr<State> catalogue, const StoreId& store) : state(std::move(catalogue)), id(store) {
    state->claims.insert(id);
  }
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;
  ~Release() {
    state->claims.erase(state->claims.find(id));
    state->ask_again(id, LookAgain::Why::kDoubt);
  }
  std::shared_ptr<State> state;
  StoreId id;
};
Catalogue::Claim::Claim(std::unique_ptr<Release> release) : release_(std::move(release)) {}
Catalogue::Claim::~Claim() = default;
Catalogue::Claim Catalogue::claim(StoreId id) { return Claim(std::make_unique<Claim::Release>(state_, id)); }

asio::awaitable<Result<std::string, DiskError>> Catalogue::put_aside(StoreId id, Content content) {
  const std::shared_ptr<State> self = state_;
  const auto entry = self->entries.find(id);
  if (entry == self->entries.end() || entry->second.content != content) co_return fail(DiskError::kNotFound);
  const FileStamp stamp = entry->second.stamp;
  self->drop(id);
  co_await self->forget(id);
  auto rename = [self, id, stamp] { return io::put_aside(system_file_ops(), self->folder, id, stamp); };
  const auto name = co_await self->pool.run(std::move(rename));
  if (name) {
    self->aside[id] = *name;
  } else {
    self->troubles[id] = name.error();
  }
  co_return name;
}

asio::awaitable<Status<DiskError>> Catalogue::remove(StoreId id) {
  const std::shared_ptr<State> self = state_;
  auto unlink_file = [path = path_of(id), folder = self->folder]() -> Status<DiskError> {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(disk_error(errno));
    return sync_folder(system_file_ops(), folder);
  };
  const auto removed = co_await self->pool.run(std::move(unlink_file));
  if (!removed) co_return removed;
  std::set<StoreId> stores{id};
  co_await self->look(std::move(stores));
  co_return Ok{};
}

const std::map<StoreId, std::string>& Catalogue::aside() const { return state_->aside; }
const std::map<StoreId, DiskError>& Catalogue::troubles() const { return state_->troubles; }

std::optional<Content> Catalogue::find(const StoreId& id) const { return state_->served(id); }

std::vector<StoreAdded> Catalogue::list() const {
  std::vector<StoreAdded> out;
  for (const auto& [id, entry] : state_->entries) out.push_back({id, entry.content, entry.stamp});
  return out;
}

const std::filesystem::path& Catalogue::folder() const { return state_->folder; }
std::filesystem::path Catalogue::path_of(const StoreId& id) const { return state_->folder / id.file_name(); }

asio::awaitable<Status<DiskError>> Catalogue::adopt(StoreId id, merkle::Tree tree) {
  const std::shared_ptr<State> self = state_;
  while (self->is_listing) co_await self->change.wait();  // A listing made before the file came would remove it.
  co_await self->prepare();
  const auto old = self->known.find(id);
  const bool is_other = old != self->known.end() && old->second.content != tree.content;
  if (is_other) co_await self->forget(id);
  const Content content = tree.content;
  auto keep = [self, id, tree = std::move(tree)]() -> Result<FileStamp, DiskError> {
    const auto now = stamp_of_path(self->folder / id.file_name());
    if (!now) return fail(DiskError::kNotFound);
    if (now->size != tree.content.size) return fail(DiskError::kChanged);
    if (const auto status = self->layers.write(system_file_ops(), tree); !status) return fail(status.error());
    self->db->put(id, {*now, tree.content});
    return *now;
  };
  const auto stamp = co_await self->pool.run(std::move(keep));
  if (!stamp) co_return fail(stamp.error());
  self->set(id, *stamp, content);
  co_return Ok{};
}

asio::awaitable<Result<OpenStore, DiskError>> Catalogue::open(StoreId id) {
  const std::shared_ptr<State> self = state_;
  const auto entry = self->entries.find(id);
  if (entry == self->entries.end()) co_return fail(DiskError::kNotFound);
  const FileStamp stamp = entry->second.stamp;
  const Content content = entry->second.content;
  auto open_file = [path = path_of(id), stamp]() -> Result<FileHandle, DiskError> {
    auto opened = open_regular(path);
    if (opened && stamp_of(opened->get()) != stamp) return fail(DiskError::kChanged);
    return opened;
  };
  auto file = co_await self->pool.run(std::move(open_file));
  if (file) co_return OpenStore{id, content, stamp, std::move(*file)};
  const DiskError error = file.error();
  const bool is_same = self->served_stamp(id) == stamp;
  if (is_same && (error == DiskError::kChanged || error == DiskError::kNotFound)) {
    self->drop(id);
    self->ask_again(id, LookAgain::Why::kDoubt);
  }
  co_return fail(error);
}

asio::awaitable<Result<Bytes, DiskError>> Catalogue::layer_page(StoreId id, Content content,
                                                                std::uint32_t first_piece) {
  const std::shared_ptr<State> self = state_;
  if (find(id) != content) co_return fail(DiskError::kNotFound);
  auto read_page = [self, content, first_piece]() -> Result<Bytes, DiskError> {
    const auto read = self->layers.page(content, first_piece);
    if (!read) return fail(read.error());
    return merkle::encode_layer_page(*read);
  };
  const auto page = co_await self->pool.run(std::move(read_page));
  const bool is_damaged = !page && page.error() != DiskError::kBadRequest && self->served(id) == content;
  if (is_damaged) co_await self->forget(id);
  if (is_damaged) self->drop(id);  // The next look hashes the store again, and writes its layer again.
  if (is_damaged) self->ask_again(id, LookAgain::Why::kDoubt);
  co_return page;
}

asio::awaitable<Result<Bytes, DiskError>> Catalogue::leaves(StoreId id, Content content, std::uint32_t piece) {
  const std::shared_ptr<State> self = state_;
  if (find(id) != content) co_return fail(DiskError::kNotFound);
  if (piece >= content.piece_count()) co_return fail(DiskError::kBadRequest);
  auto opened = co_await open(id);
  if (!opened) co_return fail(opened.error());
  if (opened->content != content) co_return fail(DiskError::kNotFound);
  const auto open_store = std::make_shared<const OpenStore>(std::move(*opened));
  auto hash_piece = [self, open_store, piece]() -> Result<Bytes, DiskError> {
    const Content& what = open_store->content;
    const auto page = self->layers.page(what, merkle::page_of_piece(piece));
    if (!page) return fail(page.error());
    Bytes data(what.piece_length(piece));
    const auto status = read_exactly(open_store->file.get(), data, piece * store::kPieceSize);
    if (!status) return fail(status.error());
    const std::vector<Digest> hashes = merkle::hash_leaves(thread_hasher(), data);
    if (merkle::piece_hash(what, piece, hashes) != page->hashes[piece - page->first_piece]) {
      return fail(DiskError::kChanged);
    }
    return merkle::encode_leaves(hashes);
  };
  const auto leaves = co_await self->pool.run(std::move(hash_piece));
  co_return leaves;
}

asio::awaitable<Status<DiskError>> Catalogue::read(const OpenStore& store, std::uint64_t offset,
                                                   std::span<std::uint8_t> out) {
  const OpenStore* const what = &store;
  if (offset > what->content.size || out.size() > what->content.size - offset) co_return fail(DiskError::kBadRequest);
  const std::shared_ptr<State> self = state_;
  auto read_range = [what, offset, out]() -> Status<DiskError> {
    const auto status = read_exactly(what->file.get(), out, offset);
    if (status && !what->is_unchanged()) return fail(DiskError::kChanged);
    return status;
  };
  co_return co_await self->pool.run(std::move(read_range));
}

asio::awaitable<Result<bool, DiskError>> Catalogue::verify(StoreId id) {
  const std::shared_ptr<State> self = state_;
  const auto content = find(id);
  if (!content) co_return fail(DiskError::kNotFound);
  const auto hashed = co_await hash_file(self->pool, self->folder / id.file_name());
  if (!hashed) co_return fail(hashed.error());
  co_return hashed->tree.content == *content;
}

}  // namespace turnpike::io
