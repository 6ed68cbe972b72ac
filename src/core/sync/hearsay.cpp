#include "core/sync/hearsay.h"

#include <algorithm>
#include <tuple>

namespace turnpike::sync {

Hearing hear(Entry& entry, const Announcement& said, Via via, bool has_room) {
  const auto same =
      std::ranges::find_if(entry.announcers, [&](const Known& known) { return known.said.peer == said.peer; });
  if (same == entry.announcers.end()) {
    if (!has_room) return Hearing::kNoRoom;
    entry.announcers.push_back({said, via});
    return Hearing::kFresh;
  }
  if (said.seq < same->said.seq) return Hearing::kKnown;
  const bool is_news = same->said.content != said.content || said.seq > same->said.seq;
  same->said = said;
  same->via |= via;
  return is_news ? Hearing::kFresh : Hearing::kKnown;
}

void forget(Entry& entry, Via via) {
  for (Known& known : entry.announcers) known.via &= static_cast<Via>(~via);
}

void forget(Entry& entry, Via via, const PeerId& peer) {
  for (Known& known : entry.announcers) {
    if (known.said.peer == peer) known.via &= static_cast<Via>(~via);
  }
}

std::size_t drop_unsaid(Entry& entry) {
  return std::erase_if(entry.announcers, [](const Known& known) { return known.via == 0; });
}

std::vector<PeerId> askable(Instant now, const Entry& entry, const store::Content& content,
                            const std::function<std::uint64_t(const PeerId&)>& salt) {
  const auto at = entry.attempts.find(content);
  std::vector<std::tuple<unsigned, std::uint64_t, PeerId>> fit;
  for (const Known& known : entry.announcers) {
    if (known.said.content != content) continue;
    unsigned failures = 0;
    if (at != entry.attempts.end()) {
      const auto trouble = at->second.troubles.find(known.said.peer);
      if (trouble != at->second.troubles.end()) {
        if (trouble->second.blamed || trouble->second.next_try > now) continue;
        failures = trouble->second.backoff.failures();
      }
    }
    fit.emplace_back(failures, salt(known.said.peer), known.said.peer);
  }
  std::sort(fit.begin(), fit.end());
  std::vector<PeerId> peers;
  for (const auto& [failures, tie, peer] : fit) peers.push_back(peer);
  return peers;
}

void retry_what_failed(Instant now, Entry& entry) {
  for (auto& [content, attempt] : entry.attempts) {
    if (!attempt.disk) attempt.next_try = now;
  }
}

}  // namespace turnpike::sync
