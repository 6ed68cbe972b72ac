#include "io/ledger/ledger.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>

namespace turnpike::io {
namespace {

using budget::Books;
using budget::Row;

struct CloseDb {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Statement prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
  return Statement(statement);
}

constexpr const char* kSetUp =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;"
    "CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, month INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, account INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,"
    " party BLOB NOT NULL, tier INTEGER NOT NULL, until_ms INTEGER NOT NULL, hash BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), rows INTEGER NOT NULL,"
    " hash BLOB NOT NULL);"
    "PRAGMA user_version = 1;";

LedgerError error_of(sqlite3* db, const std::filesystem::path& file) {
  return {0, "the ledger " + file.string() + " cannot be used: " + sqlite3_errmsg(db)};
}

std::uint64_t number_at(sqlite3_stmt* statement, int column) {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement, column));
}

ByteView blob_at(sqlite3_stmt* statement, int column) {
  const auto* const data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

// Through the row's own bytes, so that what is no kind, tier or number of 32 bits is no row.
std::optional<Row> row_at(sqlite3_stmt* statement) {
  Bytes bytes;
  ByteWriter out(bytes);
  const std::uint64_t kind = number_at(statement, 1);
  const std::uint64_t month = number_at(statement, 2);
  const std::uint64_t tier = number_at(statement, 8);
  const ByteView party = blob_at(statement, 7);
  if (kind > UINT8_MAX || month > UINT32_MAX || tier > UINT8_MAX) return std::nullopt;
  out.u64(number_at(statement, 0));
  out.u8(static_cast<std::uint8_t>(kind));
  out.u32(static_cast<std::uint32_t>(month));
  for (const int column : {3, 4, 5, 6}) out.u64(number_at(statement, column));
  bytes.insert(bytes.end(), party.begin(), party.end());
  out.u8(static_cast<std::uint8_t>(tier));
  out.u64(number_at(statement, 9));
  return budget::decode_row(bytes);
}

struct Checked {
  Books books;
  Digest head = budget::kChainBegin;
};

LedgerError damaged(const std::filesystem::path& file, std::uint64_t row, const std::string& what) {
  return {row,
          "row " + std::to_string(row) + " of the ledger " + file.string() + " is not what was written there: " + what};
}

Result<Checked, LedgerError> check(sqlite3* db, const std::filesystem::path& file, const OnRow& on_row) {
  Checked out;
  const Statement rows =
      prepare(db,
              "SELECT number, kind, month, at_ms, account, bytes_in, bytes_out, party, tier, until_ms,"
              " hash FROM rows ORDER BY number");
  if (!rows) return fail(error_of(db, file));
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(rows.get())) == SQLITE_ROW) {
    const std::uint64_t expected = out.books.rows() + 1;
    const auto row = row_at(rows.get());
    if (!row) return fail(damaged(file, expected, "it is no row"));
    if (row->number != expected) {
      return fail(damaged(file, expected, "it is missing, and row " + std::to_string(row->number) + " follows"));
    }
    out.head = budget::chained(out.head, *row);
    if (!std::ranges::equal(blob_at(rows.get(), 10), out.head)) {
      return fail(damaged(file, expected, "its hash does not match, so it, or the hash, was changed"));
    }
    if (const auto applied = out.books.apply(*row); !applied) {
      return fail(damaged(file, expected, std::string(words_of(applied.error()))));
    }
    if (on_row && !on_row(*row)) return out;
  }
  if (step != SQLITE_DONE) return fail(error_of(db, file));
  const Statement head = prepare(db, "SELECT rows, hash FROM head");
  if (!head) return fail(error_of(db, file));
  const bool has_head = sqlite3_step(head.get()) == SQLITE_ROW;
  const std::uint64_t counted = has_head ? number_at(head.get(), 0) : 0;
  if (counted != out.books.rows()) {
    return fail(damaged(
        file, std::min(counted, out.books.rows()) + 1,
        std::to_string(counted) + " rows were written, and " + std::to_string(out.books.rows()) + " are there"));
  }
  if (has_head && !std::ranges::equal(blob_at(head.get(), 1), out.head)) {
    return fail(damaged(file, counted, "the last hash that was written is another"));
  }
  return out;
}

Result<int, LedgerError> version_of(sqlite3* db, const std::filesystem::path& file) {
  const Statement statement = prepare(db, "PRAGMA user_version");
  if (!statement || sqlite3_step(statement.get()) != SQLITE_ROW) return fail(error_of(db, file));
  const int version = sqlite3_column_int(statement.get(), 0);
  if (version > Ledger::kVersion) {
    return fail(LedgerError{0, file.string() + " was written by a later version of turnpike (layout " +
                                   std::to_string(version) + "); update turnpike"});
  }
  return version;
}

void bind(sqlite3_stmt* statement, int index, std::uint64_t number) {
  sqlite3_bind_int64(statement, index, static_cast<sqlite3_int64>(number));
}
void bind(sqlite3_stmt* statement, int index, ByteView bytes) {
  sqlite3_bind_blob(statement, index, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
}

bool insert(sqlite3_stmt* statement, const Row& row, const Digest& hash) {
  sqlite3_reset(statement);
  bind(statement, 1, row.number);
  bind(statement, 2, static_cast<std::uint64_t>(row.kind));
  bind(statement, 3, std::uint64_t{row.month.number});
  bind(statement, 4, row.at.unix_ms);
  bind(statement, 5, row.account);
  bind(statement, 6, row.traffic.in);
  bind(statement, 7, row.traffic.out);
  bind(statement, 8, ByteView(row.party));
  bind(statement, 9, static_cast<std::uint64_t>(row.tier));
  bind(statement, 10, row.until_ms);
  bind(statement, 11, ByteView(hash));
  return sqlite3_step(statement) == SQLITE_DONE;
}

}  // namespace

Result<Books, LedgerError> read_ledger(const std::filesystem::path& file, const OnRow& on_row) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<sqlite3, CloseDb> db(opened);
  if (code != SQLITE_OK) return fail(error_of(opened, file));
  sqlite3_busy_timeout(opened, 2000);
  if (auto version = version_of(opened, file); !version) return fail(version.error());
  sqlite3_exec(opened, "BEGIN", nullptr, nullptr, nullptr);  // rows and head as they stand at one moment
  auto checked = check(opened, file, on_row);
  sqlite3_exec(opened, "ROLLBACK", nullptr, nullptr, nullptr);
  if (!checked) return fail(checked.error());
  return std::move(checked->books);
}

Result<Ledger::Opened, LedgerError> Ledger::open(const std::filesystem::path& file) {
  const int made = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (made >= 0) ::close(made);
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  std::unique_ptr<Ledger> ledger(new Ledger(db));
  if (code != SQLITE_OK) return fail(error_of(db, file));
  if (auto version = version_of(db, file); !version) return fail(version.error());
  if (sqlite3_exec(db, kSetUp, nullptr, nullptr, nullptr) != SQLITE_OK) return fail(error_of(db, file));
  auto checked = check(db, file, {});
  if (!checked) return fail(checked.error());
  ledger->rows_ = checked->books.rows();
  ledger->head_ = checked->head;
  return Opened{std::move(ledger), std::move(checked->books)};
}

Ledger::~Ledger() { sqlite3_close(db_); }

Status<LedgerError> Ledger::append(std::span<const Row> rows) {
  if (rows.empty()) return Ok{};
  const auto broken = [this] {
    LedgerError error{0, std::string("the ledger cannot be written: ") + sqlite3_errmsg(db_)};
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    return fail(std::move(error));
  };
  const Statement row_statement = prepare(db_, "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const Statement head_statement = prepare(db_, "INSERT OR REPLACE INTO head VALUES (1, ?, ?)");
  if (!row_statement || !head_statement) return broken();
  if (sqlite3_exec(db_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) != SQLITE_OK) return broken();
  Digest head = head_;
  for (const Row& row : rows) {
    head = budget::chained(head, row);
    if (!insert(row_statement.get(), row, head)) return broken();
  }
  bind(head_statement.get(), 1, rows_ + rows.size());
  bind(head_statement.get(), 2, ByteView(head));
  if (sqlite3_step(head_statement.get()) != SQLITE_DONE) return broken();
  if (sqlite3_exec(db_, "COMMIT", nullptr, nullptr, nullptr) != SQLITE_OK) return broken();
  rows_ += rows.size();
  head_ = head;
  return Ok{};
}

}  // namespace turnpike::io
