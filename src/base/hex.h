// Lower-case hexadecimal, as store ids and roots are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace turnpike {

[[nodiscard]] std::string to_hex(ByteView bytes);
/// Accepts lower case only: an id has one spelling. Fails on odd length or any other character.
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);
/// Exactly 64 lower-case digits.
[[nodiscard]] std::optional<Digest> digest_from_hex(std::string_view text);

}  // namespace turnpike
