#include "io/state/state_db.h"

#include <sqlite3.h>

namespace turnpike::io {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Statement prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
  return Statement(statement);
}

void bind(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_blob(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

std::string column(sqlite3_stmt* statement, int index) {
  const auto* const data = static_cast<const char*>(sqlite3_column_blob(statement, index));
  return data == nullptr ? std::string()
                         : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement, index)));
}

StateError error_of(sqlite3* db) { return {std::string("state database: ") + sqlite3_errmsg(db)}; }

// SQLite says little of what the system said: what it was is mostly one of two things.
StateError cannot_open(const std::filesystem::path& file, sqlite3* db) {
  return {file.string() + " cannot be used (" + sqlite3_errmsg(db) +
          "): see who may write to its folder, and whether the disk is full"};
}

int version_of(sqlite3* db) {
  const Statement statement = prepare(db, "PRAGMA user_version");
  return statement && sqlite3_step(statement.get()) == SQLITE_ROW ? sqlite3_column_int(statement.get(), 0) : -1;
}

constexpr const char* kSetUp =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;"
    "CREATE TABLE IF NOT EXISTS facts (name BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    "                                  PRIMARY KEY (name, key)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

}  // namespace

Result<std::unique_ptr<StateDb>, StateError> StateDb::open(const std::filesystem::path& file) {
  sqlite3* db = nullptr;
  const int opened = sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  std::unique_ptr<StateDb> out(new StateDb(db));
  if (opened != SQLITE_OK) return fail(cannot_open(file, db));
  const int version = version_of(db);
  if (version < 0) return fail(cannot_open(file, db));
  if (version > kVersion) {
    return fail(StateError{file.string() + " was written by a later version of turnpike (layout " +
                           std::to_string(version) + "); update turnpike, or use another data folder"});
  }
  if (sqlite3_exec(db, kSetUp, nullptr, nullptr, nullptr) != SQLITE_OK) return fail(cannot_open(file, db));
  return out;
}

StateDb::~StateDb() { sqlite3_close(db_); }

std::optional<std::string> StateDb::get(std::string_view table, std::string_view key) const {
  const Statement statement = prepare(db_, "SELECT value FROM facts WHERE name = ? AND key = ?");
  bind(statement.get(), 1, table);
  bind(statement.get(), 2, key);
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return std::nullopt;
  return column(statement.get(), 0);
}

std::map<std::string, std::string> StateDb::all(std::string_view table) const {
  std::map<std::string, std::string> out;
  const Statement statement = prepare(db_, "SELECT key, value FROM facts WHERE name = ?");
  bind(statement.get(), 1, table);
  while (sqlite3_step(statement.get()) == SQLITE_ROW)
    out.emplace(column(statement.get(), 0), column(statement.get(), 1));
  return out;
}

Status<StateError> StateDb::put(std::string_view table, std::string_view key, std::string_view value) {
  return change("INSERT OR REPLACE INTO facts (name, key, value) VALUES (?, ?, ?)", table, key, value);
}

Status<StateError> StateDb::erase(std::string_view table, std::string_view key) {
  return change("DELETE FROM facts WHERE name = ? AND key = ?", table, key, std::nullopt);
}

Status<StateError> StateDb::change(const char* sql, std::string_view table, std::string_view key,
                                   std::optional<std::string_view> value) {
  const Statement statement = prepare(db_, sql);
  if (!statement) return fail(error_of(db_));
  bind(statement.get(), 1, table);
  bind(statement.get(), 2, key);
  if (value) bind(statement.get(), 3, *value);
  if (sqlite3_step(statement.get()) != SQLITE_DONE) return fail(error_of(db_));
  return Ok{};
}

}  // namespace turnpike::io
