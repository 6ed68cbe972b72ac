#include "core/reach/prober.h"

#include <algorithm>

namespace turnpike::reach {

using rendezvous::ProbeOutcome;

void Prober::handle_order(Instant now, std::size_t bootstrap, std::uint64_t number, const rendezvous::Service& target,
                          const rendezvous::ProofNonce& nonce) {
  if (!may_dial(now, target)) {
    reports_.push_back({bootstrap, number, ProbeOutcome::kDeclined});
    return;
  }
  const std::uint64_t id = ++last_id_;
  dials_.emplace(id, Open{bootstrap, number, now + 2 * rendezvous::kDialTime});
  wanted_.push_back({id, target, nonce});
}

bool Prober::may_dial(Instant now, const rendezvous::Service& target) {
  const auto& [address, port] = target.endpoint;
  if (!address.is_global() || dials_.size() >= kMaxDials) return false;
  if (port < kLowestPort && port != 80 && port != 443) return false;
  const bool near = std::ranges::any_of(own_, [&](const IpAddress& own) {
    return own.family == address.family && network_of(own) == network_of(address);
  });
  if (near) return false;
  const IpAddress host = rendezvous::host_of(address);
  if (rate_.wait(now, kDialRate, 1) > Duration{}) return false;
  return hosts_.take(now, host, 1) && rate_.take(now, kDialRate, 1);
}

void Prober::handle_dialled(Instant /*now*/, std::uint64_t id, ProbeOutcome outcome) {
  const auto at = dials_.find(id);
  if (at == dials_.end()) return;
  reports_.push_back({at->second.bootstrap, at->second.number, outcome});
  dials_.erase(at);
}

void Prober::handle_link_down(std::size_t bootstrap) {
  std::erase_if(wanted_, [&](const Dial& dial) { return dials_.at(dial.id).bootstrap == bootstrap; });
  std::erase_if(dials_, [&](const auto& each) { return each.second.bootstrap == bootstrap; });
  std::erase_if(reports_, [&](const Report& each) { return each.bootstrap == bootstrap; });
}

void Prober::handle_timeout(Instant now) {
  std::erase_if(dials_, [&](const auto& each) { return each.second.deadline <= now; });
  std::erase_if(wanted_, [&](const Dial& dial) { return !dials_.contains(dial.id); });
}

std::optional<Dial> Prober::poll_dial() {
  if (wanted_.empty()) return std::nullopt;
  const Dial out = wanted_.front();
  wanted_.pop_front();
  return out;
}

std::optional<Report> Prober::poll_report() {
  if (reports_.empty()) return std::nullopt;
  const Report out = reports_.front();
  reports_.pop_front();
  return out;
}

std::optional<Instant> Prober::poll_timeout() const {
  std::optional<Instant> out;
  for (const auto& [id, open] : dials_) {
    if (!out || open.deadline < *out) out = open.deadline;
  }
  return out;
}

}  // namespace turnpike::reach
