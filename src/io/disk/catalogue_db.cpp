#include "io/disk/catalogue_db.h"

#include <sqlite3.h>

#include <mutex>
#include <system_error>

namespace turnpike::io {
namespace {

constexpr const char* kSchema =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS files1 (id BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    " inode INTEGER NOT NULL, root BLOB NOT NULL) WITHOUT ROWID;";

/// A prepared statement, bound from the left.
class Statement {
 public:
  Statement(sqlite3* db, const char* text) {
    if (db != nullptr) sqlite3_prepare_v2(db, text, -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(ByteView bytes) {
    sqlite3_bind_blob(statement_, ++bound_, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
  }
  void bind(std::int64_t value) { sqlite3_bind_int64(statement_, ++bound_, value); }
  [[nodiscard]] bool next() { return statement_ != nullptr && sqlite3_step(statement_) == SQLITE_ROW; }
  void run() {
    if (statement_ != nullptr) sqlite3_step(statement_);
  }
  [[nodiscard]] std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::optional<Digest> digest(int column) {
    if (sqlite3_column_bytes(statement_, column) != static_cast<int>(sizeof(Digest))) return std::nullopt;
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
    Digest out{};
    std::copy_n(data, out.size(), out.begin());
    return out;
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

sqlite3* open_database(const std::filesystem::path& file) {
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(file.c_str(), &db, flags, nullptr) == SQLITE_OK) {
    sqlite3_busy_timeout(db, 1000);
    if (sqlite3_exec(db, kSchema, nullptr, nullptr, nullptr) == SQLITE_OK) return db;
  }
  sqlite3_close(db);
  return nullptr;
}

void remove_database(const std::filesystem::path& file) {
  std::error_code ignored;
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + ending, ignored);
}

}  // namespace

struct CatalogueDb::State {
  std::mutex mutex;
  sqlite3* db = nullptr;
};

CatalogueDb::CatalogueDb(const std::filesystem::path& file) : state_(std::make_unique<State>()) {
  state_->db = open_database(file);
  if (state_->db != nullptr) return;
  remove_database(file);
  state_->db = open_database(file);
}

CatalogueDb::~CatalogueDb() { sqlite3_close(state_->db); }

std::map<store::StoreId, CatalogueDb::Row> CatalogueDb::load() {
  const std::scoped_lock lock(state_->mutex);
  std::map<store::StoreId, Row> rows;
  Statement statement(state_->db, "SELECT id, size, mtime_ns, inode, root FROM files1");
  while (statement.next()) {
    const auto id = statement.digest(0);
    const auto root = statement.digest(4);
    const auto size = static_cast<std::uint64_t>(statement.integer(1));
    const store::Content content{size, root.value_or(Digest{})};
    if (!id || !root || !content.is_valid()) continue;
    rows[{*id}] = {{size, statement.integer(2), static_cast<std::uint64_t>(statement.integer(3))}, content};
  }
  return rows;
}

void CatalogueDb::put(const store::StoreId& id, const Row& row) {
  const std::scoped_lock lock(state_->mutex);
  Statement statement(state_->db,
                      "INSERT OR REPLACE INTO files1 (id, size, mtime_ns, inode, root) VALUES (?, ?, ?, ?, ?)");
  statement.bind(id.bytes);
  statement.bind(static_cast<std::int64_t>(row.stamp.size));
  statement.bind(row.stamp.mtime_ns);
  statement.bind(static_cast<std::int64_t>(row.stamp.inode));
  statement.bind(row.content.root);
  statement.run();
}

void CatalogueDb::remove(const store::StoreId& id) {
  const std::scoped_lock lock(state_->mutex);
  Statement statement(state_->db, "DELETE FROM files1 WHERE id = ?");
  statement.bind(id.bytes);
  statement.run();
}

}  // namespace turnpike::io
