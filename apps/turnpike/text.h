// Numbers, times and tables as people read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike::cli {

/// "0 B", "999 B", "1.5 KiB", "64.0 MiB", "1.2 TiB".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
/// "8.1 MiB/s".
[[nodiscard]] std::string format_rate(double bytes_per_second);
/// "0.4 s", "12 s", "3 min 5 s", "2 h 10 min", "4 d 3 h". Negative and absurd times are "?".
[[nodiscard]] std::string format_duration(double seconds);
/// The first 12 characters of an id, and "…" where there are more.
[[nodiscard]] std::string shorten(std::string_view id);

/// A number of bytes, or one with KB MB GB TB (powers of 1000) or KiB MiB GiB TiB (powers of 1024). Nothing for
/// anything else, and for what does not fit 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// Columns two spaces apart, as wide as their widest cell; the last one is not padded.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}
  /// As many cells as there are heads.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace turnpike::cli
