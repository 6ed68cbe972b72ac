// One row of the ledger, and the chain of hashes that holds the rows together (docs/protocols/ledger.md).
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "core/budget/money.h"
#include "core/budget/month.h"
#include "core/budget/tier.h"
#include "core/pace/pacer.h"

namespace turnpike::budget {

/// Whom bytes are charged to: a peer that proved its identity, or, without one, an address.
using Party = pace::FlowKey;

enum class RowKind : std::uint8_t {
  kMonth = 1,    ///< A month begins; what was reserved and not settled is forfeited to the one before.
  kReserve = 2,  ///< `traffic` more may flow in `account`.
  kSettle = 3,   ///< `account` is over; `traffic` of what was reserved has flowed.
  kForfeit = 4,  ///< `account` was never settled: all of it counts.
  kGrant = 5,    ///< `party`, a peer, has `tier` until `until_ms` (0: until it is revoked).
  kRevoke = 6,   ///< and no longer.
};
/// "month", "reserve", …
[[nodiscard]] std::string_view name_of(RowKind kind);

struct Row {
  std::uint64_t number = 0;  ///< From 1, without gaps.
  RowKind kind{};
  Month month{};
  WallTime at{};
  std::uint64_t account = 0;
  Traffic traffic{};
  Party party{};
  Tier tier{};
  std::uint64_t until_ms = 0;

  friend bool operator==(const Row&, const Row&) = default;
};

constexpr std::size_t kRowSize = 87;

/// kRowSize bytes, integers big-endian, fields in the order above.
[[nodiscard]] Bytes encode(const Row& row);
/// The writer is to blame for what is no row: another size, an unknown kind or tier.
[[nodiscard]] std::optional<Row> decode_row(ByteView bytes);

/// Of no row; the first one is chained to it.
constexpr Digest kChainBegin{};
/// SHA-256 of the hash before and the row.
[[nodiscard]] Digest chained(const Digest& before, const Row& row);

}  // namespace turnpike::budget
