// What sync shows of itself: plain values for `ls`, `transfers` and `why`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/identity/peer_id.h"
#include "core/path/rung.h"
#include "core/sync/fetch.h"

namespace turnpike::sync {

/// Verified bytes, by index_of(rung) that carried them.
using BytesByRung = std::array<std::uint64_t, path::kRungCount>;

/// One store we hold, want or know of. A state that is not at rest always has a reason, and a time at which
/// something happens next, unless it waits for an event from outside that the reason names.
struct StoreView {
  store::StoreId store;
  std::optional<store::Content> content;  ///< The one we hold or fetch, else one that is announced, if any is.
  std::string state;  ///< complete, fetching, opening, committing, ready, waiting, paused, contested, missing, known,
                      ///< checking
  std::optional<Mark> mark;
  std::string reason;
  std::optional<Instant> next_action;
  bool is_private = false;
  bool asked_for = false;  ///< By `get` or by a pin, not by sync alone.
  std::uint32_t pieces_verified = 0;
  std::uint32_t pieces_total = 0;
  std::size_t announcers = 0;
  std::vector<std::string> history;  ///< The latest events, oldest first, in words: what `why` tells.
};

struct TransferView {
  Target target;
  std::string state;  ///< opening, fetching, committing, stopping, complete
  std::string reason;
  std::uint64_t bytes_total = 0;        ///< The content's size.
  std::uint64_t bytes_verified = 0;     ///< Of these, verified on disk (those of earlier runs included).
  BytesByRung bytes_by_rung{};          ///< Verified bytes of this run, by what carried them.
  std::uint64_t bytes_duplicate = 0;    ///< Arrived though already there (hedges of the end-game).
  double seconds = 0;                   ///< Of this run, while it was being fetched.
  double bytes_per_second = 0;          ///< Over the latest seconds.
  std::vector<identity::PeerId> peers;  ///< Those that delivered something, and those being asked.
};

}  // namespace turnpike::sync
