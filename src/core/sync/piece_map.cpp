#include "core/sync/piece_map.h"

#include <algorithm>

namespace turnpike::sync {
namespace {

// False when the piece would begin one run too many.
bool append(std::vector<PieceRange>& ranges, std::uint32_t piece) {
  if (!ranges.empty() && ranges.back().first + ranges.back().count == piece) {
    ++ranges.back().count;
    return true;
  }
  if (ranges.size() == kMaxRangesPerFetch) return false;
  ranges.push_back({piece, 1});
  return true;
}

}  // namespace

PieceMap::PieceMap(const store::Content& content, const std::vector<bool>& verified)
    : content_(content), states_(content.piece_count(), kFree) {
  free_ = total();
  for (std::uint32_t piece = 0; piece < total() && piece < verified.size(); ++piece) {
    if (verified[piece]) verify(piece);
  }
}

std::vector<PieceRange> PieceMap::take(std::uint32_t most, std::uint64_t bytes) {
  std::vector<PieceRange> ranges;
  if (free_ == 0) return ranges;
  while (cursor_ < total() && states_[cursor_] != kFree) ++cursor_;
  for (std::uint32_t piece = cursor_; piece < total() && most > 0; ++piece) {
    if (states_[piece] != kFree) continue;
    const std::uint64_t length = content_.piece_length(piece);
    if (length > bytes || !append(ranges, piece)) break;
    states_[piece] = 1;
    --free_;
    --most;
    bytes -= length;
  }
  return ranges;
}

std::vector<PieceRange> PieceMap::hedge(const std::vector<std::uint32_t>& asked, std::uint32_t most) {
  std::vector<PieceRange> ranges;
  for (const std::uint32_t piece : asked) {
    if (most == 0 || hedged_ >= total() / kHedgeShare) break;
    if (states_[piece] != 1) continue;
    if (!append(ranges, piece)) break;
    ++states_[piece];
    ++hedged_;
    --most;
  }
  return ranges;
}

void PieceMap::give_back(std::uint32_t piece) {
  if (states_[piece] == kVerified || states_[piece] == kFree) return;
  if (--states_[piece] != kFree) return;
  ++free_;
  cursor_ = std::min(cursor_, piece);
}

bool PieceMap::verify(std::uint32_t piece) {
  if (states_[piece] == kVerified) return false;
  if (states_[piece] == kFree) --free_;
  states_[piece] = kVerified;
  ++verified_;
  verified_bytes_ += content_.piece_length(piece);
  return true;
}

}  // namespace turnpike::sync
