#include "core/budget/books.h"

#include <algorithm>

namespace turnpike::budget {

std::string_view words_of(BooksFault fault) {
  switch (fault) {
    case BooksFault::kNumber:
      return "it is not the next one: rows are missing, or stand twice";
    case BooksFault::kNotBegun:
      return "it stands before the first month";
    case BooksFault::kMonthWentBack:
      return "it opens a month that is over";
    case BooksFault::kOtherMonth:
      return "it is of another month than the current one";
    case BooksFault::kUnknownAccount:
      return "it settles what was not reserved";
    case BooksFault::kOverReserved:
      return "more flowed than was reserved";
    case BooksFault::kTooMuch:
      return "it is more than can be counted";
  }
  return "";
}

Status<BooksFault> Books::apply(const Row& row) {
  if (const auto fault = fault_of(row)) return fail(*fault);
  ++rows_;
  switch (row.kind) {
    case RowKind::kMonth:
      month_ = row.month;
      spent_ = {};
      all_reserved_ = {};
      reserved_.clear();
      break;
    case RowKind::kReserve: {
      Traffic& reserved = reserved_[row.account];
      reserved = reserved + row.traffic;
      all_reserved_ = all_reserved_ + row.traffic;
      last_account_ = std::max(last_account_, row.account);
      break;
    }
    case RowKind::kSettle:
    case RowKind::kForfeit:
      release(row.account, row.traffic);
      break;
    case RowKind::kGrant:
      grants_.insert_or_assign(
          row.party, TierGrant{row.tier, row.until_ms == 0 ? std::nullopt : std::optional(WallTime{row.until_ms})});
      break;
    case RowKind::kRevoke:
      grants_.erase(row.party);
      break;
  }
  return Ok{};
}

void Books::release(std::uint64_t account, const Traffic& flowed) {
  const auto at = reserved_.find(account);
  all_reserved_ = all_reserved_ - at->second;
  reserved_.erase(at);
  spent_ = spent_ + flowed;
}

std::optional<BooksFault> Books::fault_of(const Row& row) const {
  if (row.number != rows_ + 1) return BooksFault::kNumber;
  if (row.kind == RowKind::kMonth) {
    return has_begun() && row.month <= month_ ? std::optional(BooksFault::kMonthWentBack) : std::nullopt;
  }
  if (!has_begun()) return BooksFault::kNotBegun;
  if (row.month != month_) return BooksFault::kOtherMonth;
  const auto account = reserved_.find(row.account);
  switch (row.kind) {
    case RowKind::kReserve: {
      if (!Traffic{kMaxBytes, kMaxBytes}.holds(row.traffic)) return BooksFault::kTooMuch;
      // Everything together, so that no sum of it can overflow.
      const Traffic all = spent_ + all_reserved_ + row.traffic;
      return Traffic{2 * kMaxBytes, 2 * kMaxBytes}.holds(all) ? std::nullopt : std::optional(BooksFault::kTooMuch);
    }
    case RowKind::kSettle:
    case RowKind::kForfeit:
      if (account == reserved_.end()) return BooksFault::kUnknownAccount;
      return account->second.holds(row.traffic) ? std::nullopt : std::optional(BooksFault::kOverReserved);
    case RowKind::kGrant:
      return grants_.size() < kMaxGrants || grants_.contains(row.party) ? std::nullopt
                                                                        : std::optional(BooksFault::kTooMuch);
    case RowKind::kMonth:
    case RowKind::kRevoke:
      break;
  }
  return std::nullopt;
}

}  // namespace turnpike::budget
