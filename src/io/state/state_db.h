// The few facts a program must remember across restarts: small values by table and key, in one SQLite file.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;

namespace turnpike::io {

/// Why the state cannot be used; one line for people.
struct StateError {
  std::string text;
};

/// Each `put` and `erase` is durable when it returns (WAL, synchronous = FULL); they take a fraction of a millisecond
/// to some milliseconds, so call them per user action or per finished store, not per piece. One thread.
class StateDb {
 public:
  /// The layout this program writes. A file of a later one is refused, untouched.
  static constexpr int kVersion = 1;

  [[nodiscard]] static Result<std::unique_ptr<StateDb>, StateError> open(const std::filesystem::path& file);
  ~StateDb();
  StateDb(const StateDb&) = delete;
  StateDb& operator=(const StateDb&) = delete;

  [[nodiscard]] std::optional<std::string> get(std::string_view table, std::string_view key) const;
  [[nodiscard]] std::map<std::string, std::string> all(std::string_view table) const;
  [[nodiscard]] Status<StateError> put(std::string_view table, std::string_view key, std::string_view value);
  [[nodiscard]] Status<StateError> erase(std::string_view table, std::string_view key);

 private:
  explicit StateDb(sqlite3* db) : db_(db) {}
  [[nodiscard]] Status<StateError> change(const char* sql, std::string_view table, std::string_view key,
                                          std::optional<std::string_view> value);

  sqlite3* db_;
};

}  // namespace turnpike::io
