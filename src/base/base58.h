// base58btc, the spelling of libp2p peer ids.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace turnpike {

constexpr std::size_t kMaxBase58Bytes = 128;  ///< The work is quadratic, and nothing we name is longer.

/// `bytes` must be at most kMaxBase58Bytes long.
[[nodiscard]] std::string to_base58(ByteView bytes);
/// Fails on a foreign character or on more than kMaxBase58Bytes of result.
[[nodiscard]] std::optional<Bytes> from_base58(std::string_view text);

}  // namespace turnpike
