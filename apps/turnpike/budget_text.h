// Money, dates and tiers as an operator writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "core/budget/money.h"
#include "core/budget/tier.h"

namespace turnpike::cli {

/// "20", "0.09": dollars with at most six decimals, from 0 to `most`.
[[nodiscard]] std::optional<budget::MicroUsd> parse_usd(std::string_view text, budget::MicroUsd most);
/// "$14.50", rounded down to a cent.
[[nodiscard]] std::string format_usd(double dollars);
/// A whole number of 10^9 bytes, as bytes; at most budget::kMaxBytes.
[[nodiscard]] std::optional<std::uint64_t> parse_free_gb(std::string_view text);
/// 1 to 2^32 - 1.
[[nodiscard]] std::optional<std::uint32_t> parse_count(std::string_view text);
/// "2026-12-31" or "2026-12-31T18:00:00Z", UTC.
[[nodiscard]] std::optional<WallTime> parse_date(std::string_view text);
/// "2026-12-31 18:00 UTC"
[[nodiscard]] std::string format_date(WallTime at);
/// "premium=100:10:100" or "free=unlimited:1:1" changes that tier in `table`.
[[nodiscard]] bool take_tier(budget::TierTable& table, std::string_view text);

}  // namespace turnpike::cli
