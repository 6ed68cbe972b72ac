// The ledger on disk: the rows of core/budget in one SQLite file, each chained to all before it
// (docs/protocols/ledger.md).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "core/budget/books.h"

struct sqlite3;

namespace turnpike::io {

/// Why there is no ledger, or which row of it is not what was written.
struct LedgerError {
  std::uint64_t row = 0;  ///< 0: of no row in particular.
  std::string text;       ///< One line for people.
};

/// Sees each row, in order; false ends the reading.
using OnRow = std::function<bool(const budget::Row&)>;

/// Reads a ledger that somebody else may be writing, and checks it. Gives what it comes to.
[[nodiscard]] Result<budget::Books, LedgerError> read_ledger(const std::filesystem::path& file,
                                                             const OnRow& on_row = {});

/// For its one writer, on one thread at a time.
class Ledger {
 public:
  /// The layout this program writes. A file of a later one is refused, untouched.
  static constexpr int kVersion = 1;

  struct Opened {
    std::unique_ptr<Ledger> ledger;
    budget::Books books;
  };
  /// Makes the file (0600) where there is none. A damaged one is refused, untouched.
  [[nodiscard]] static Result<Opened, LedgerError> open(const std::filesystem::path& file);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// All of them or none, durable when it returns (WAL, synchronous = FULL). They continue what is there.
  [[nodiscard]] Status<LedgerError> append(std::span<const budget::Row> rows);

 private:
  explicit Ledger(sqlite3* db) : db_(db) {}

  sqlite3* db_;
  std::uint64_t rows_ = 0;
  Digest head_ = budget::kChainBegin;
};

}  // namespace turnpike::io
