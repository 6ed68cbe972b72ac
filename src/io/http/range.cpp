#include "io/http/range.h"

#include <algorithm>
#include <charconv>

namespace turnpike::io::http {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Digits and nothing else. A number too large for 64 bits is larger than any size, so it becomes the largest.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc::result_out_of_range ? UINT64_MAX : value;
}

struct Wanted {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;  ///< Without `first`: how many bytes from the end.
};

/// One range of bytes (RFC 9110 §14.1.2); unset for everything that the whole is the answer to.
std::optional<Wanted> parse_range(std::string_view header) {
  constexpr std::string_view kUnit = "bytes=";
  header = trimmed(header);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (!std::ranges::equal(header.substr(0, kUnit.size()), kUnit, {}, lower)) return std::nullopt;
  const std::string_view spec = trimmed(header.substr(kUnit.size()));
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = spec.substr(0, dash);
  const std::string_view last = spec.substr(dash + 1);
  Wanted wanted{parse_number(first), parse_number(last)};
  if ((!first.empty() && !wanted.first) || (!last.empty() && !wanted.last)) return std::nullopt;  // also "0-1,3-4"
  if (!wanted.first && !wanted.last) return std::nullopt;
  if (wanted.first && wanted.last && *wanted.last < *wanted.first) return std::nullopt;
  return wanted;
}

/// Unset when not one byte of it exists.
std::optional<ByteRange> within(const Wanted& wanted, std::uint64_t size) {
  if (!wanted.first) {
    const std::uint64_t length = std::min(*wanted.last, size);
    if (length == 0) return std::nullopt;
    return ByteRange{size - length, length};
  }
  if (*wanted.first >= size) return std::nullopt;
  const std::uint64_t last = std::min(wanted.last.value_or(size - 1), size - 1);
  return ByteRange{*wanted.first, last - *wanted.first + 1};
}

enum class Comparison : std::uint8_t { kWeak, kStrong };

/// Is `etag` in the header's list? "*" is any tag. Strongly compared, W/"a" is no tag's equal (§8.8.3.2).
bool lists_tag(std::string_view header, std::string_view etag, Comparison comparison) {
  header = trimmed(header);
  if (header == "*") return true;
  while (!header.empty()) {
    const bool is_weak = header.starts_with("W/");
    if (is_weak) header.remove_prefix(2);
    if (!header.starts_with('"')) return false;
    const auto end = header.find('"', 1);
    if (end == std::string_view::npos) return false;
    const bool counts = comparison == Comparison::kWeak || !is_weak;
    if (counts && header.substr(0, end + 1) == etag) return true;
    const auto comma = header.find(',', end);
    if (comma == std::string_view::npos) return false;
    header = trimmed(header.substr(comma + 1));
  }
  return false;
}

}  // namespace

bool satisfies_if_match(std::string_view header, std::string_view etag) {
  return lists_tag(header, etag, Comparison::kStrong);
}

Selection select(const RangeQuery& query, std::uint64_t size, std::string_view etag) {
  const Selection whole{200, 0, size, {}};
  if (query.if_none_match && lists_tag(*query.if_none_match, etag, Comparison::kWeak)) return {304, 0, 0, {}};
  if (!query.is_get || !query.range) return whole;
  // If-Range compares strongly, and a date is never our validator: anything but the tag itself means "all of it"
  // (§13.1.5).
  if (query.if_range && trimmed(*query.if_range) != etag) return whole;
  const auto wanted = parse_range(*query.range);
  if (!wanted) return whole;
  const auto range = within(*wanted, size);
  if (!range) return {416, 0, 0, "bytes */" + std::to_string(size)};
  return {206, range->offset, range->length,
          "bytes " + std::to_string(range->offset) + "-" + std::to_string(range->offset + range->length - 1) + "/" +
              std::to_string(size)};
}

std::string make_etag(std::uint64_t size, std::string_view root_hex) {
  std::string out = "\"";
  out += std::to_string(size);
  out += '-';
  out += root_hex;
  out += '"';
  return out;
}

std::string make_range(const ByteRange& range) {
  return "bytes=" + std::to_string(range.offset) + "-" + std::to_string(range.offset + range.length - 1);
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  constexpr std::string_view kUnit = "bytes ";
  value = trimmed(value);
  if (!value.starts_with(kUnit)) return std::nullopt;
  value.remove_prefix(kUnit.size());
  const auto slash = value.find('/');
  const auto dash = value.find('-');
  if (slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = parse_number(value.substr(0, dash));
  const auto last = parse_number(value.substr(dash + 1, slash - dash - 1));
  const std::string_view total = value.substr(slash + 1);
  const auto size = parse_number(total);
  if (!first || !last || *last < *first || *last == UINT64_MAX) return std::nullopt;
  if (total != "*" && (!size || *size <= *last)) return std::nullopt;
  return ContentRange{{*first, *last - *first + 1}, size};
}

}  // namespace turnpike::io::http
