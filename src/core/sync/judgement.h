// What is to be done about one store, and why nothing else: a pure judgement of what is known of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/sync/entry.h"
#include "core/sync/mode.h"

namespace turnpike::sync {

/// Why a store is, or is not, being fetched.
struct Plan {
  std::string_view state;  ///< complete, ready, waiting, paused, contested, missing, known, checking
  std::string reason;
  std::optional<store::Content> start;  ///< Set when ready.
  std::optional<Instant> next;          ///< When it is judged again by itself.
  bool over_quota = false;              ///< Paused for max_disk.
};

/// What holds for all stores.
struct Circumstances {
  SyncMode mode = SyncMode::kAll;
  std::uint64_t max_store = 0;
  std::optional<std::uint64_t> max_disk;
  std::uint64_t brought_bytes = 0;  ///< Of the stores that sync has brought here.
  std::uint64_t begun_bytes = 0;    ///< Of those that it has begun to bring, at their full size.
};

[[nodiscard]] bool is_wanted(const Entry& entry, SyncMode mode);
/// Whether who announces it should be asked for now and then.
[[nodiscard]] bool needs_lookups(const Entry& entry, SyncMode mode);
/// Of what is announced, that of liars aside. Where our disk has damaged what was here, the same bytes come first, and
/// less sure ones do not come at all.
[[nodiscard]] Choice choice_of(const Entry& entry);
/// What is here, else pinned, else was here, else what an inventory said, else what is announced first.
[[nodiscard]] std::optional<store::Content> content_of(const Entry& entry);
/// Of what is here, which there must be.
[[nodiscard]] Mark local_mark_of(const Entry& entry);
[[nodiscard]] Plan judge(Instant now, const Entry& entry, const Circumstances& circumstances);
[[nodiscard]] std::string short_name(const PeerId& peer);

}  // namespace turnpike::sync
