#include "core/identity/replay.h"

#include <algorithm>

#include "core/identity/statement.h"

namespace turnpike::identity {
namespace {

// A statement older than one accepted now was signed before it, hence at most a tolerance after now, and is let pass
// until a tolerance after its expiry.
constexpr std::uint64_t kMemoryMs = kMaxStatementLifetimeMs + 2 * kClockToleranceMs;

}  // namespace

bool ReplayWindow::accept(WallTime now, const PeerId& signer, std::uint64_t seq) {
  const Entry entry{.seq = seq, .harmless_after_ms = now.unix_ms + kMemoryMs};
  const auto known = signers_.find(signer);
  if (known == signers_.end()) {
    if (seq <= floor_) return false;
    signers_.emplace(signer, entry);
  } else {
    if (seq <= known->second.seq) return false;
    by_seq_.erase({known->second.seq, signer});
    known->second = entry;
  }
  by_seq_.emplace(seq, signer);
  if (signers_.size() > max_signers_) forget_lowest(now);
  return true;
}

void ReplayWindow::forget_lowest(WallTime now) {
  const auto lowest = by_seq_.begin();
  const auto entry = signers_.find(lowest->second);
  if (now.unix_ms <= entry->second.harmless_after_ms) floor_ = std::max(floor_, entry->second.seq);
  signers_.erase(entry);
  by_seq_.erase(lowest);
}

std::uint64_t SequenceSource::next(WallTime now) {
  const bool was_wrong = last_ > now.unix_ms && last_ - now.unix_ms > kClockToleranceMs;
  last_ = was_wrong ? now.unix_ms : std::max(now.unix_ms, last_ + 1);
  return last_;
}

}  // namespace turnpike::identity
