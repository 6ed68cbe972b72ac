#include "core/punch/candidate.h"

#include <algorithm>

namespace turnpike::punch {
namespace {

std::uint32_t type_preference(CandidateKind kind) {
  switch (kind) {
    case CandidateKind::kHost:
      return 126;
    case CandidateKind::kMapped:
      return 120;
    case CandidateKind::kPeerReflexive:
      return 110;
    case CandidateKind::kReflexive:
      return 100;
    case CandidateKind::kPredicted:
      return 50;
  }
  return 0;
}

bool is_multicast_or_reserved(const IpAddress& address) {
  if (address.family == IpAddress::Family::kV4) return address.octets[0] >= 224 || address.octets[0] == 0;
  return address.octets[0] == 0xff;
}

bool is_link_local(const IpAddress& address) {
  if (address.family == IpAddress::Family::kV4) return address.octets[0] == 169 && address.octets[1] == 254;
  return address.octets[0] == 0xfe && (address.octets[1] & 0xc0U) == 0x80;
}

bool is_peers(const Endpoint& endpoint) {
  const IpAddress& address = endpoint.address;
  return endpoint.port >= kLowestPort && !address.is_unspecified() && !is_multicast_or_reserved(address) &&
         !is_link_local(address) && address.unmapped() == address;
}

bool is_behind_our_nat(std::span<const Candidate> told, std::span<const Candidate> ours) {
  const auto outside = [](const Candidate& candidate) {
    return candidate.kind != CandidateKind::kHost && candidate.endpoint.address.is_global();
  };
  return std::ranges::any_of(told, [&](const Candidate& theirs) {
    return outside(theirs) && std::ranges::any_of(ours, [&](const Candidate& own) {
             return outside(own) && own.endpoint.address == theirs.endpoint.address;
           });
  });
}

void drop_beyond_hosts(std::vector<Candidate>& candidates) {
  std::vector<IpAddress> hosts;
  std::erase_if(candidates, [&](const Candidate& candidate) {
    if (std::ranges::find(hosts, candidate.endpoint.address) != hosts.end()) return false;
    if (hosts.size() == kMaxHosts) return true;
    hosts.push_back(candidate.endpoint.address);
    return false;
  });
}

// Drops the last of the more numerous family until the rest has its place.
void drop_beyond_places(std::vector<Candidate>& candidates) {
  while (candidates.size() > kMaxCandidates) {
    const auto is_v6 = [](const Candidate& candidate) {
      return candidate.endpoint.address.family == IpAddress::Family::kV6;
    };
    const auto v6 = static_cast<std::size_t>(std::ranges::count_if(candidates, is_v6));
    const bool drop_v6 = v6 * 2 > candidates.size();
    const auto last = std::find_if(candidates.rbegin(), candidates.rend(),
                                   [&](const Candidate& candidate) { return is_v6(candidate) == drop_v6; });
    candidates.erase(std::next(last).base());
  }
}

}  // namespace

std::uint32_t priority_of(const Candidate& candidate, std::size_t index) {
  const bool is_v6 = candidate.endpoint.address.family == IpAddress::Family::kV6;
  const auto local = static_cast<std::uint32_t>(0xffff - std::min<std::size_t>(index, 0x7ffe)) - (is_v6 ? 0U : 0x8000U);
  return type_preference(candidate.kind) << 24U | (local & 0xffffU) << 8U | 255U;
}

std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled) {
  const std::uint64_t lower = std::min(controlling, controlled);
  const std::uint64_t upper = std::max(controlling, controlled);
  return lower << 32U | upper << 1U | (controlling > controlled ? 1U : 0U);
}

std::vector<Candidate> acceptable(std::span<const Candidate> told, std::span<const Candidate> ours) {
  told = told.first(std::min(told.size(), kMaxTold));
  const auto is_loopback = [](const Candidate& candidate) { return candidate.endpoint.address.is_loopback(); };
  const bool one_machine = std::ranges::any_of(ours, is_loopback);
  const bool same_nat = is_behind_our_nat(told, ours);
  std::vector<Candidate> out;
  for (const Candidate& candidate : told) {
    const Endpoint& endpoint = candidate.endpoint;
    if (!is_peers(endpoint) || (is_loopback(candidate) && !one_machine)) continue;
    if (!endpoint.address.is_global() && !same_nat && !one_machine) continue;
    const auto is_it = [&](const Candidate& other) { return other.endpoint == endpoint; };
    if (std::ranges::any_of(out, is_it) || std::ranges::any_of(ours, is_it)) continue;
    // Behind those of its own kind: the order they were told in is the peer's preference.
    const auto place =
        std::ranges::upper_bound(out, candidate.kind, {}, [](const Candidate& other) { return other.kind; });
    out.insert(place, candidate);
  }
  drop_beyond_hosts(out);
  drop_beyond_places(out);
  return out;
}

}  // namespace turnpike::punch
