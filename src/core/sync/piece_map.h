// Which pieces of one store are verified, which are being asked for, and which come next.
#pragma once

#include <cstdint>
#include <vector>

#include "core/sync/fetch.h"

namespace turnpike::sync {

constexpr std::size_t kMaxRangesPerFetch = 16;
/// One piece in so many may be asked for twice at the end, when a source has nothing else to do.
constexpr std::uint32_t kHedgeShare = 100;

/// One byte a piece: 1 MiB for the largest store there is.
class PieceMap {
 public:
  /// `verified` must have content.piece_count() entries.
  PieceMap(const store::Content& content, const std::vector<bool>& verified);

  [[nodiscard]] std::uint32_t total() const { return static_cast<std::uint32_t>(states_.size()); }
  [[nodiscard]] std::uint32_t verified() const { return verified_; }
  [[nodiscard]] std::uint32_t free() const { return free_; }  ///< Neither verified nor asked for.
  [[nodiscard]] std::uint64_t verified_bytes() const { return verified_bytes_; }
  [[nodiscard]] bool is_complete() const { return verified_ == total(); }
  [[nodiscard]] bool is_verified(std::uint32_t piece) const { return states_[piece] == kVerified; }

  /// Up to `most` free pieces whose lengths add up to at most `bytes`, lowest first, in at most kMaxRangesPerFetch
  /// runs. They count as asked for.
  [[nodiscard]] std::vector<PieceRange> take(std::uint32_t most, std::uint64_t bytes);
  /// Asks for pieces once more that are asked for already, as far as the hedges' share allows; nothing beyond it.
  [[nodiscard]] std::vector<PieceRange> hedge(const std::vector<std::uint32_t>& asked, std::uint32_t most);
  /// Nobody fetches it any longer. Verified pieces stay so.
  void give_back(std::uint32_t piece);
  /// True when it was not verified before.
  bool verify(std::uint32_t piece);

 private:
  static constexpr std::uint8_t kFree = 0;
  static constexpr std::uint8_t kVerified = 255;  // between them: by how many fetches it is asked for

  store::Content content_;
  std::vector<std::uint8_t> states_;
  std::uint32_t verified_ = 0;
  std::uint32_t free_ = 0;
  std::uint32_t hedged_ = 0;
  std::uint64_t verified_bytes_ = 0;
  std::uint32_t cursor_ = 0;  // no free piece stands before it
};

}  // namespace turnpike::sync
