// base64url without padding (RFC 4648, section 5): tokens and pins in URLs and headers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace turnpike {

[[nodiscard]] std::string to_base64url(ByteView bytes);
/// Fails on padding, foreign characters and non-zero spare bits: a value has one spelling.
[[nodiscard]] std::optional<Bytes> from_base64url(std::string_view text);

}  // namespace turnpike
