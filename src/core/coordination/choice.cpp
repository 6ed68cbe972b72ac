#include "core/coordination/choice.h"

#include <algorithm>
#include <tuple>

#include "crypto/hash.h"

namespace turnpike::coordination {
namespace {

void append(Bytes& out, const PeerId& peer) {
  const auto bytes = peer.to_bytes();
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

std::vector<PeerId> rank(const PeerId& requester, const PeerId& responder, const std::vector<Candidate>& candidates) {
  std::vector<std::tuple<Duration::rep, Digest, PeerId>> keyed;
  for (const Candidate& each : candidates) {
    Bytes name;
    append(name, requester);
    append(name, responder);
    append(name, each.server);
    const Duration sum = each.ours.value_or(kUnknownDistance) + each.theirs.value_or(kUnknownDistance);
    keyed.emplace_back(sum / kEquallyNear, crypto::sha256(name), each.server);
  }
  std::ranges::sort(keyed);
  std::vector<PeerId> out;
  for (const auto& [nearness, hash, server] : keyed) out.push_back(server);
  return out;
}

}  // namespace turnpike::coordination
