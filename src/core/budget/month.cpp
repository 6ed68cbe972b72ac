#include "core/budget/month.h"

#include <algorithm>
#include <chrono>

namespace turnpike::budget {
namespace {

// The end of the year 9999: what is later is no date, and counts as that.
constexpr std::uint64_t kLastMs = 253'402'300'799'000;

}  // namespace

Month Month::of(WallTime at) {
  const std::chrono::milliseconds ms(static_cast<std::int64_t>(std::min(at.unix_ms, kLastMs)));
  const std::chrono::sys_days day = std::chrono::floor<std::chrono::days>(std::chrono::sys_time(ms));
  const std::chrono::year_month_day date(day);
  return {static_cast<std::uint32_t>((static_cast<int>(date.year()) - 1970) * 12) +
          static_cast<unsigned>(date.month()) - 1};
}

WallTime Month::begin() const {
  const std::chrono::year year(static_cast<int>(1970 + number / 12));
  const std::chrono::sys_days day{year / std::chrono::month(number % 12 + 1) / 1};
  return {static_cast<std::uint64_t>(std::chrono::milliseconds(day.time_since_epoch()).count())};
}

std::string Month::to_string() const {
  const std::string month = std::to_string(number % 12 + 1);
  return std::to_string(1970 + number / 12) + (month.size() < 2 ? "-0" : "-") + month;
}

}  // namespace turnpike::budget
