#include "text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace turnpike::cli {
namespace {

std::string print(const char* format, double value, std::string_view unit) {
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), format, value);
  return std::string(out.data()) + std::string(unit);
}

std::string pair_of(std::uint64_t high, std::string_view high_unit, std::uint64_t low, std::string_view low_unit) {
  return std::to_string(high) + std::string(high_unit) + std::to_string(low) + std::string(low_unit);
}

// Cells hold UTF-8; continuation bytes take no column.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array kUnits{Unit{"", 1},
                            Unit{"B", 1},
                            Unit{"KB", 1000},
                            Unit{"MB", 1000ULL * 1000},
                            Unit{"GB", 1000ULL * 1000 * 1000},
                            Unit{"TB", 1000ULL * 1000 * 1000 * 1000},
                            Unit{"KiB", 1ULL << 10U},
                            Unit{"MiB", 1ULL << 20U},
                            Unit{"GiB", 1ULL << 30U},
                            Unit{"TiB", 1ULL << 40U}};

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array<std::string_view, 5> kNames{" KiB", " MiB", " GiB", " TiB", " PiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 would be printed as 1024.0 of the smaller unit.
  while (value >= 1023.95 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  return print("%.1f", value, kNames[unit]);
}

std::string format_rate(double bytes_per_second) {
  return format_bytes(static_cast<std::uint64_t>(std::max(0.0, bytes_per_second))) + "/s";
}

std::string format_duration(double seconds) {
  constexpr double kLongest = 1000.0 * 24 * 3600;
  if (!(seconds >= 0) || seconds > kLongest) return "?";
  if (seconds < 9.95) return print("%.1f", seconds, " s");
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return pair_of(whole / 60, " min ", whole % 60, " s");
  if (whole < 24 * 3600) return pair_of(whole / 3600, " h ", whole / 60 % 60, " min");
  return pair_of(whole / (24 * 3600), " d ", whole / 3600 % 24, " h");
}

std::string shorten(std::string_view id) {
  constexpr std::size_t kShown = 12;
  if (id.size() <= kShown) return std::string(id);
  return std::string(id.substr(0, kShown)) + "…";
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  const auto* unit = std::ranges::find(kUnits, rest, &Unit::name);
  if (unit == kUnits.end() || number > std::numeric_limits<std::uint64_t>::max() / unit->bytes) return std::nullopt;
  return number * unit->bytes;
}

std::string Table::to_string() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace turnpike::cli
