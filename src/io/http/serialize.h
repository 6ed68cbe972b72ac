// The text of heads: status and request lines, fields, blank line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "io/http/message.h"

namespace turnpike::io::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
[[nodiscard]] std::string http_date(WallTime time);

/// What the server adds to a response's own headers.
struct ResponseFrame {
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;
  std::string date;
};
/// Control characters in values become spaces, so that no value can begin a new field.
[[nodiscard]] std::string serialize(const Response& response, const ResponseFrame& frame);

[[nodiscard]] std::string serialize_request(Method method, std::string_view target, std::string_view host,
                                            const Headers& headers, std::optional<std::uint64_t> content_length);

}  // namespace turnpike::io::http
