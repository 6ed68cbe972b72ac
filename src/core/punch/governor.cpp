#include "core/punch/governor.h"

#include <utility>

namespace turnpike::punch {

void Governor::turn_minute(Instant now) {
  if (now < minute_ends_) return;
  minute_ends_ = now + std::chrono::minutes(1);
  entries_.clear();
  probes_ = 0;
  std::erase_if(addresses_, [&](const auto& entry) { return entry.second.last + kGovernedFor <= now; });
}

Governor::Verdict Governor::ask(Instant now, std::uint32_t socket, const Endpoint& to, bool witnessed) {
  turn_minute(now);
  auto known = addresses_.find(to.address);
  if (known == addresses_.end() && addresses_.size() >= kMaxGoverned) return Verdict::kWait;
  const std::size_t share = witnessed ? limits_.unanswered_witnessed : limits_.unanswered;
  if (known != addresses_.end() && known->second.unanswered >= share) return Verdict::kStop;
  if (probes_ >= limits_.probes_per_minute) return Verdict::kWait;
  const std::pair entry{socket, to};
  if (!entries_.contains(entry)) {
    if (entries_.size() >= limits_.entries_per_minute) return Verdict::kWait;
    entries_.insert(entry);
    ++entries_made_;
  }
  if (known == addresses_.end()) known = addresses_.emplace(to.address, Address{}).first;
  ++known->second.unanswered;
  known->second.last = now;
  ++probes_;
  ++probes_sent_;
  return Verdict::kSend;
}

void Governor::handle_answer(const IpAddress& from) {
  const auto known = addresses_.find(from);
  if (known != addresses_.end()) known->second.unanswered = 0;
}

}  // namespace turnpike::punch
