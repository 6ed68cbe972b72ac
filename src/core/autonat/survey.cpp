#include "core/autonat/survey.h"

namespace turnpike::autonat {

std::optional<Endpoint> Survey::next(Instant now, const IpAddress& server, const std::vector<Endpoint>& unproved) {
  if (now < pause_until_ || !server.is_global()) return std::nullopt;
  std::erase_if(asked_, [&](const auto& entry) { return now - entry.second >= kAskAgain; });
  const IpAddress network = network_of(server.unmapped());
  for (const Endpoint& each : unproved) {
    const IpAddress address = each.address.unmapped();
    // It has to be able to dial that family, and a neighbour's word says nothing of the outside.
    if (address.family != server.unmapped().family || !address.is_global() || network_of(address) == network) continue;
    if (!asked_.emplace(std::pair(network, each), now).second) continue;
    pause_until_ = now + kAskPause;
    return each;
  }
  return std::nullopt;
}

}  // namespace turnpike::autonat
