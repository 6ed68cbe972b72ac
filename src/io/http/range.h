// Which bytes an HTTP answer carries: Range, If-Range and entity tags (RFC 9110, sections 8.8.3, 13 and 14). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace turnpike::io::http {

/// Bytes [offset, offset + length) of a whole of some size. Never empty.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// The headers of the request that have a say. Unset where absent.
struct RangeQuery {
  std::optional<std::string_view> range{};
  std::optional<std::string_view> if_range{};
  std::optional<std::string_view> if_none_match{};
  bool is_get = true;  ///< Range is defined for GET alone (RFC 9110 §14.2): HEAD is answered as for the whole.
};

/// What to answer with: 200 and the whole, 206 and one range, 304, or 416.
struct Selection {
  unsigned status = 200;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;   ///< Of the body of a GET. 0 for 304 and 416.
  std::string content_range;  ///< The header's value for 206 and 416, else empty.
};

/// `size` may be 0; `etag` stands with its quotes, strong. Several ranges, an unknown unit or bad syntax get the whole,
/// as §14.2 allows; a range wholly beyond the end gets 416.
[[nodiscard]] Selection select(const RangeQuery& query, std::uint64_t size, std::string_view etag);

/// If-Match (§13.1.1): does the list hold `etag`, a strong tag? If not, the answer is 412.
[[nodiscard]] bool satisfies_if_match(std::string_view header, std::string_view etag);

/// The strong tag of a store: "<size>-<root>", with the quotes. `root_hex` is its 64 digits.
[[nodiscard]] std::string make_etag(std::uint64_t size, std::string_view root_hex);

/// "bytes=5-9": what a client asks with.
[[nodiscard]] std::string make_range(const ByteRange& range);

struct ContentRange {
  ByteRange range;
  std::optional<std::uint64_t> size;  ///< Of the whole; unset for "*".
};
/// "bytes 5-9/100" of a 206; unset if it is anything else, or does not add up.
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view value);

}  // namespace turnpike::io::http
