// What the book keeps of one store.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/path/backoff.h"
#include "core/sync/ranking.h"

namespace turnpike::sync {

using namespace std::chrono_literals;
using identity::PeerId;

constexpr Duration kFirstBackoff = 5s;
constexpr Duration kBackoffLimit = 10min;
constexpr Duration kLookupPeriod = 5min;  ///< With jitter, while a store is not here.

struct Local {
  store::Content content;
  Mark mark = Mark::kOwn;
  bool shared = true;
  bool brought = false;   ///< By sync, not by the owner: it counts against max_disk.
  bool in_doubt = false;  ///< Its file was written to, or cannot be read: not told to others, and not fetched over.
};

/// Who announces a store, and who says so (core/sync/hearsay.h).
struct Known {
  Announcement said;
  std::uint16_t via = 0;
};

/// What one peer did to our fetching one content.
struct Trouble {
  path::Backoff backoff{kFirstBackoff, kBackoffLimit};
  Instant next_try;
  std::string reason;
  bool blamed = false;
};

/// One content of the store that was, or is being, fetched.
struct Attempt {
  path::Backoff backoff{kFirstBackoff, kBackoffLimit};
  Instant next_try;
  std::string reason;
  bool disk = false;  // the reason is our own disk
  bool active = false;
  bool held = false;   // contested, wholly staged
  bool begun = false;  // a partial file may exist
  std::map<PeerId, Trouble> troubles;
};

/// In which order stores are fetched. Smaller is sooner.
struct Rank {
  std::uint8_t kind = 0;  // 0: asked for; 1: by sync; 2: contested
  std::size_t announcers = 0;
  std::uint64_t salt = 0;
  store::StoreId store;
  friend auto operator<=>(const Rank&, const Rank&) = default;
};

struct Entry {
  std::optional<Local> local;
  std::optional<Local> claim;  // what was here, fetched and verified, until our disk damaged it
  std::optional<store::Content> pin;
  std::optional<store::Content> told;  // the content an inventory named last
  bool asked = false;
  bool refused = false;     // the owner does not want it, whatever the sync mode
  bool is_private = false;  // never told to anybody
  std::vector<Known> announcers;
  std::map<store::Content, Attempt> attempts;
  path::Backoff lookup_backoff{kFirstBackoff, kLookupPeriod};
  std::optional<Instant> last_lookup;
  std::deque<std::string> history;
  // Where it is filed.
  std::optional<Rank> ready;
  std::optional<store::Content> start;
  std::optional<Instant> waiting;
  std::optional<Instant> lookup_at;
  bool only_known = false;
  bool over_quota = false;
};

}  // namespace turnpike::sync
