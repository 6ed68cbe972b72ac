#include "core/sync/judgement.h"

#include <algorithm>

namespace turnpike::sync {
namespace {

Plan make_plan(std::string_view state, std::string reason, std::optional<Instant> next) {
  return {.state = state, .reason = std::move(reason), .start = {}, .next = next};
}

bool is_announced(const Entry& entry) { return entry.told || !entry.announcers.empty(); }

std::string why_not_wanted(const Entry& entry, SyncMode mode) {
  if (entry.refused) return "not wanted: it was removed here; turnpike get brings it back";
  return "not wanted: sync is " + std::string(name_of(mode)) + "; turnpike get brings it";
}

Plan judge_candidate(Instant now, const Entry& entry, const Candidate& candidate, const Circumstances& all) {
  const std::uint64_t size = candidate.content.size;
  if (size > all.max_store) {
    return make_plan(
        "paused",
        "its announced size, " + std::to_string(size) + " bytes, is over max_store, " + std::to_string(all.max_store),
        entry.lookup_at);
  }
  if (candidate.peers == 0)
    return make_plan("waiting", "nobody who is online announces the pinned bytes", entry.lookup_at);
  const auto at = entry.attempts.find(candidate.content);
  const bool fresh = at == entry.attempts.end();
  if (!fresh && at->second.active) return make_plan("fetching", {}, {});
  if (!fresh && at->second.held && candidate.mark == Mark::kContested)
    return make_plan("contested", {}, entry.lookup_at);
  if (!fresh && at->second.next_try > now) {
    return make_plan(at->second.disk ? "paused" : "waiting", at->second.reason, at->second.next_try);
  }
  const bool by_itself = !entry.asked && !entry.pin;
  const std::uint64_t freed = entry.local && entry.local->brought ? entry.local->content.size : 0;
  const std::uint64_t used = all.brought_bytes - freed + all.begun_bytes;
  if (by_itself && all.max_disk && (fresh || !at->second.begun) && used + size > *all.max_disk) {
    Plan plan = make_plan("paused",
                          "max_disk is reached: sync uses " + std::to_string(used) + " of " +
                              std::to_string(*all.max_disk) + " bytes, and this store has " + std::to_string(size),
                          now + kLookupPeriod);
    plan.over_quota = true;
    return plan;
  }
  std::optional<Instant> next;
  std::string reason;
  for (const Known& known : entry.announcers) {
    if (known.said.content != candidate.content) continue;
    const auto trouble =
        fresh ? std::map<PeerId, Trouble>::const_iterator{} : at->second.troubles.find(known.said.peer);
    if (fresh || trouble == at->second.troubles.end() || (!trouble->second.blamed && trouble->second.next_try <= now)) {
      Plan ready = make_plan("ready", "waits for one of the places in which stores are fetched", {});
      ready.start = candidate.content;
      return ready;
    }
    if (trouble->second.blamed) continue;
    if (!next || trouble->second.next_try < *next) {
      next = trouble->second.next_try;
      reason = short_name(known.said.peer) + ": " + trouble->second.reason;
    }
  }
  if (!next) return make_plan("waiting", "all who announce the pinned bytes have sent wrong ones", entry.lookup_at);
  return make_plan("waiting", std::move(reason), next);
}

std::string why_nothing_to_fetch(const Entry& entry) {
  if (entry.announcers.empty()) return "nobody who is online announces it";
  if (!entry.local && entry.claim)
    return "nobody who is online announces the bytes that were here, and what others announce is less sure";
  return "all who announce it have sent wrong bytes";
}

}  // namespace

std::string short_name(const PeerId& peer) { return peer.to_string().substr(0, 16); }

bool is_wanted(const Entry& entry, SyncMode mode) {
  if (entry.asked || entry.pin) return true;
  return mode == SyncMode::kAll && !entry.refused;
}

bool needs_lookups(const Entry& entry, SyncMode mode) {
  if (!entry.local) return is_wanted(entry, mode);
  if (entry.is_private) return false;  // whoever asks for a store tells that he knows of it
  if (entry.pin) return entry.local->content != *entry.pin;
  return is_wanted(entry, mode) && entry.local->mark < Mark::kConfirmed;
}

Choice choice_of(const Entry& entry) {
  std::vector<Announcement> heard;
  for (const Known& known : entry.announcers) {
    const auto tried = entry.attempts.find(known.said.content);
    if (tried != entry.attempts.end()) {
      const auto trouble = tried->second.troubles.find(known.said.peer);
      if (trouble != tried->second.troubles.end() && trouble->second.blamed) continue;
    }
    heard.push_back(known.said);
  }
  Choice chosen = choose(heard, entry.pin);
  if (!entry.claim || entry.local || entry.pin || chosen.candidates.empty()) return chosen;
  const Local& claim = *entry.claim;
  if (!chosen.is_contested() && chosen.candidates[0].mark > claim.mark) return chosen;
  std::vector<Announcement> same;
  for (const Announcement& said : heard) {
    if (said.content == claim.content) same.push_back(said);
  }
  if (!same.empty()) return choose(same, {});
  if (claim.mark > Mark::kUnconfirmed) {
    std::erase_if(chosen.candidates, [&](const Candidate& other) { return other.mark < claim.mark; });
  }
  return chosen;
}

std::optional<store::Content> content_of(const Entry& entry) {
  if (entry.local) return entry.local->content;
  if (entry.pin) return entry.pin;
  if (entry.claim) return entry.claim->content;
  if (entry.told || entry.announcers.empty()) return entry.told;
  return entry.announcers.front().said.content;
}

Mark local_mark_of(const Entry& entry) {
  Mark mark = entry.local->mark;
  std::vector<Announcement> same;
  for (const Known& known : entry.announcers) {
    if (known.said.content == entry.local->content) same.push_back(known.said);
  }
  if (!same.empty()) mark = std::max(mark, rank(same, std::nullopt)[0].mark);
  if (entry.pin && *entry.pin == entry.local->content) mark = Mark::kPinned;
  return mark;
}

Plan judge(Instant now, const Entry& entry, const Circumstances& all) {
  const Choice chosen = choice_of(entry);
  if (entry.local && entry.local->in_doubt) {
    return make_plan("checking", "its file was written to, or cannot be read: it is looked at again", {});
  }
  if (entry.local) {
    Plan rest = make_plan("complete", {}, {});
    if (chosen.candidates.empty() || chosen.candidates[0].content == entry.local->content) return rest;
    if (chosen.is_contested() || chosen.candidates[0].mark <= local_mark_of(entry)) {
      rest.reason = "others announce other bytes, no surer than ours";
      return rest;
    }
    if (all.mode == SyncMode::kOff && !entry.pin) {
      rest.reason = "surer bytes are announced, but sync is off";
      return rest;
    }
    if (!is_wanted(entry, all.mode)) {
      rest.reason = "surer bytes are announced, but sync does not include it";
      return rest;
    }
  }
  if (!is_wanted(entry, all.mode)) {
    return make_plan(is_announced(entry) ? "known" : "missing", why_not_wanted(entry, all.mode), {});
  }
  if (chosen.candidates.empty()) {
    return make_plan(entry.local ? "complete" : "waiting", why_nothing_to_fetch(entry), entry.lookup_at);
  }
  Plan best = make_plan("contested", {}, {});
  for (const Candidate& candidate : chosen.candidates) {
    Plan plan = judge_candidate(now, entry, candidate, all);
    if (plan.start) return plan;
    if (plan.next && (!best.next || *plan.next < *best.next)) best.next = plan.next;
    if (!chosen.is_contested()) return plan;
  }
  best.reason = std::to_string(chosen.candidates.size()) +
                " different contents are announced and none by more networks than the others; pin one";
  if (!best.next) best.next = entry.lookup_at;
  return best;
}

}  // namespace turnpike::sync
