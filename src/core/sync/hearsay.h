// Who announces one store, and who says so.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/sync/entry.h"

namespace turnpike::sync {

/// Who says so, by bit: each bootstrap by its index (below 8), or the announcer itself over a connection to us.
using Via = std::uint16_t;
[[nodiscard]] constexpr Via via_bootstrap(std::size_t index) { return static_cast<Via>(1U << index); }
constexpr Via kViaItself = 1U << 8U;

enum class Hearing : std::uint8_t {
  kFresh,  ///< New, or news.
  kKnown,
  kNoRoom,  ///< A new announcer where no more may be remembered.
};

/// An older word of the same peer replaces none.
Hearing hear(Entry& entry, const Announcement& said, Via via, bool has_room);
/// They no longer say it of anybody. To be followed by drop_unsaid().
void forget(Entry& entry, Via via);
/// They no longer say it of that peer. Likewise.
void forget(Entry& entry, Via via, const PeerId& peer);
/// Takes out whom nobody says it of; how many.
std::size_t drop_unsaid(Entry& entry);
/// Who may be asked for these bytes now, those who failed least first; `salt` decides among equals.
[[nodiscard]] std::vector<PeerId> askable(Instant now, const Entry& entry, const store::Content& content,
                                          const std::function<std::uint64_t(const PeerId&)>& salt);
/// Somebody new may succeed where the others failed: what failed is tried at once. The disk's troubles are not theirs.
void retry_what_failed(Instant now, Entry& entry);

}  // namespace turnpike::sync
