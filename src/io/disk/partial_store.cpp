#include "io/disk/partial_store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/hex.h"
#include "core/store/journal.h"
#include "io/disk/hash_file.h"

namespace turnpike::io {

using store::Content;
using store::StoreId;

namespace {

constexpr mode_t kPublicFile = 0644;
/// Pieces hashed by one job while resuming.
constexpr std::uint32_t kPiecesPerStep = 16;
constexpr std::string_view kPart = ".part";
constexpr std::string_view kJournal = ".journal";
constexpr std::string_view kLayer = ".layer";

std::filesystem::path partial_folder(const std::filesystem::path& data) { return state_folder(data) / "partial"; }

std::filesystem::path partial_path(const std::filesystem::path& data, const StoreId& id, const Content& content,
                                   std::string_view ending) {
  return partial_folder(data) / (id.to_string() + "-" + to_hex(content.root).substr(0, 16) + std::string(ending));
}

/// The rename of a commit. Where the file system cannot refuse to replace, a hard link can.
int rename_into_place(const std::filesystem::path& from, const std::filesystem::path& to, Replace replace) {
  if (replace == Replace::kYes) return ::rename(from.c_str(), to.c_str());
  if (::syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (::link(from.c_str(), to.c_str()) != 0) return -1;
  return ::unlink(from.c_str());
}

}  // namespace

/// Shared with the jobs on the pool, which may end after the PartialStore. What the loop reads and what the jobs write
/// are kept apart; the journal, which jobs append to, has a mutex.
struct PartialStore::State {
  State(WorkerPool& workers, std::filesystem::path folder, const StoreId& store, const Content& what,
        const PartialOptions& how)
      : pool(workers),
        data(std::move(folder)),
        id(store),
        content(what),
        options(how),
        checkpoint_timer(workers.loop()),
        verified(what.piece_count()),
        writer(store, what),
        journalled(what.piece_count()) {}

  [[nodiscard]] std::filesystem::path path(std::string_view ending) const {
    return partial_path(data, id, content, ending);
  }

  // Opening: one after the other, on the pool.
  Status<DiskError> create();
  [[nodiscard]] Status<DiskError> check_space(std::uint64_t allocated) const;
  void read_layer();
  store::Replay read_journal();
  void verify_some(store::Replay& replay, std::uint32_t first);
  Status<DiskError> begin_journal();

  // Working: jobs on the pool, several at once.
  Status<WriteError> write(std::uint32_t index, const Digest& expected, ByteView bytes);
  Status<DiskError> append(const Bytes& record);
  Status<DiskError> make_durable();
  Status<DiskError> put_in_place(Replace replace);

  // On the loop.
  [[nodiscard]] std::optional<Digest> piece_hash(std::uint32_t index) const;
  static asio::awaitable<void> checkpoint_later(std::shared_ptr<State> self);

  WorkerPool& pool;
  std::filesystem::path data;
  StoreId id;
  Content content;
  PartialOptions options;
  FileHandle part;
  FileHandle layer_file;
  bool was_there = false;  ///< The partial file was found at its full length.

  asio::steady_timer checkpoint_timer;
  bool is_checkpoint_due = false;
  bool is_spent = false;
  std::vector<bool> verified;
  std::map<std::uint32_t, std::vector<Digest>> pages;  ///< Proved, by first piece.

  std::mutex journal_mutex;  ///< Guards the six below.
  FileHandle journal;
  store::JournalWriter writer;
  std::vector<bool> journalled;
  std::uint64_t journal_end = 0;
  std::uint32_t covered = 0;     ///< Records whose pieces are on stable storage.
  bool has_sync_failed = false;  ///< What fdatasync could not write may be gone; nothing later may be believed.
  std::mutex sync_mutex;         ///< One sync at a time.
};

std::optional<Digest> PartialStore::State::piece_hash(std::uint32_t index) const {
  if (content.piece_count() == 1) return content.root;
  const auto page = pages.find(merkle::page_of_piece(index));
  if (page == pages.end()) return std::nullopt;
  return page->second[index - page->first];
}

Status<DiskError> PartialStore::State::check_space(std::uint64_t allocated) const {
  const auto free = options.ops->free_space(data);
  if (!free) return fail(DiskError::kIo);
  const std::uint64_t missing = content.size > allocated ? content.size - allocated : 0;
  const std::uint64_t kept = options.reserve + options.promised;
  if (*free < kept || *free - kept < missing) return fail(DiskError::kNoSpace);
  return Ok{};
}

Status<DiskError> PartialStore::State::create() {
  if (const auto made = make_state_folder(data, "partial"); !made) return made;
  struct stat status{};
  const bool exists = ::stat(path(kPart).c_str(), &status) == 0;
  was_there = exists && static_cast<std::uint64_t>(status.st_size) == content.size;
  const std::uint64_t allocated = exists ? static_cast<std::uint64_t>(status.st_blocks) * 512 : 0;
  if (const auto space = check_space(allocated); !space) return space;

  part = FileHandle(::open(path(kPart).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kPublicFile));
  if (!part) return fail(disk_error(errno));
  if (::flock(part.get(), LOCK_EX | LOCK_NB) != 0) return fail(disk_error(errno));
  // Whoever held the lock may just have renamed the file into place.
  if (stamp_of(part.get()) != stamp_of_path(path(kPart))) return fail(DiskError::kBusy);
  if (!was_there && ::ftruncate(part.get(), static_cast<off_t>(content.size)) != 0) return fail(disk_error(errno));
  layer_file = FileHandle(::open(path(kLayer).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPublicFile));
  if (!layer_file) return fail(disk_error(errno));
  return Ok{};
}

/// Pages are proved again as they are read, so a torn one is merely missing.
void PartialStore::State::read_layer() {
  if (content.piece_count() == 1) return;
  for (std::uint32_t first = 0; first < content.piece_count(); first += merkle::kMaxPageHashes) {
    Bytes encoded(merkle::page_bytes(content, first));
    const std::uint64_t offset = first / merkle::kMaxPageHashes * std::uint64_t{merkle::kMaxPageBytes};
    if (!read_exactly(layer_file.get(), encoded, offset)) continue;
    auto page = merkle::open_layer_page(content, first, encoded);
    if (page) pages[first] = std::move(page->hashes);
  }
}

store::Replay PartialStore::State::read_journal() {
  store::Replay nothing{std::vector<bool>(content.piece_count()), std::vector<bool>(content.piece_count()), 0};
  const auto bytes = read_whole(path(kJournal), store::kMaxJournalSize);
  if (!bytes) return nothing;
  auto replay = store::replay_journal(id, content, *bytes);
  if (!replay) return nothing;
  if (was_there) return std::move(*replay);
  // Not the file the journal is about: whatever is in it has to prove itself.
  for (std::uint32_t i = 0; i < replay->durable.size(); ++i) {
    replay->written[i] = replay->written[i] || replay->durable[i];
    replay->durable[i] = false;
  }
  return std::move(*replay);
}

/// Moves those of the pieces first, first + 1, … that pass from written to durable, and forgets the others.
void PartialStore::State::verify_some(store::Replay& replay, std::uint32_t first) {
  const std::uint32_t end = std::min(content.piece_count(), first + kPiecesPerStep);
  for (std::uint32_t i = first; i < end; ++i) {
    if (!replay.written[i]) continue;
    const auto expected = piece_hash(i);
    Bytes bytes(content.piece_length(i));
    replay.written[i] = false;
    replay.durable[i] = expected && read_exactly(part.get(), bytes, i * store::kPieceSize) &&
                        merkle::verify_piece(thread_hasher(), content, i, *expected, bytes);
  }
}

/// Writes a new journal of all verified pieces, so that its length stays bounded over any number of restarts.
Status<DiskError> PartialStore::State::begin_journal() {
  if (options.ops->fdatasync(part.get()) != 0) return fail(disk_error(errno));
  Bytes bytes = copy_of(writer.header());
  const auto add = [&bytes](const Bytes& record) { bytes.insert(bytes.end(), record.begin(), record.end()); };
  for (std::uint32_t i = 0; i < verified.size(); ++i) {
    if (verified[i]) add(writer.piece(i));
  }
  add(writer.checkpoint(writer.records()));
  covered = writer.records();
  journalled = verified;
  if (const auto status = replace_file(*options.ops, path(kJournal), bytes, Durability::kSafe); !status) return status;
  journal = FileHandle(::open(path(kJournal).c_str(), O_RDWR | O_CLOEXEC));
  if (!journal) return fail(disk_error(errno));
  journal_end = bytes.size();
  return Ok{};
}

Status<DiskError> PartialStore::State::append(const Bytes& record) {
  const auto status = write_exactly(*options.ops, journal.get(), record, journal_end);
  if (status) {
    journal_end += record.size();
  } else {
    writer.drop_last();  // A torn record at journal_end is overwritten by the next.
  }
  return status;
}

Status<WriteError> PartialStore::State::write(std::uint32_t index, const Digest& expected, ByteView bytes) {
  if (const auto verdict = merkle::verify_piece(thread_hasher(), content, index, expected, bytes); !verdict) {
    const bool is_short = verdict.error() == merkle::PieceError::kWrongLength;
    return fail(WriteError{is_short ? PieceFault::kWrongLength : PieceFault::kWrongHash});
  }
  // Others write to the disk too: what was free when this was opened need not be so now.
  const auto free = options.ops->free_space(data);
  if (free && *free < options.reserve + bytes.size()) return fail(WriteError{DiskError::kNoSpace});
  const auto written = write_exactly(*options.ops, part.get(), bytes, index * store::kPieceSize);
  if (!written) return fail(WriteError{written.error()});
  const std::scoped_lock lock(journal_mutex);
  if (has_sync_failed) return fail(WriteError{DiskError::kIo});
  if (journalled[index]) return Ok{};
  const auto appended = append(writer.piece(index));
  if (!appended) return fail(WriteError{appended.error()});
  journalled[index] = true;
  return Ok{};
}

Status<DiskError> PartialStore::State::make_durable() {
  const std::scoped_lock syncing(sync_mutex);
  std::uint32_t records = 0;
  {
    const std::scoped_lock lock(journal_mutex);
    if (has_sync_failed) return fail(DiskError::kIo);
    records = writer.records();
    if (covered == records) return Ok{};
  }
  const bool is_synced = options.ops->fdatasync(part.get()) == 0 && options.ops->fdatasync(layer_file.get()) == 0;
  const int code = errno;
  const std::scoped_lock lock(journal_mutex);
  has_sync_failed = has_sync_failed || !is_synced;
  if (!is_synced) return fail(disk_error(code));
  if (const auto status = append(writer.checkpoint(records)); !status) return status;
  // The checkpoint's own record has nothing to be made durable, so it is covered where no piece came meanwhile.
  covered = writer.records() == records + 1 ? records + 1 : records;
  has_sync_failed = options.ops->fdatasync(journal.get()) != 0;
  if (has_sync_failed) return fail(disk_error(errno));
  return Ok{};
}

Status<DiskError> PartialStore::State::put_in_place(Replace replace) {
  const std::scoped_lock syncing(sync_mutex);
  if (has_sync_failed) return fail(DiskError::kIo);
  if (options.ops->fdatasync(part.get()) != 0) {
    const int code = errno;
    const std::scoped_lock lock(journal_mutex);
    has_sync_failed = true;
    return fail(disk_error(code));
  }
  if (rename_into_place(path(kPart), data / id.file_name(), replace) != 0) return fail(disk_error(errno));
  if (const auto status = sync_folder(*options.ops, data); !status) return status;
  ::unlink(path(kJournal).c_str());
  ::unlink(path(kLayer).c_str());
  return Ok{};
}

asio::awaitable<void> PartialStore::State::checkpoint_later(std::shared_ptr<State> self) {
  boost::system::error_code cancelled;
  self->checkpoint_timer.expires_after(self->options.checkpoint_delay);
  co_await self->checkpoint_timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  self->is_checkpoint_due = false;
  if (cancelled || self->is_spent) co_return;
  // A failure shows in the next write or in the commit.
  auto sync = [self] { return self->make_durable(); };
  static_cast<void>(co_await self->pool.run(std::move(sync)));
}

asio::awaitable<Result<std::unique_ptr<PartialStore>, DiskError>> PartialStore::open(WorkerPool& pool,
                                                                                     std::filesystem::path data,
                                                                                     StoreId id, Content content,
                                                                                     PartialOptions options) {
  const auto state =
      std::make_shared<State>(pool, std::move(data), id, content.is_valid() ? content : Content{1, {}}, options);
  if (!content.is_valid()) co_return fail(DiskError::kRefused);
  const auto replay = std::make_shared<store::Replay>();
  auto create = [state, replay] {
    auto status = state->create();
    if (!status) return status;
    state->read_layer();
    *replay = state->read_journal();
    return status;
  };
  const auto created = co_await pool.run(std::move(create));
  if (!created) co_return fail(created.error());
  for (std::uint32_t first = 0; first < content.piece_count(); first += kPiecesPerStep) {
    const auto begin = replay->written.begin() + first;
    const auto end = begin + std::min(kPiecesPerStep, content.piece_count() - first);
    if (std::find(begin, end, true) == end) continue;
    auto check_some = [state, replay, first] {
      state->verify_some(*replay, first);
      return 0;
    };
    static_cast<void>(co_await pool.run(std::move(check_some)));
  }
  state->verified = replay->durable;
  auto begin = [state] { return state->begin_journal(); };
  const auto begun = co_await pool.run(std::move(begin));
  if (!begun) co_return fail(begun.error());
  co_return std::unique_ptr<PartialStore>(new PartialStore(state));
}

PartialStore::PartialStore(std::shared_ptr<State> state) : state_(std::move(state)) {}

PartialStore::~PartialStore() {
  state_->is_spent = true;
  state_->checkpoint_timer.cancel();
  // A job or a timer may keep the descriptor for a moment; the lock must not wait for them.
  ::flock(state_->part.get(), LOCK_UN);
}

const StoreId& PartialStore::id() const { return state_->id; }
const Content& PartialStore::content() const { return state_->content; }
const std::vector<bool>& PartialStore::verified() const { return state_->verified; }
bool PartialStore::is_complete() const { return std::ranges::find(state_->verified, false) == state_->verified.end(); }
std::optional<Digest> PartialStore::piece_hash(std::uint32_t index) const { return state_->piece_hash(index); }
bool PartialStore::has_page(std::uint32_t first_piece) const {
  return state_->content.piece_count() == 1 || state_->pages.contains(first_piece);
}

asio::awaitable<Status<WriteError>> PartialStore::put_layer_page(std::uint32_t first_piece, Bytes encoded) {
  const auto state = state_;
  if (has_page(first_piece)) co_return Ok{};
  using Page = Result<merkle::LayerPage, WriteError>;
  auto check_page = [state, first_piece, encoded = std::move(encoded)]() -> Page {
    auto opened = merkle::open_layer_page(state->content, first_piece, encoded);
    if (!opened) return fail(WriteError{PieceFault::kBadPage});
    const std::uint64_t offset = first_piece / merkle::kMaxPageHashes * std::uint64_t{merkle::kMaxPageBytes};
    const auto written = write_exactly(*state->options.ops, state->layer_file.get(), encoded, offset);
    if (!written) return fail(WriteError{written.error()});
    return std::move(*opened);
  };
  auto page = co_await state->pool.run(std::move(check_page));
  if (!page) co_return fail(page.error());
  state->pages[first_piece] = std::move(page->hashes);
  co_return Ok{};
}

asio::awaitable<Status<PieceRefused>> PartialStore::write_piece(std::uint32_t index, Bytes data) {
  const auto state = state_;
  if (index >= state->content.piece_count()) co_return fail(PieceRefused{DiskError::kBadRequest, std::move(data)});
  const auto expected = state->piece_hash(index);
  if (!expected) co_return fail(PieceRefused{PieceFault::kNoHash, std::move(data)});
  if (state->verified[index]) co_return Ok{};
  auto check_and_write = [state, index, hash = *expected,
                          bytes = std::move(data)]() mutable -> std::optional<PieceRefused> {
    const auto status = state->write(index, hash, bytes);
    if (status) return std::nullopt;
    return PieceRefused{status.error(), std::move(bytes)};
  };
  auto refused = co_await state->pool.run(std::move(check_and_write));
  if (refused) co_return fail(std::move(*refused));
  state->verified[index] = true;
  const bool schedule = !state->is_checkpoint_due && !state->is_spent;
  state->is_checkpoint_due = state->is_checkpoint_due || schedule;
  if (schedule) asio::co_spawn(state->pool.loop(), State::checkpoint_later(state), asio::detached);
  co_return Ok{};
}

asio::awaitable<Status<DiskError>> PartialStore::checkpoint() {
  const auto state = state_;
  auto sync = [state] { return state->make_durable(); };
  co_return co_await state->pool.run(std::move(sync));
}

asio::awaitable<Result<merkle::Tree, DiskError>> PartialStore::commit(Replace replace) {
  const auto state = state_;
  if (!is_complete()) co_return fail(DiskError::kBadRequest);
  if (state->content.piece_count() > 1 && state->pages.size() != merkle::page_count(state->content)) {
    co_return fail(DiskError::kBadRequest);
  }
  merkle::Tree tree{state->content, {}};
  tree.layer.reserve(state->content.piece_count());
  for (const auto& [first, hashes] : state->pages) tree.layer.insert(tree.layer.end(), hashes.begin(), hashes.end());
  if (state->content.piece_count() == 1) tree.layer = {state->content.root};
  auto place = [state, replace] { return state->put_in_place(replace); };
  const auto placed = co_await state->pool.run(std::move(place));
  if (!placed) co_return fail(placed.error());
  state->is_spent = true;
  state->checkpoint_timer.cancel();
  co_return tree;
}

namespace {

bool is_locked(const std::filesystem::path& part) {
  const FileHandle file(::open(part.c_str(), O_RDONLY | O_CLOEXEC));
  return file && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0;
}

std::vector<PartialEntry> read_partials(const std::filesystem::path& data) {
  std::vector<PartialEntry> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(partial_folder(data), failed)) {
    if (entry.path().extension() != kJournal) continue;
    const auto header = read_whole(entry.path(), store::kJournalHeaderSize);
    if (!header) continue;
    const auto subject = store::journal_subject(*header);
    if (!subject || partial_path(data, subject->id, subject->content, kJournal) != entry.path()) continue;
    if (std::filesystem::exists(partial_path(data, subject->id, subject->content, kPart), failed)) {
      out.push_back({subject->id, subject->content});
    } else {  // Committed, and interrupted before these were removed.
      ::unlink(entry.path().c_str());
      ::unlink(partial_path(data, subject->id, subject->content, kLayer).c_str());
    }
  }
  return out;
}

}  // namespace

asio::awaitable<std::vector<PartialEntry>> list_partials(WorkerPool& pool, std::filesystem::path data) {
  WorkerPool* const workers = &pool;
  auto read = [data = std::move(data)] { return read_partials(data); };
  co_return co_await workers->run(std::move(read));
}

asio::awaitable<Status<DiskError>> discard_partial(WorkerPool& pool, std::filesystem::path data, StoreId id,
                                                   Content content) {
  WorkerPool* const workers = &pool;
  auto discard = [data = std::move(data), id, content]() -> Status<DiskError> {
    if (is_locked(partial_path(data, id, content, kPart))) return fail(DiskError::kBusy);
    for (const std::string_view ending : {kPart, kJournal, kLayer}) {
      ::unlink(partial_path(data, id, content, ending).c_str());
    }
    return Ok{};
  };
  co_return co_await workers->run(std::move(discard));
}

}  // namespace turnpike::io
