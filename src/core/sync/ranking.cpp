#include "core/sync/ranking.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace turnpike::sync {
namespace {

struct Witnesses {
  std::set<IpAddress> networks;
  std::size_t peers = 0;
  bool trusted = false;
  std::optional<std::uint64_t> publisher_seq;
};

Mark mark_of(const Witnesses& witnesses) {
  if (witnesses.publisher_seq) return Mark::kSigned;
  if (witnesses.trusted) return Mark::kTrusted;
  return witnesses.networks.size() >= 2 ? Mark::kConfirmed : Mark::kUnconfirmed;
}

// Networks are counted, not compared, between kConfirmed and kUnconfirmed: both are "announced, by so many".
Mark kind_of(const Candidate& candidate) {
  return candidate.mark == Mark::kConfirmed ? Mark::kUnconfirmed : candidate.mark;
}

auto key_of(const Candidate& candidate) {
  return std::tuple(kind_of(candidate), candidate.publisher_seq, candidate.networks);
}

bool leads(const Candidate& first, const Candidate& second) {
  if (kind_of(first) != kind_of(second)) return true;
  if (first.publisher_seq != second.publisher_seq) return true;
  return first.networks >= 2 && first.networks > second.networks;
}

}  // namespace

std::vector<Candidate> rank(std::span<const Announcement> announcements, const std::optional<store::Content>& pin) {
  std::map<store::Content, Witnesses> found;
  if (pin) found[*pin];
  for (const Announcement& announcement : announcements) {
    if (pin && announcement.content != *pin) continue;
    Witnesses& witnesses = found[announcement.content];
    witnesses.networks.insert(network_of(announcement.from));
    ++witnesses.peers;
    witnesses.trusted |= announcement.trusted;
    witnesses.publisher_seq = std::max(witnesses.publisher_seq, announcement.publisher_seq);
  }
  std::vector<Candidate> ranked;
  for (const auto& [content, witnesses] : found) {
    ranked.push_back({.content = content,
                      .mark = pin ? Mark::kPinned : mark_of(witnesses),
                      .publisher_seq = witnesses.publisher_seq.value_or(0),
                      .networks = witnesses.networks.size(),
                      .peers = witnesses.peers});
  }
  std::sort(ranked.begin(), ranked.end(), [](const Candidate& a, const Candidate& b) {
    return key_of(a) != key_of(b) ? key_of(a) > key_of(b) : a.content < b.content;
  });
  return ranked;
}

Choice choose(std::span<const Announcement> announcements, const std::optional<store::Content>& pin) {
  Choice choice{rank(announcements, pin)};
  std::vector<Candidate>& candidates = choice.candidates;
  if (candidates.size() < 2) return choice;
  if (leads(candidates[0], candidates[1])) {
    candidates.resize(1);
    return choice;
  }
  if (candidates.size() > kMaxStaged) candidates.resize(kMaxStaged);
  for (Candidate& candidate : candidates) candidate.mark = Mark::kContested;
  return choice;
}

}  // namespace turnpike::sync
