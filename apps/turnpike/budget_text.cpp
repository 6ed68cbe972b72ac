#include "budget_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace turnpike::cli {
namespace {

constexpr std::size_t kDecimals = 6;
constexpr std::uint64_t kMaxMbit = 1'000'000;

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Takes what stands before `separator` off the front, and the separator; all of it where there is none.
std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

std::optional<std::uint64_t> number_within(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto value = number_of(text);
  return value && *value >= least && *value <= most ? value : std::nullopt;
}

std::optional<std::chrono::milliseconds> time_of_day(std::string_view text) {
  if (text.size() != 9 || text[2] != ':' || text[5] != ':' || text[8] != 'Z') return std::nullopt;
  const auto hour = number_within(text.substr(0, 2), 0, 23);
  const auto minute = number_within(text.substr(3, 2), 0, 59);
  const auto second = number_within(text.substr(6, 2), 0, 59);
  if (!hour || !minute || !second) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>((*hour * 60 + *minute) * 60 + *second));
}

}  // namespace

std::optional<budget::MicroUsd> parse_usd(std::string_view text, budget::MicroUsd most) {
  std::string_view rest = text;
  const bool has_point = text.find('.') != std::string_view::npos;
  const auto whole = number_within(take_part(rest, '.'), 0, most.value / 1'000'000);
  if (!whole || (has_point && (rest.empty() || rest.size() > kDecimals))) return std::nullopt;
  std::string decimals(rest);
  decimals.resize(kDecimals, '0');
  const auto fraction = number_of(decimals);
  if (!fraction) return std::nullopt;
  const budget::MicroUsd amount{*whole * 1'000'000 + *fraction};
  return amount <= most ? std::optional(amount) : std::nullopt;
}

std::string format_usd(double dollars) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "$%.2f",
                static_cast<double>(static_cast<std::uint64_t>(dollars * 100)) / 100);
  return text.data();
}

std::optional<std::uint64_t> parse_free_gb(std::string_view text) {
  const auto count = number_within(text, 0, budget::kMaxBytes / budget::kGigabyte);
  return count ? std::optional(*count * budget::kGigabyte) : std::nullopt;
}

std::optional<std::uint32_t> parse_count(std::string_view text) {
  const auto count = number_within(text, 1, UINT32_MAX);
  return count ? std::optional(static_cast<std::uint32_t>(*count)) : std::nullopt;
}

std::optional<WallTime> parse_date(std::string_view text) {
  const std::string_view day_text = text.substr(0, 10);
  if (day_text.size() != 10 || day_text[4] != '-' || day_text[7] != '-') return std::nullopt;
  const auto year = number_within(day_text.substr(0, 4), 1970, 9999);
  const auto month = number_within(day_text.substr(5, 2), 1, 12);
  const auto day = number_within(day_text.substr(8, 2), 1, 31);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  std::chrono::milliseconds at = std::chrono::sys_days(date).time_since_epoch();
  if (text.size() > 10) {
    const auto time = text[10] == 'T' ? time_of_day(text.substr(11)) : std::nullopt;
    if (!time) return std::nullopt;
    at += *time;
  }
  return WallTime{static_cast<std::uint64_t>(at.count())};
}

std::string format_date(WallTime at) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{
      std::chrono::milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(at.unix_ms, 253'402'300'799'000)))};
  const std::chrono::sys_days day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(time - day).count();
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d UTC", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(minutes / 60),
                static_cast<int>(minutes % 60));
  return text.data();
}

bool take_tier(budget::TierTable& table, std::string_view text) {
  const auto tier = budget::parse_tier(take_part(text, '='));
  const std::string_view rate = take_part(text, ':');
  const auto sessions = number_within(take_part(text, ':'), 1, budget::kMaxTierSessions);
  const auto weight = number_within(text, 1, budget::kMaxWeight);
  const auto mbit = rate == "unlimited" ? std::optional<std::uint64_t>(0) : number_within(rate, 1, kMaxMbit);
  if (!tier || !sessions || !weight || !mbit) return false;
  table.of(*tier) = {.bytes_per_second = *mbit * 125'000,
                     .sessions = static_cast<std::uint32_t>(*sessions),
                     .weight = static_cast<std::uint32_t>(*weight)};
  return true;
}

}  // namespace turnpike::cli
