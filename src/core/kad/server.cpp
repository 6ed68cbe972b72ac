#include "core/kad/server.h"

#include <algorithm>

#include "core/kad/key.h"
#include "core/kad/realm.h"

namespace turnpike::kad {
namespace {

constexpr std::size_t kMultihashHead = 2;  // of a provider key: the digest is behind it

// Those whom the asker could reach, as far as we know.
std::vector<Peer> told_to(const Asker& asker, const std::vector<Peer>& peers) {
  std::vector<Peer> out;
  for (const Peer& peer : peers) {
    Peer told{peer.id, passing(peer.addresses, asker.seen, peer.id)};
    if (!told.addresses.empty()) out.push_back(std::move(told));
  }
  return out;
}

Digest store_of(ByteView key) {
  Digest out{};
  std::copy_n(key.begin() + kMultihashHead, out.size(), out.begin());
  return out;
}

}  // namespace

Result<std::optional<Message>, Refused> Server::answer(Instant now, const Asker& asker, const Message& request) const {
  if (request.type == Type::kPutValue) return fail(Refused::kValue);
  Message reply{request.type, request.key, {}, {}};
  if (request.type == Type::kPing) return std::optional(reply);
  if (request.key.empty()) return fail(Refused::kKey);
  if (request.type == Type::kAddProvider) {
    if (!is_provider_key(request.key)) return fail(Refused::kKey);
    const auto own = std::ranges::find(request.providers, asker.id, &Peer::id);
    if (own != request.providers.end()) (void)providers.add(now, request.key, *own, asker.seen);
    return std::optional<Message>();
  }
  if (request.type == Type::kGetProviders && is_provider_key(request.key)) {
    std::vector<Peer> known;
    if (offers.has(store_of(request.key))) known.push_back(self);
    const std::vector<Peer> others = providers.of(now, request.key);
    known.insert(known.end(), others.begin(), others.end());
    reply.providers = told_to(asker, known);
  }
  reply.closer = told_to(asker, table.lively(Place::of(request.key), kReplication, asker.id));
  return std::optional(reply);
}

}  // namespace turnpike::kad
