// Sequence numbers of signed statements: making ones that only rise, and refusing those seen before.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/time.h"
#include "core/identity/peer_id.h"

namespace turnpike::identity {

/// Signers one window remembers: about 200 bytes each.
constexpr std::size_t kMaxRememberedSigners = 16384;

/// Lets each signer's sequence numbers only rise. One window serves one statement type; give it verified statements
/// only (verify_statement bounds how far ahead a seq may be, which bounds what a flood of signers can do here).
///
/// Bounded: when full it forgets the signer with the lowest seq and refuses, from then on, every *unknown* signer's seq
/// up to that one. So forgetting never re-opens anyone's window, however many keys an attacker makes; the worst a flood
/// of kMaxRememberedSigners fresh keys achieves is that unknown signers are refused until kClockToleranceMs after it.
/// It remembers nothing across restarts: what is still unexpired then can be replayed once.
class ReplayWindow {
 public:
  explicit ReplayWindow(std::size_t max_signers = kMaxRememberedSigners) : max_signers_(max_signers) {}

  /// True, and remembered, when `seq` is higher than all that was accepted from `signer`.
  [[nodiscard]] bool accept(WallTime now, const PeerId& signer, std::uint64_t seq);

  [[nodiscard]] std::size_t size() const { return signers_.size(); }
  /// Unknown signers must be above this.
  [[nodiscard]] std::uint64_t floor() const { return floor_; }

 private:
  struct Entry {
    std::uint64_t seq = 0;
    std::uint64_t harmless_after_ms = 0;  ///< By then whatever this signer made before has expired.
  };

  void forget_lowest(WallTime now);

  std::size_t max_signers_;
  std::map<PeerId, Entry> signers_;
  std::set<std::pair<std::uint64_t, PeerId>> by_seq_;
  std::uint64_t floor_ = 0;
};

/// Makes sequence numbers: the time, or one more than the last if the clock has not moved. The caller stores last()
/// before it lets a number out, and gives it back after a restart.
class SequenceSource {
 public:
  explicit SequenceSource(std::uint64_t last = 0) : last_(last) {}

  /// max(now, last + 1). But a last number further ahead than kClockToleranceMs comes from a clock that was wrong; no
  /// right clock ever accepted it, so it is dropped: otherwise this peer would stay unheard until that time comes.
  [[nodiscard]] std::uint64_t next(WallTime now);
  [[nodiscard]] std::uint64_t last() const { return last_; }

 private:
  std::uint64_t last_;
};

}  // namespace turnpike::identity
