// How freely the relay gives, by where the month's spend is heading. Projection only throttles; what ends it is spend.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnpike::budget {

enum class Mode : std::uint8_t {
  kNormal,
  kWarning,       ///< Cheaper ways must have been tried.
  kPremiumOnly,   ///< Only whom the operator granted premium, and slower.
  kFinishQuotes,  ///< Running sessions finish what they were quoted; nobody begins.
  kSpent,         ///< By actual spend: none.
};
/// "normal", "warning", "premium-only", "finish-quotes", "spent"
[[nodiscard]] std::string_view name_of(Mode mode);

/// A share of the budget, in ten-thousandths.
using Ratio = std::uint32_t;
constexpr Ratio kWhole = 10'000;
constexpr Ratio kWarningAbove = 7'000;
constexpr Ratio kPremiumOnlyAbove = 8'500;
constexpr Ratio kFinishQuotesAbove = 9'500;
constexpr Ratio kSpentFrom = 9'800;
constexpr Ratio kHysteresis = 500;  ///< A mode that projection began ends so far below where it began.

/// The mode that follows `before`, at these shares of the budget. No mode is for ever: each ends when its cause does.
[[nodiscard]] Mode mode_after(Mode before, Ratio projected, Ratio spent);

}  // namespace turnpike::budget
