// The names users paste: urn:dig:chia:<store id>[:<generation root>][/<resource>].
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/store/store_id.h"

namespace turnpike::store {

constexpr std::size_t kMaxUrnSize = 2048;  ///< Bytes. Longer text is no URN.

enum class UrnError : std::uint8_t { kTooLong, kNotAUrn, kBadStoreId, kBadRoot };

struct Urn {
  StoreId id;
  /// DIG's own generation root. Not the BEP 52 root of the file: the two are never compared.
  std::optional<Digest> generation;
  std::string resource;  ///< What follows the first '/', verbatim; empty when there is none.

  friend bool operator==(const Urn&, const Urn&) = default;
};

/// The prefix is read in any case, the digits too, and all 64 of them are kept.
[[nodiscard]] Result<Urn, UrnError> parse_urn(std::string_view text);
[[nodiscard]] std::string to_string(const Urn& urn);
/// What a command line takes: the bare 64 digits or a URN.
[[nodiscard]] Result<Urn, UrnError> parse_id_or_urn(std::string_view text);

}  // namespace turnpike::store
