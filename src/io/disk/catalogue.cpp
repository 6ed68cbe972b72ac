#include "io/disk/catalogue.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <deque>
#include <utility>

#include "io/disk/catalogue_db.h"
#include "io/disk/hash_file.h"
#include "io/disk/layer_file.h"

namespace turnpike::io {

using store::Content;
using store::StoreId;

namespace {

/// A file with a store's name, as a look at the folder found it.
struct Found {
  StoreId id;
  FileStamp stamp;
  bool is_settling = false;
};

struct Listing {
  std::vector<Found> files;
  std::uint32_t ignored = 0;
  std::uint32_t refused = 0;
};

bool is_recent(const FileStamp& stamp) {
  using std::chrono::nanoseconds;
  const auto now = std::chrono::duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
  const nanoseconds age = now - nanoseconds(stamp.mtime_ns);
  return age < Catalogue::kSettleTime && age > -Catalogue::kSettleTime;
}

Result<Listing, DiskError> list_folder(const std::filesystem::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(folder.c_str()), ::closedir);
  if (!stream) return fail(disk_error(errno));
  Listing listing;
  const int fd = ::dirfd(stream.get());
  if (fd < 0) return fail(disk_error(errno));
  while (const dirent* const entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || name == ".turnpike") continue;
    const auto id = StoreId::from_file_name(name);
    struct stat status{};
    if (!id || ::fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) {
      ++listing.ignored;
      continue;
    }
    const FileStamp stamp{static_cast<std::uint64_t>(status.st_size),
                          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_ino};
    const bool settling = is_recent(stamp);
    if (!settling && !Content{stamp.size, {}}.is_valid()) {
      ++listing.refused;
      continue;
    }
    listing.files.push_back({*id, stamp, settling});
  }
  return listing;
}

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
  /// What the workers of one scan share.
  struct Round {
    std::deque<Found> queue;
    ScanReport report;
    unsigned workers = 0;
  };

  State(WorkerPool& workers, std::filesystem::path data, OnEvent events)
      : pool(workers),
        folder(std::move(data)),
        on_event(std::move(events)),
        layers(state_folder(folder) / "layers"),
        change(workers.loop()) {}

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
    entry->second = {stamp, content};
    known[id] = {stamp, content};
    if (is_new) on_event(StoreAdded{id, content});
    if (differs) on_event(StoreChanged{id, content});
  }

  /// The store is not (or no longer) what it was said to be.
  void drop(const StoreId& id) {
    if (entries.erase(id) > 0) on_event(StoreRemoved{id});
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

  /// Which of the files found need no reading: the cache knows their stamp, and their layer is there.
  asio::awaitable<void> sort(std::vector<Found> files, Round& round) {
    const auto self = shared_from_this();
    std::vector<std::pair<Found, Content>> cached;
    for (const Found& file : files) {
      const auto entry = entries.find(file.id);
      if (entry != entries.end() && entry->second.stamp == file.stamp) {
        ++round.report.unchanged;
        continue;
      }
      if (file.is_settling) {
        ++round.report.settling;
        drop(file.id);
        continue;
      }
      const auto row = known.find(file.id);
      if (row != known.end() && row->second.stamp == file.stamp) {
        cached.emplace_back(file, row->second.content);
      } else {
        round.queue.push_back(file);
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
        ++round.report.unchanged;
        set(cached[i].first.id, cached[i].first.stamp, cached[i].second);
      } else {
        round.queue.push_back(cached[i].first);
      }
    }
  }

  asio::awaitable<void> hash_one(Found found, Round& round) {
    const auto self = shared_from_this();
    const StoreId id = found.id;
    const auto before = served_stamp(id);
    auto hashed = co_await hash_file(pool, folder / id.file_name());
    if (served_stamp(id) != before) co_return;  // A file was adopted under the name meanwhile.
    if (!hashed) {
      drop(id);
      if (hashed.error() == DiskError::kChanged) ++round.report.settling;
      if (hashed.error() == DiskError::kRefused) ++round.report.refused;
      if (hashed.error() != DiskError::kChanged && hashed.error() != DiskError::kRefused) ++round.report.failed;
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
    if (!kept) {
      ++round.report.failed;  // Without its layer a store cannot be served.
      co_return;
    }
    ++round.report.hashed;
    if (served_stamp(id) == before) set(id, stamp, content);
  }

  asio::awaitable<void> hash_all(Round& round) {
    const auto self = shared_from_this();
    while (!round.queue.empty()) {
      const Found found = round.queue.front();
      round.queue.pop_front();
      co_await self->hash_one(found, round);
    }
    --round.workers;
    change.notify();
  }

  asio::awaitable<Result<ScanReport, DiskError>> scan() {
    const auto self = shared_from_this();
    const std::filesystem::path where = folder;
    while (is_scanning) co_await change.wait();
    is_scanning = true;
    is_listing = true;
    co_await prepare();
    auto list = [where] { return list_folder(where); };
    auto listing = co_await pool.run(std::move(list));
    if (!listing) {
      is_scanning = false;
      is_listing = false;
      change.notify();
      co_return fail(listing.error());
    }
    Round round;
    round.report.ignored = listing->ignored;
    round.report.refused = listing->refused;
    co_await remove_missing(*listing);
    co_await sort(std::move(listing->files), round);
    is_listing = false;
    change.notify();
    round.workers = std::min<unsigned>(pool.size(), static_cast<unsigned>(round.queue.size()));
    for (unsigned i = round.workers; i > 0; --i) asio::co_spawn(pool.loop(), hash_all(round), asio::detached);
    while (round.workers > 0) co_await change.wait();
    is_scanning = false;
    change.notify();
    round.report.stores = static_cast<std::uint32_t>(entries.size());
    co_return round.report;
  }

  asio::awaitable<void> remove_missing(const Listing& listing) {
    const auto self = shared_from_this();
    std::map<StoreId, bool> present;
    std::vector<StoreId> gone;
    for (const Found& file : listing.files) present[file.id] = true;
    for (const auto& [id, row] : known) {
      if (!present.contains(id)) gone.push_back(id);
    }
    for (const StoreId& id : gone) {
      drop(id);
      co_await forget(id);
    }
  }

  WorkerPool& pool;
  std::filesystem::path folder;
  OnEvent on_event;
  LayerFiles layers;
  std::unique_ptr<CatalogueDb> db;
  Change change;
  std::map<StoreId, Entry> entries;           ///< What is served.
  std::map<StoreId, CatalogueDb::Row> known;  ///< What the database says, entries included.
  bool is_open = false;
  bool is_scanning = false;
  bool is_listing = false;  ///< The first part of a scan, before files are hashed: the table stands still but for it.
};

Catalogue::Catalogue(WorkerPool& pool, std::filesystem::path folder, OnEvent on_event)
    : state_(std::make_shared<State>(pool, std::move(folder), std::move(on_event))) {}
Catalogue::~Catalogue() {
  state_->on_event = [](const CatalogueEvent&) {};
}

asio::awaitable<Result<ScanReport, DiskError>> Catalogue::scan() { return state_->scan(); }

std::optional<Content> Catalogue::find(const StoreId& id) const { return state_->served(id); }

std::vector<StoreAdded> Catalogue::list() const {
  std::vector<StoreAdded> out;
  for (const auto& [id, entry] : state_->entries) out.push_back({id, entry.content});
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
  if (is_same && (error == DiskError::kChanged || error == DiskError::kNotFound)) self->drop(id);
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
  if (is_damaged) self->drop(id);  // The next scan hashes the store again, and writes its layer again.
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
