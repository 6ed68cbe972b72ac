// What one peer has, as far as it told: reads its pages, and says what is new. Goes on where it was when the peer is
// met again.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "base/time.h"
#include "core/exchange/frame.h"
#include "core/inventory/message.h"

namespace turnpike::inventory {

/// A whole listing and some more at once, then so many in such a time.
constexpr std::size_t kMaxPageBurst = 2 * (kMaxStores / kPageChanges + 1);
constexpr Duration kPagePeriod = std::chrono::milliseconds(250);

/// News of one peer's stores.
struct Change {
  std::uint64_t seq = 0;  ///< Of the statement they stood in.
  std::vector<store::Manifest> stores;
  std::vector<store::StoreId> gone;
};

/// A machine in the sense of base/machine.h: one for each peer, for as long as it is remembered.
class Follower {
 public:
  Follower(const identity::PeerId& self, const identity::PeerId& peer) : self_(self), peer_(peer) {}

  /// A new stream to it: what to write. What an earlier stream left half-read is forgotten.
  [[nodiscard]] Bytes start(Instant now, bool follow);
  /// After the first error nothing is read any more, until start().
  void handle_bytes(Now now, ByteView bytes);
  /// The peer will send no more on this stream.
  void handle_end();

  [[nodiscard]] std::optional<Change> poll_event();
  [[nodiscard]] std::optional<ProtocolError> error() const { return error_; }
  /// All that was told and asked for has been read; the peer may tell more if it is followed.
  [[nodiscard]] bool is_up_to_date() const { return up_to_date_; }
  [[nodiscard]] const std::set<store::StoreId>& held() const { return held_; }

 private:
  void take(Now now, ByteView message);
  [[nodiscard]] bool is_too_fast(Instant now);

  identity::PeerId self_;
  identity::PeerId peer_;
  std::uint64_t epoch_ = 0;
  std::uint64_t at_ = 0;
  std::set<store::StoreId> held_;
  std::set<store::StoreId> unheard_;  // held before a listing that is under way, and not in it so far
  bool listing_ = false;
  bool up_to_date_ = false;
  exchange::FrameReader frames_{kMaxPageSize};
  std::size_t tokens_ = kMaxPageBurst;
  Instant refilled_;
  std::deque<Change> changes_;
  std::optional<ProtocolError> error_;
};

}  // namespace turnpike::inventory
