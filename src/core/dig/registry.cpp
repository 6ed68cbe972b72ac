#include "core/dig/registry.h"

#include <algorithm>

#include "core/dig/address.h"

namespace turnpike::dig {
namespace {

// What the limit per address counts: an IPv6 host has a whole /64.
IpAddress host_of(const IpAddress& address) {
  IpAddress out = address;
  if (out.family == IpAddress::Family::kV6) std::fill(out.octets.begin() + 8, out.octets.end(), std::uint8_t{0});
  return out;
}

std::size_t count_of(const std::map<IpAddress, std::uint32_t>& counts, const IpAddress& key) {
  const auto at = counts.find(key);
  return at == counts.end() ? 0 : at->second;
}

void adjust(std::map<IpAddress, std::uint32_t>& counts, const IpAddress& key, int change) {
  std::uint32_t& count = counts[key];
  count = static_cast<std::uint32_t>(static_cast<int>(count) + change);
  if (count == 0) counts.erase(key);
}

}  // namespace

std::string_view to_string(RegistryError error) {
  switch (error) {
    case RegistryError::kSigned:
      return "this peer id is registered with a signature; an unsigned registration cannot replace it";
    case RegistryError::kTaken:
      return "this peer id is registered from another network, and lives";
    case RegistryError::kUnknown:
      return "Peer not found - please register first";
    case RegistryError::kFull:
      return "the bootstrap has no room for more old nodes";
    case RegistryError::kAddressFull:
      return "too many nodes are registered from this address";
    case RegistryError::kNetworkFull:
      return "too many nodes are registered from this network";
    case RegistryError::kEntriesFull:
      return "the bootstrap has no room for more stores";
  }
  return "";
}

Status<RegistryError> Registry::put(Now now, const IpAddress& observed_as, RegisterRequest request, bool is_signed) {
  handle_timeout(now.mono);
  const IpAddress observed = observed_as.unmapped();
  const PeerId id = request.peer;
  if (is_signed) {
    drop(id);
    return fail(RegistryError::kSigned);
  }
  auto at = peers_.find(id);
  const Peer* const old = at == peers_.end() ? nullptr : &at->second;
  const bool elsewhere = old != nullptr && network_of(old->observed) != network_of(observed);
  if (elsewhere && old->expires - kRegistrationLifetime + kTakeoverSilence > now.mono) {
    return fail(RegistryError::kTaken);
  }
  if (const auto error = limit_reached(old, observed, request.stores.size())) return fail(*error);

  if (old == nullptr) {
    at = peers_.emplace(id, Peer{}).first;
  } else {
    count(old->observed, -1);
    entries_ -= old->said.stores.size();
  }
  Peer& peer = at->second;
  // A proof is of an address; it goes where the node, or its claim, has moved away from it.
  peer.observed = observed;
  peer.said = std::move(request);
  peer.said.stores.shrink_to_fit();
  count(observed, 1);
  entries_ += peer.said.stores.size();
  if (peer.proof && peer.proof->http.address != observed) peer.proof.reset();
  touch(now, at);
  return Ok{};
}

Status<RegistryError> Registry::refresh(Now now, const IpAddress& observed, const PeerId& peer) {
  handle_timeout(now.mono);
  const auto at = peers_.find(peer);
  if (at == peers_.end()) return fail(RegistryError::kUnknown);
  // Whoever sees it gone from where it was registers it anew, from where it is.
  if (network_of(at->second.observed) != network_of(observed.unmapped())) return fail(RegistryError::kUnknown);
  touch(now, at);
  return Ok{};
}

Status<RegistryError> Registry::claim_turn(Now now, const IpAddress& observed, const TurnServerRequest& request) {
  const auto alive = refresh(now, observed, request.peer);
  if (!alive) return alive;
  RegisterRequest& said = peers_.at(request.peer).said;
  said.turn_capable = true;
  said.turn_addresses = request.turn_addresses;
  said.turn_port = request.turn_port;
  said.turn_capacity = request.turn_capacity;
  return Ok{};
}

void Registry::prove(Now now, const PeerId& peer, const Endpoint& http) {
  const auto at = peers_.find(peer);
  if (at == peers_.end() || http.address != at->second.observed) return;
  at->second.proof = Proof{http, now.mono + kProofLifetime};
}

void Registry::withdraw_proof(const PeerId& peer) {
  const auto at = peers_.find(peer);
  if (at != peers_.end()) at->second.proof.reset();
}

void Registry::drop(const PeerId& peer) {
  const auto at = peers_.find(peer);
  if (at != peers_.end()) remove(at);
}

void Registry::handle_timeout(Instant now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    ++expired_;
    remove(peers_.find(deadlines_.begin()->second));
  }
}

std::optional<Instant> Registry::poll_timeout() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::optional<Endpoint> Registry::to_prove(Instant now, const PeerId& id) const {
  const auto at = peers_.find(id);
  if (at == peers_.end() || !at->second.said.turn_capable) return std::nullopt;
  const Peer& peer = at->second;
  if (peer.proof && peer.proof->until > now + kProofLifetime / 2) return std::nullopt;
  for (const Endpoint& tcp : peer.said.turn_addresses) {
    // Nobody is sent anywhere but home.
    if (tcp.address == peer.observed) return http_of(tcp);
  }
  return std::nullopt;
}

std::optional<PeerRecord> Registry::find(Instant now, const PeerId& peer) const {
  const auto at = peers_.find(peer);
  if (at == peers_.end() || at->second.expires <= now) return std::nullopt;
  return record_of(now, peer, at->second, at->second.said.stores.size());
}

std::vector<PeerRecord> Registry::list(Instant now, const std::optional<PeerId>& after, std::size_t limit,
                                       std::size_t max_stores) const {
  std::vector<PeerRecord> out;
  auto at = after ? peers_.upper_bound(*after) : peers_.begin();
  for (; at != peers_.end() && out.size() < limit; ++at) {
    if (at->second.expires <= now) continue;
    out.push_back(record_of(now, at->first, at->second, max_stores));
    max_stores -= out.back().stores.size();
  }
  return out;
}

std::size_t Registry::proved(Instant now) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      peers_, [now](const auto& each) { return each.second.proof && each.second.proof->until > now; }));
}

std::optional<RegistryError> Registry::limit_reached(const Peer* old, const IpAddress& observed,
                                                     std::size_t stores) const {
  if (old == nullptr && peers_.size() >= limits_.peers) return RegistryError::kFull;
  const IpAddress host = host_of(observed);
  if ((old == nullptr || host_of(old->observed) != host) && count_of(by_address_, host) >= limits_.peers_per_address) {
    return RegistryError::kAddressFull;
  }
  const IpAddress network = network_of(observed);
  if ((old == nullptr || network_of(old->observed) != network) &&
      count_of(by_network_, network) >= limits_.peers_per_network) {
    return RegistryError::kNetworkFull;
  }
  const std::size_t before = old == nullptr ? 0 : old->said.stores.size();
  if (entries_ - before + stores > limits_.entries) return RegistryError::kEntriesFull;
  return std::nullopt;
}

PeerRecord Registry::record_of(Instant now, const PeerId& id, const Peer& peer, std::size_t max_stores) const {
  const auto shown = static_cast<std::ptrdiff_t>(std::min(max_stores, peer.said.stores.size()));
  PeerRecord out{.peer = id,
                 .addresses = peer.said.addresses,
                 .stores = {peer.said.stores.begin(), peer.said.stores.begin() + shown},
                 .last_seen = peer.last_seen,
                 .version = peer.said.version,
                 .bootstrap_capable = peer.said.bootstrap_capable,
                 .privacy_mode = peer.said.privacy_mode,
                 .capabilities = peer.said.capabilities,
                 .turn = {},
                 .turn_capacity = peer.said.turn_capacity};
  if (peer.proof && peer.proof->until > now) {
    if (const auto told = told_for(peer.proof->http)) out.turn.push_back(*told);
  }
  return out;
}

void Registry::touch(Now now, Table::iterator at) {
  deadlines_.erase({at->second.expires, at->first});
  at->second.expires = now.mono + kRegistrationLifetime;
  at->second.last_seen = now.wall;
  deadlines_.emplace(at->second.expires, at->first);
}

void Registry::remove(Table::iterator at) {
  deadlines_.erase({at->second.expires, at->first});
  count(at->second.observed, -1);
  entries_ -= at->second.said.stores.size();
  peers_.erase(at);
}

void Registry::count(const IpAddress& observed, int change) {
  adjust(by_address_, host_of(observed), change);
  adjust(by_network_, network_of(observed), change);
}

}  // namespace turnpike::dig
