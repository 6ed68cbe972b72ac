// What a store is called, and which bytes it is: its id and its content.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace turnpike::store {

/// The 64 lower-case hex digits a `.dig` file is named by. Says nothing about its bytes: see Content.
struct StoreId {
  Digest bytes{};

  /// Exactly 64 lower-case hex digits; so no path trick survives parsing.
  [[nodiscard]] static std::optional<StoreId> parse(std::string_view text);
  /// "<64 digits>.dig" and nothing else.
  [[nodiscard]] static std::optional<StoreId> from_file_name(std::string_view name);
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] std::string file_name() const { return to_string() + ".dig"; }

  friend constexpr auto operator<=>(const StoreId&, const StoreId&) = default;
};

constexpr std::uint64_t kLeafSize = 16384;
constexpr std::uint64_t kPieceSize = 1U << 20U;
constexpr std::uint64_t kLeavesPerPiece = kPieceSize / kLeafSize;
constexpr std::uint64_t kMaxStoreSize = std::uint64_t{1} << 40U;  ///< 1 TiB: 2^20 pieces.

/// Which bytes: a size and the BEP 52 pieces root over them. Always named as the pair, never by the root alone:
/// a 64-byte file of two leaf hashes has the same inner node as the two-leaf file it imitates.
struct Content {
  std::uint64_t size = 0;  ///< 1..kMaxStoreSize; an empty store is refused everywhere.
  Digest root{};

  [[nodiscard]] constexpr std::uint32_t piece_count() const {
    return static_cast<std::uint32_t>((size + kPieceSize - 1) / kPieceSize);
  }
  /// Bytes of piece `index`, which must be below piece_count(): kPieceSize but for the last.
  [[nodiscard]] constexpr std::uint32_t piece_length(std::uint32_t index) const {
    const std::uint64_t rest = size - std::uint64_t{index} * kPieceSize;
    return static_cast<std::uint32_t>(rest < kPieceSize ? rest : kPieceSize);
  }
  [[nodiscard]] constexpr bool is_valid() const { return size > 0 && size <= kMaxStoreSize; }

  friend constexpr auto operator<=>(const Content&, const Content&) = default;
};

}  // namespace turnpike::store
