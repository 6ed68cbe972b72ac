// Calendar months in UTC, which is how providers bill.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace turnpike::budget {

struct Month {
  std::uint32_t number = 0;  ///< Whole months since 1970 began.

  [[nodiscard]] static Month of(WallTime at);
  [[nodiscard]] WallTime begin() const;
  [[nodiscard]] WallTime end() const { return Month{number + 1}.begin(); }
  /// "2026-11"
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const Month&, const Month&) = default;
};

}  // namespace turnpike::budget
