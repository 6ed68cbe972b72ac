// What the ledger's rows come to, row by row: the month, what it has cost, what is reserved, and who was granted what.
#pragma once

#include <cstddef>
#include <map>

#include "base/result.h"
#include "core/budget/row.h"

namespace turnpike::budget {

constexpr std::size_t kMaxGrants = 10'000;

/// What is wrong with a row, though it is one: whoever wrote it is to blame.
enum class BooksFault : std::uint8_t {
  kNumber,         ///< Not the next one: rows are missing, or stand twice.
  kNotBegun,       ///< Before the first month.
  kMonthWentBack,  ///< A month that is over does not open again.
  kOtherMonth,     ///< Bytes of a month that is not the current one.
  kUnknownAccount,
  kOverReserved,  ///< More flowed than was reserved.
  kTooMuch,       ///< More than kMaxBytes, or kMaxGrants.
};
/// For people: "it is not the next one", …
[[nodiscard]] std::string_view words_of(BooksFault fault);

class Books {
 public:
  /// A faulty row changes nothing.
  [[nodiscard]] Status<BooksFault> apply(const Row& row);

  [[nodiscard]] bool has_begun() const { return rows_ > 0; }
  [[nodiscard]] Month month() const { return month_; }
  /// Settled and forfeited this month.
  [[nodiscard]] const Traffic& spent() const { return spent_; }
  /// By account, not settled yet.
  [[nodiscard]] const std::map<std::uint64_t, Traffic>& reserved() const { return reserved_; }
  [[nodiscard]] const std::map<Party, TierGrant>& grants() const { return grants_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] std::uint64_t last_account() const { return last_account_; }

 private:
  [[nodiscard]] std::optional<BooksFault> fault_of(const Row& row) const;
  void release(std::uint64_t account, const Traffic& flowed);

  std::uint64_t rows_ = 0;
  std::uint64_t last_account_ = 0;
  Month month_;
  Traffic spent_;
  Traffic all_reserved_;
  std::map<std::uint64_t, Traffic> reserved_;
  std::map<Party, TierGrant> grants_;
};

}  // namespace turnpike::budget
